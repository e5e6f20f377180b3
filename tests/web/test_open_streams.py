"""Streams are counted by client: who opens many is refused, the others are not; what ends makes room."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from poolscope.errors import TooManyStreams, TooManyViewers
from poolscope.runs.visitors import Visitor
from poolscope.web.open_streams import OpenStreams


async def endless() -> AsyncGenerator[int, None]:
    while True:
        yield 1


async def opened(streams: OpenStreams, name: str, address: str = "") -> AsyncIterator[int]:
    visitor = Visitor(name, address or name)
    streams.check(visitor)
    stream = streams.counted(visitor, endless())
    assert await anext(stream) == 1
    return stream


async def test_one_client_can_refuse_nobody_but_himself() -> None:
    streams = OpenStreams(4, 2)
    greedy = [await opened(streams, "greedy") for _ in range(2)]
    with pytest.raises(TooManyStreams) as refused:
        streams.check(Visitor("greedy", "greedy"))
    assert refused.value.retry_after > 0
    await opened(streams, "one")
    others = await opened(streams, "two")
    with pytest.raises(TooManyViewers):
        streams.check(Visitor("three", "three"))
    for each in (*greedy, others):
        await each.aclose()  # type: ignore[attr-defined]
    assert len(streams) == 1
    await opened(streams, "greedy")


async def test_many_cookies_of_one_address_leave_half_to_others() -> None:
    streams = OpenStreams(6, 2)
    for number in range(3):
        await opened(streams, f"cookie {number}", "there")
    with pytest.raises(TooManyStreams):
        streams.check(Visitor("cookie 3", "there"))
    await opened(streams, "somebody", "elsewhere")


async def test_a_stream_that_fails_is_not_counted_any_more() -> None:
    async def broken() -> AsyncGenerator[int, None]:
        yield 1
        raise OSError("the disk")

    streams = OpenStreams(1, 1)
    stream = aiter(streams.counted(Visitor("one", "one"), broken()))
    assert (await anext(stream), len(streams)) == (1, 1)
    with pytest.raises(OSError, match="the disk"):
        await anext(stream)
    assert len(streams) == 0
