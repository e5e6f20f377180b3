"""Streams are counted by client: who opens many is refused, the others are not; what ends makes room."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from poolscope.errors import TooManyStreams, TooManyViewers
from poolscope.runs.run import Visitor
from poolscope.web.open_streams import CROWD, OpenStreams


def opened(streams: OpenStreams, name: str, address: str = "") -> ExitStack:
    visitor = Visitor(name, address or name)
    streams.check(visitor)
    stream = ExitStack()
    stream.enter_context(streams.opened(visitor))
    return stream


def test_one_client_can_refuse_nobody_but_himself() -> None:
    streams = OpenStreams(4, 2)
    greedy = [opened(streams, "greedy") for _ in range(2)]
    with pytest.raises(TooManyStreams) as refused:
        streams.check(Visitor("greedy", "greedy"))
    assert refused.value.retry_after > 0
    others = [opened(streams, "one"), opened(streams, "two")]
    with pytest.raises(TooManyViewers):
        streams.check(Visitor("three", "three"))
    for each in (*greedy, others[0]):
        each.close()
    assert len(streams) == 1
    with opened(streams, "greedy"):
        assert len(streams) == 2


def test_many_cookies_of_one_address_leave_half_to_others() -> None:
    streams = OpenStreams(6, 2)
    there = [opened(streams, f"cookie {number}", "there") for number in range(3)]
    assert len(streams) == len(there)
    with pytest.raises(TooManyStreams):
        streams.check(Visitor("cookie 3", "there"))
    with opened(streams, "somebody", "elsewhere"):
        assert len(streams) == 4


def test_a_stream_that_fails_is_not_counted_any_more() -> None:
    streams, stream = OpenStreams(1, 1), ExitStack()
    stream.enter_context(streams.opened(Visitor("one", "one")))
    assert len(streams) == 1
    stream.__exit__(OSError, OSError("the disk"), None)
    assert len(streams) == 0


def test_that_a_crowd_has_left_is_told_once_a_crowd() -> None:
    streams, visitor = OpenStreams(), Visitor("one", "one")

    def come_and_leave(count: int, staying: int) -> list[bool]:
        for _ in range(count):
            streams.enter(visitor)
        told = []
        for _ in range(count - staying):
            streams.leave(visitor)
            told.append(streams.crowd_has_left())
        return told

    assert not any(come_and_leave(CROWD - 1, 0))
    for _ in range(2):
        told = come_and_leave(CROWD, 0)
        assert (told.count(True), told.index(True)) == (1, CROWD - CROWD // 10 - 1)
    assert not any(come_and_leave(CROWD, CROWD // 2))
