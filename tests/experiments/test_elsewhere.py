"""Every tool, and the failures that differ, under other Pythons, as runners; skipped where this machine has none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import pytest
from poolscope.experiments.failures import state as failures
from poolscope.experiments.failures.catalogue import FAULTS, POOLS
from poolscope.experiments.failures.export import left, matrix
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.sharing import state as sharing
from poolscope.experiments.sharing.params import SharingParams
from poolscope.machine.processes import members
from poolscope.protocol.records import Span

from tests.children import end_of, perform, runner
from tests.pythons import executable_of
from tests.waiting import until, until_gone

# What touches processes, and so the newest Python's fork server, stacks of threads, and the system's limits. What a
# pool does with a dead worker or with what can't be pickled is seen side by side; plain threads are as in any Python.
DIFFER = [
    "process-uncaught",
    "process-queue",
    "pool-methods",
    "time-limit",
    "lock-exception",
    "deadlock",
    "memory-limit",
    "keyboard-interrupt",
    "central-logging",
]
PARTS = [DIFFER[first::3] for first in range(3)]  # in runners of their own at once, as they mostly wait
# The oldest Python without a GIL, which has no interpreters, and the newest, which has; the tests' own is another.
PYTHONS = ("python3.13t", "python3.15")


@pytest.fixture(params=PYTHONS)
def elsewhere(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The name and the path of another Python."""
    return request.param, executable_of(request.param)


def test_a_killed_runner_leaves_no_process_and_no_semaphore(elsewhere: tuple[str, str]) -> None:
    """From 3.14 on, Python starts workers by a fork server, where only the resource tracker knows the semaphores."""
    long = FailuresParams(scenarios=["worker-killed"], task=10, limit=5).model_dump()
    with runner("failures", long, elsewhere[1]) as child:
        child.until(lambda record: isinstance(record, Span) and record.actor.startswith("worker"))
        lab = psutil.Process(child.process.pid).children()[0]
        child.process.kill()
        until_gone([lab])
    until(lambda: not members(lab.pid), "the end of its workers")
    until(lambda: not list(Path("/dev/shm").glob(f"*fl-{lab.pid}-*")), "the end of the semaphores")


def test_every_tool_is_right_and_without_a_guard_wrong(elsewhere: tuple[str, str]) -> None:
    name, python = elsewhere
    params = SharingParams(operations=200, repeats=1)
    records = perform("sharing", params.model_dump(), python)
    assert end_of(records).outcome == "finished"
    state = sharing.initial(params)
    for record in records:
        state = sharing.fold(state, record)
    assert not [row.failed for row in state.rows if row.failed]
    assert [row.tool.name for row in state.rows if row.missing] == (["interpreters"] if name == "python3.13t" else [])
    assert all(row.as_it_should for row in state.rows if not row.missing)


def state_under(python: str, scenarios: list[str]) -> failures.FailuresState:
    """What a run of these has come to under another Python."""
    params = FailuresParams(scenarios=scenarios, task=0.6, limit=0.3)
    records = perform("failures", params.model_dump(), python)
    assert end_of(records).outcome == "finished"
    state = failures.initial(params)
    for record in records:
        state = failures.fold(state, record)
    return state


def all_is_told(state: failures.FailuresState) -> bool:
    """Whether every case has an outcome of its own and left nothing."""
    broken = [case for case in state.cases.values() if case.ending in ("broken", "ended by us", "running")]
    return state.done == state.total and not broken and not any(left(state).values())


def test_failures_of_processes_and_locks_are_told_and_leave_nothing_in_the_newest_python() -> None:
    newest = executable_of(PYTHONS[-1])
    with ThreadPoolExecutor(len(PARTS)) as at_once:
        assert all(map(all_is_told, at_once.map(partial(state_under, newest), PARTS)))


def test_the_same_fault_under_each_kind_of_pool(elsewhere: tuple[str, str]) -> None:
    name, python = elsewhere
    state = state_under(python, ["side-by-side"])
    assert all_is_told(state)
    cells = {(cell["fault"], cell["tool"]): cell["outcome"] for cell in matrix(state)}
    pool, executor = POOLS
    assert (cells["exits", pool], cells["exits", executor]) == ("never answered", "pool broken")
    of_interpreters = [cells[fault, "InterpreterPoolExecutor"] for fault in FAULTS]
    assert of_interpreters == (
        ["raised", "process died", "no answer in time", "raised"]
        if name != "python3.13t"
        else ["not in this Python"] * 4
    )
