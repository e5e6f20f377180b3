"""Why results differ is told by a code with its numbers, or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from poolscope.experiments.pool_benchmark.plan import planned
from poolscope.experiments.pool_benchmark.sessions import HowToMeasure, InterpreterSession
from poolscope.protocol.arguments import BenchmarkWork, InterpreterPath
from poolscope.protocol.payloads import MeasurementReport
from poolscope.runner.context import RunContext

from tests.cases.judging import looped, tried
from tests.cases.measuring import HERE, StartHost, shared_host
from tests.cases.measuring import measured as measured_by
from tests.runner.conftest import context

__all__ = ["context", "shared_host"]

Session = Callable[[str], InterpreterSession]


@pytest.fixture
def session(context: RunContext, tmp_path: Path) -> Iterator[Session]:
    sessions = []

    def entered(work: str) -> InterpreterSession:
        python = InterpreterPath("9.9", sys.executable)
        named = BenchmarkWork(f"differing_results:{work}", str(HERE))
        sessions.append(InterpreterSession(context, python, named, tmp_path, 30.0))
        sessions[-1].enter()
        sessions[-1].measure(planned("9.9", "serial", items=1), HowToMeasure())
        return sessions[-1]

    yield entered
    for one in sessions:
        one.end()


def measured(session: InterpreterSession, kind: str, start_method: str, size: int) -> MeasurementReport:
    return session.measure(planned("9.9", kind, size, start_method, items=8), HowToMeasure())


@pytest.mark.parametrize("function", ["entries_of_set", "bucket"])
def test_the_hash_seed_is_found_by_trying_others(session: Session, function: str) -> None:
    one = session(f"{function}@items")
    report = measured(one, "process", "spawn", 1)
    assert report.difference is not None
    assert (report.same, report.difference.code) == (False, "hash-seed")
    assert measured(one, "process", "fork", 1).same is True  # forked workers have that of the main process


def test_a_rounding_is_no_difference(shared_host: StartHost) -> None:
    """Where the order of the terms happens to be the same, so is the sum."""
    host = shared_host("differing_results:sum_of_set@items", pure=True)
    looped(host)
    report = measured_by(host, "process", "spawn", 1)
    assert report.same is True
    assert report.difference is None or (report.difference.code == "rounding" and report.difference.largest < 1e-14)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("function", "kind", "code", "differing", "names"),
    [
        ("seeds_for_all", "thread", "shared-generator", None, ("random",)),
        ("process_id", "process", "identity", 8, ()),
        ("process_id_in_a_text", "process", "identity", 8, ()),
        ("thread_id", "thread", "identity", 8, ()),
        ("process_name", "pool", "identity", 8, ()),
        ("fills", "thread", "shared-globals", None, ("kept",)),
        ("wrong_in_worker", "process", "unknown", 8, ()),
    ],
)
def test_the_results_and_the_state_of_the_main_process_tell_why(
    shared_host: StartHost, function: str, kind: str, code: str, differing: int | None, names: tuple[str, ...]
) -> None:
    host = shared_host(f"differing_results:{function}@items", pure=True)
    looped(host)
    report = measured_by(host, kind, "" if kind == "thread" else "fork")
    assert report.same is False
    assert report.difference is not None
    assert (report.difference.code, report.difference.names) == (code, names)
    assert differing in (None, report.difference.differing)


# Small numbers repeat by nature: there it is the generators' states that tell.
@pytest.mark.parametrize(
    ("function", "kind", "differing", "by_states"),
    [("draws", "pool", 8, False), ("draws_small_numbers", "process", None, True)],
)
def test_workers_that_begin_with_the_same_random_state_are_told(
    session: Session, function: str, kind: str, differing: int | None, by_states: bool
) -> None:
    report = measured(session(f"{function}@items"), kind, "fork", 2)
    assert report.same is False
    assert report.difference is not None
    assert (report.difference.code, report.difference.names) == ("same-random-state", ("drawing",))
    assert differing in (None, report.difference.differing)
    assert (report.difference.pair is None, report.difference.repeated < 2) == (by_states, by_states)


def test_a_spawned_worker_lacks_what_the_main_process_has_set(session: Session) -> None:
    report = measured(session("scaled@set_scale"), "process", "spawn", 1)
    assert report.difference is not None
    assert (report.difference.code, report.difference.names, report.difference.item) == ("main-globals", ("scale",), 1)


@pytest.mark.parametrize(
    ("function", "code", "names"),
    [
        ("draws", "random", ("drawing",)),
        ("now", "clock", ()),
        ("takes_time", "clock", ()),
        ("address", "address", ()),
        ("object_id", "address", ()),
        ("temporary_name", "token", ()),
        ("unique_id", "token", ()),
    ],
)
def test_results_that_change_at_each_call_are_told_why_beforehand(
    shared_host: StartHost, tmp_path: Path, function: str, code: str, names: tuple[str, ...]
) -> None:
    trial = tried(shared_host(f"differing_results:{function}@items", pure=True), tmp_path)
    assert trial.repeats_equal is False
    assert trial.repeat_difference is not None
    assert (trial.repeat_difference.code, trial.repeat_difference.names) == (code, names)
