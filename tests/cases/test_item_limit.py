"""Items that take longer than each may are found, listed and left out, however they spend their time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from poolscope.experiments.pool_benchmark.plan import planned
from poolscope.experiments.pool_benchmark.sessions import HowToMeasure, InterpreterLost, InterpreterSession
from poolscope.protocol.arguments import BenchmarkWork, InterpreterPath
from poolscope.runner.context import RunContext

from tests.cases.measuring import HERE
from tests.runner.conftest import context

__all__ = ["context"]

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
    ("function", "numbers"),
    [("sleeps", [2, 5]), ("computes", [4]), ("catches", [1]), ("stays_in_c", [3]), ("awaits", [0])],
)
def test_slow_items_are_listed_and_the_others_measured(session: Session, function: str, numbers: list[int]) -> None:
    one = session(function)
    one.enter()
    assert one.slow is not None
    assert (one.slow.limit_s, one.slow.count) == (LIMIT_S, 6)
    assert [item.number for item in one.slow.items] == numbers
    assert all(item.seconds >= LIMIT_S and item.item == str(item.number) for item in one.slow.items)
    assert one.trial is not None
    assert one.trial.count == 6 - len(numbers)
    assert one.measure(planned("9.9", "serial", items=1), HowToMeasure()).map > 0


def test_where_all_are_slow_there_is_nothing_to_measure(session: Session) -> None:
    with pytest.raises(InterpreterLost, match=r"every item"):
        session("always_slow").enter()
