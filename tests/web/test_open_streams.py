"""Streams are counted by client: who opens many is refused, the others are not; what ends makes room."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from poolscope.errors import TooManyStreams, TooManyViewers
from poolscope.web.open_streams import OpenStreams


async def endless() -> AsyncGenerator[int, None]:
    while True:
        yield 1


async def opened(streams: OpenStreams, client: str) -> AsyncIterator[int]:
    streams.check(client)
    stream = streams.counted(client, endless())
    assert await anext(stream) == 1
    return stream


async def test_one_client_can_refuse_nobody_but_himself() -> None:
    streams = OpenStreams(4, 2)
    greedy = [await opened(streams, "greedy") for _ in range(2)]
    with pytest.raises(TooManyStreams) as refused:
        streams.check("greedy")
    assert refused.value.retry_after > 0
    await opened(streams, "one")
    others = await opened(streams, "two")
    with pytest.raises(TooManyViewers):
        streams.check("three")
    for each in (*greedy, others):
        await each.aclose()  # type: ignore[attr-defined]
    assert len(streams) == 1
    await opened(streams, "greedy")


async def test_a_stream_that_fails_is_not_counted_any_more() -> None:
    async def broken() -> AsyncGenerator[int, None]:
        yield 1
        raise OSError("the disk")

    streams = OpenStreams(1, 1)
    stream = aiter(streams.counted("one", broken()))
    assert (await anext(stream), len(streams)) == (1, 1)
    with pytest.raises(OSError, match="the disk"):
        await anext(stream)
    assert len(streams) == 0
