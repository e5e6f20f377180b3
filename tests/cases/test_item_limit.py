"""Items that take longer than each may are found, listed and left out, however they spend their time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from poolscope.experiments.pool_benchmark.plan import planned
from poolscope.experiments.pool_benchmark.sessions import HowToMeasure, InterpreterLost, InterpreterSession
from poolscope.protocol.arguments import BenchmarkWork, InterpreterPath
from poolscope.protocol.commands import SiftItems
from poolscope.protocol.payloads import SlowItem, SlowItems
from poolscope.runner.context import RunContext

from tests.cases.measuring import HERE, StartHost, shared_host
from tests.runner.conftest import context

__all__ = ["context", "shared_host"]

LIMIT_S = 0.4

Session = Callable[[str], InterpreterSession]


@pytest.fixture
def session(context: RunContext, tmp_path: Path) -> Iterator[Session]:
    sessions = []

    def made(function: str) -> InterpreterSession:
        python = InterpreterPath("9.9", sys.executable)
        work = BenchmarkWork(f"slow_items:{function}@items", str(HERE))
        sessions.append(InterpreterSession(context, python, work, tmp_path, 30.0, LIMIT_S))
        return sessions[-1]

    yield made
    for one in sessions:
        one.end()


@pytest.mark.parametrize(
    ("function", "numbers"), [("sleeps", [2, 5]), ("computes", [4]), ("catches", [1]), ("awaits", [0])]
)
def test_slow_items_are_listed(shared_host: StartHost, tmp_path: Path, function: str, numbers: list[int]) -> None:
    host = shared_host(f"slow_items:{function}@items", pure=True)
    slow = host.sift(SiftItems(LIMIT_S, str(tmp_path / "log"), 0), 30.0)
    assert [item.number for item in slow] == numbers
    assert all(item.seconds >= LIMIT_S and item.item == str(item.number) for item in slow)


def test_what_no_signal_stops_is_ended_and_the_others_are_measured(session: Session) -> None:
    one = session("stays_in_c")
    one.enter()
    assert one.slow is not None
    assert (one.slow.limit_s, one.slow.count) == (LIMIT_S, 6)
    (slow,) = one.slow.items
    assert (slow.number, slow.item) == (3, "3")
    assert slow.seconds >= LIMIT_S
    assert one.trial is not None
    assert one.trial.count == 5
    assert one.measure(planned("9.9", "serial", items=1), HowToMeasure()).map > 0


def test_where_all_are_slow_there_is_nothing_to_measure(session: Session) -> None:
    all_slow = session("sleeps")
    all_slow.slow = SlowItems(LIMIT_S, 6, tuple(SlowItem(number, str(number), LIMIT_S) for number in range(6)))
    with pytest.raises(InterpreterLost, match=r"every item"):
        all_slow.enter()
