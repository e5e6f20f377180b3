"""Every failure scenario with real threads and processes: what was observed, and that nothing is left."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from poolscope.experiments.failures import case_log
from poolscope.experiments.failures.catalogue import EVERY, SCENARIOS
from poolscope.experiments.failures.export import left, matrix
from poolscope.experiments.failures.locked import LockHolders, started, watchdog
from poolscope.experiments.failures.messages import case_sentence
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.failures.payloads import CaseBegan, LockEdge, LockGraph, OutputRead
from poolscope.experiments.failures.pooled import Tally, wait_for_all
from poolscope.experiments.failures.state import Case, FailuresState, fold, initial
from poolscope.experiments.failures.tools import NoAnswer
from poolscope.protocol.records import Actor, Failure, Record, Result, Span

from tests.children import Child, end_of, perform, runner
from tests.waiting import until, until_gone

SCALED: dict[str, Any] = {"task": 0.6, "limit": 0.3}
Ask = Callable[..., Case]
THREE = ("ThreadPoolExecutor", "Pool", "ProcessPoolExecutor")


def asked(*scenarios: str) -> dict[str, Any]:
    return FailuresParams(scenarios=list(scenarios) or ["all"], **SCALED).model_dump()


def folded(records: list[Record]) -> FailuresState:
    state = initial(FailuresParams(**SCALED))
    for record in records:
        state = fold(state, record)
    return state


def observe(scenarios: Sequence[str]) -> FailuresState:
    """The state after a run of scenarios, of which nothing is left."""
    with runner("failures", asked(*scenarios)) as child:
        records = child.to_the_end()
    assert end_of(records).outcome == "finished"
    until(lambda: not members(child.process.pid), f"the end of {members(child.process.pid)}")
    return folded(records)


@pytest.fixture(scope="module")
def observed() -> Callable[[str], FailuresState]:
    """The state after the run of a scenario, which all tests of it share."""
    parts = [EVERY[first::4] for first in range(4)]  # runs of their own at once, as they mostly wait
    with ThreadPoolExecutor(len(parts)) as at_once:
        states = list(at_once.map(observe, parts))
    return lambda scenario: next(state for state in states if state.of(scenario))


@pytest.fixture
def case(observed: Callable[[str], FailuresState]) -> Ask:
    def of(scenario: str, name: str = "") -> Case:
        return next(case for case in observed(scenario).of(scenario) if case.case == name)

    return of


@pytest.mark.parametrize("scenario", EVERY)
def test_every_case_tells_its_story_and_its_outcome_and_leaves_nothing(
    observed: Callable[[str], FailuresState], scenario: str
) -> None:
    state = observed(scenario)
    assert [case.case for case in state.of(scenario)] == list(SCENARIOS[scenario].cases)
    for case in state.of(scenario):
        assert case.ending not in ("broken", "ended by us", "running", "stopped"), case.observed
        assert case_sentence(case)
        assert case.seconds is not None
        assert not case.orphans
        if case.ending not in ("not in this Python", "process died"):
            assert case.moments
            assert [moment.t for moment in case.moments] == sorted(moment.t for moment in case.moments)
            assert "main" in case.lanes.actors
            assert case.lanes.spans
        if case.surfaced and case.noticed_s is not None and not case.unreported:
            assert case.surfaced.t in {moment.t for moment in case.moments}, "it was noticed as the story tells it"
    assert not any(left(state).values())


def exception(case: Case) -> tuple[str, str]:
    assert case.surfaced is not None, case.observed
    return case.surfaced.type, case.surfaced.surfaced_in


def exit_code(case: Case) -> int | None:
    assert case.observed.exit_code is not None
    return case.observed.exit_code.code


def left_over(case: Case) -> int:
    assert case.observed.cleaned is not None
    return case.observed.cleaned.left


def test_a_thread_that_catches_goes_on(case: Ask) -> None:
    seen = case("thread-caught")
    assert seen.ending == "handled"
    assert exception(seen) == ("ValueError", "the worker thread itself")
    assert (seen.kept, seen.lost) == (("10 / 1 = 10", "10 / 2 = 5", "10 / 4 = 2.5"), ("10 / 0",))


def test_nobody_but_the_hook_learns_of_a_thread_that_does_not(case: Ask) -> None:
    seen = case("thread-uncaught")
    assert seen.ending == "silent"
    assert exception(seen) == ("ValueError", "threading.excepthook, on stderr")
    assert "Cannot process 0" in seen.observed.stderr
    assert seen.lost == ("10 / 0", "10 / 4")


def test_a_queue_between_threads_keeps_the_workers_frames_and_one_between_processes_does_not(case: Ask) -> None:
    for scenario, frames in (("thread-queue", True), ("process-queue", False)):
        seen = case(scenario)
        assert seen.ending == "raised"
        assert exception(seen) == ("ValueError", "the main thread")
        assert seen.observed.frames_shown is frames
        assert seen.surfaced is not None
        assert ("in divide" in seen.surfaced.traceback) is frames
        assert seen.noticed_s is not None


def test_a_future_raises_and_its_executor_goes_on(case: Ask) -> None:
    seen = case("thread-future")
    assert exception(seen) == ("ValueError", "Future.result() in the main thread")
    assert seen.observed.usable is True
    assert len(seen.kept) == 3


def test_a_process_that_catches_ends_well_and_one_that_does_not_ends_with_1(case: Ask) -> None:
    caught, uncaught = case("process-caught"), case("process-uncaught")
    assert (caught.ending, exit_code(caught), len(caught.kept)) == ("handled", 0, 3)
    assert (uncaught.ending, exit_code(uncaught), len(uncaught.kept)) == ("silent", 1, 2)
    assert exception(uncaught) == ("ValueError", "its own stderr and exit code")


@pytest.mark.parametrize(
    ("method", "kept"), [("Pool.map", 0), ("Pool.imap", 3), ("Pool.apply_async", 3), ("futures", 3)]
)
def test_map_loses_all_results_and_the_others_one(case: Ask, method: str, kept: int) -> None:
    seen = case("pool-methods", method)
    assert seen.ending == "raised"
    assert seen.surfaced is not None
    assert (seen.surfaced.type, seen.surfaced.message) == ("ValueError", "Cannot process 0")
    assert "in divide" in seen.surfaced.traceback  # a pool sends the worker's traceback along as text
    assert (len(seen.kept), len(seen.lost)) == (kept, 4 - kept)
    assert sorted(seen.observed.computed) == ["10 / 0", "10 / 1", "10 / 2", "10 / 4"]
    assert seen.observed.usable is True
    if method == "Pool.apply_async":
        assert seen.observed.error_callbacks == ("ValueError('Cannot process 0')",)


@pytest.mark.parametrize("death", ["SIGKILL", "os._exit", "segmentation fault"])
def test_a_pool_never_answers_for_a_dead_worker_and_an_executor_breaks(case: Ask, death: str) -> None:
    pool, executor = case("worker-killed", f"{death} / Pool"), case("worker-killed", f"{death} / ProcessPoolExecutor")
    assert (pool.ending, pool.lost, pool.surfaced) == ("never answered", ("task 5",), None)
    assert len(pool.kept) == 7
    assert executor.ending == "pool broken"
    assert exception(executor) == ("BrokenProcessPool", "Future.result() in the main thread")
    assert "task 5" in executor.lost
    assert len(executor.kept) + len(executor.lost) == 8
    assert executor.noticed_s is not None
    assert executor.observed.usable is False
    assert is_killed_from_the_fault_on(pool)
    assert is_killed_from_the_fault_on(executor)


def is_killed_from_the_fault_on(seen: Case) -> bool:
    """Whether the worker's lane is in its task until the fault, and being killed from then to its end."""
    fault = next(moment for moment in seen.moments if moment.state == "killed")
    own = sorted((span for span in seen.lanes.spans if span.actor == fault.actor), key=lambda span: span.t0)
    states = [span.state for span in own]
    killed = states.index("killed")
    until = own[killed - 1].t1 == own[killed].t0 >= fault.t
    return until and set(states[:killed]) == {"running"} and set(states[killed:]) == {"killed"}


@pytest.fixture
def case_log_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(case_log.FILE, str(tmp_path / "log"))


class LatePool:
    """Answers a ticket, the seconds that its task takes on a slow machine, to whoever waits that long."""

    def get(self, ticket: float, seconds: float) -> int:
        if seconds < ticket:
            raise NoAnswer
        return 1


def test_a_late_task_is_not_lost() -> None:
    tickets = {"task 4": 0.0, "task 5": float("inf"), "task 6": 10.0, "task 7": 0.0}
    for fault in ("SIGKILL", "too long"):
        tally = Tally("get() in the main thread")
        wait_for_all(LatePool(), tickets, tally, 0.5, fault)  # type: ignore[arg-type]  # all that it needs of a pool
        assert (sorted(tally.results), tally.unanswered) == (["task 4", "task 6", "task 7"], ["task 5"])


def test_a_process_is_terminated_at_its_limit_and_a_thread_runs_on(case: Ask) -> None:
    process, thread = case("time-limit", "process"), case("time-limit", "thread")
    assert (process.ending, exit_code(process)) == ("timed out", -signal.SIGTERM)
    assert "no such process" in process.moments[-1].text
    assert thread.ending == "can't be ended"
    assert thread.seconds is not None
    assert thread.seconds >= SCALED["task"]


def test_a_lock_that_nobody_releases_is_found_with_owner_waiters_and_stacks(case: Ask) -> None:
    stuck, freed = case("lock-exception", "acquire without finally"), case("lock-exception", "with")
    assert stuck.ending == "waits for ever"
    assert stuck.observed.graph == LockGraph((LockEdge("B", "lock", "A"), LockEdge("C", "lock", "A")), cycle=())
    assert stuck.observed.stacks.keys() == {"B", "C"}
    assert all("in acquire" in stack for stack in stuck.observed.stacks.values())
    (held,) = [span for span in stuck.lanes.spans if span.state == "holding"]
    assert held.actor == "A"
    assert {span.actor for span in stuck.lanes.now.values() if span.state == "waiting"} == {"B", "C"}
    assert freed.ending == "released"
    assert len(freed.kept) == 2


@pytest.mark.usefixtures("case_log_file")
def test_a_thread_that_is_late_is_not_stuck() -> None:
    go = threading.Event()

    class Looked(LockHolders):
        """Lets the thread end once somebody has looked who waits for a lock: it does not."""

        def edges(self) -> tuple[LockEdge, ...]:
            go.set()
            return super().edges()

    assert watchdog(started(("late", go.wait)), 0, Looked()) == []


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_deadlock_is_found_by_its_cycle_with_both_stacks(case: Ask, kind: str) -> None:
    seen = case("deadlock", f"{kind}{'s' if kind == 'thread' else 'es'}, opposite order")
    assert seen.ending == "deadlock"
    assert seen.observed.graph is not None
    assert sorted(seen.observed.graph.cycle) == [f"{kind} 1", f"{kind} 2"]
    assert seen.observed.stacks.keys() == {f"{kind} 1", f"{kind} 2"}
    assert all("locked.py" in stack for stack in seen.observed.stacks.values())
    for actor in (f"{kind} 1", f"{kind} 2"):
        own = [span for span in (*seen.lanes.spans, *seen.lanes.now.values()) if span.actor == actor]
        waits = [span for span in own if span.state == "waiting"]
        assert len({wait.t0 for wait in waits}) == 1, "of the first lock, which was free, it waits for nobody"
        assert any(held.t0 < waits[0].t0 < (held.t1 or 0) for held in own if held.state == "holding")


def test_one_order_cures_the_deadlock(case: Ask) -> None:
    assert case("deadlock", "threads, same order").ending == "no deadlock"


@pytest.mark.parametrize("tool", ["Pool", "ProcessPoolExecutor"])
def test_what_can_not_be_pickled_is_raised_for_its_task_alone(case: Ask, tool: str) -> None:
    for what in ("argument", "function", "result"):
        seen = case("not-picklable", f"{what} / {tool}")
        assert (seen.ending, seen.lost, len(seen.kept)) == ("raised", ("task 5",), 7)
        assert "pickle" in (seen.surfaced.traceback if seen.surfaced else "")


def test_an_exception_that_can_not_be_read_back_stops_a_pool_for_good_and_breaks_an_executor(case: Ask) -> None:
    assert case("not-picklable", "exception / Pool").ending == "never answered"
    assert case("not-picklable", "exception / ProcessPoolExecutor").ending == "pool broken"
    assert case("not-picklable", "initializer raises / Pool").kept == ()
    assert case("not-picklable", "initializer raises / Pool").ending == "never answered"
    assert case("not-picklable", "initializer raises / ProcessPoolExecutor").ending == "pool broken"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep RLIMIT_AS")
def test_a_memory_limit_ends_the_worker_and_not_its_parent(case: Ask) -> None:
    seen = case("memory-limit")
    assert (seen.ending, exit_code(seen)) == ("contained", 1)
    assert 0 < (seen.observed.grown or 0) < 256 * 1024 * 1024  # what was mapped before and not in use counts too
    assert exception(seen) == ("MemoryError", "the worker itself, on stderr")


def test_a_flood_blocks_its_writer_until_somebody_reads(case: Ask) -> None:
    waits, reads = case("output-flood", "wait, then read"), case("output-flood", "read with a bound")
    assert (waits.ending, reads.ending) == ("blocked", "contained")
    assert exception(waits)[0] == "TimeoutExpired"
    for seen in (waits, reads):
        assert seen.observed.output == OutputRead(kept=16 * 1024, counted=4 * 1024 * 1024)


@pytest.mark.parametrize("tool", ["Pool", "ProcessPoolExecutor"])
def test_a_keyboard_interrupt_comes_out_of_the_wait_and_the_pool_ends(case: Ask, tool: str) -> None:
    seen = case("keyboard-interrupt", tool)
    assert seen.ending == "interrupted"
    assert exception(seen)[0] == "KeyboardInterrupt"
    assert len(seen.kept) + len(seen.lost) == 6
    assert left_over(seen) == 0


def test_closing_a_pool_ends_processes_at_work_and_no_thread_at_work(case: Ask) -> None:
    left_at_work = {tool: left_over(case("side-by-side", f"too long / {tool}")) for tool in THREE}
    assert left_at_work == {"ThreadPoolExecutor": 1, "Pool": 0, "ProcessPoolExecutor": 0}
    assert left_over(case("side-by-side", "raises / ThreadPoolExecutor")) == 0


def test_a_pool_starts_workers_again_and_again_whose_initializer_raises(case: Ask) -> None:
    assert (case("not-picklable", "initializer raises / Pool").observed.initializer_tries or 0) > 2


def test_all_errors_arrive_in_one_log_with_their_stacks(case: Ask) -> None:
    seen = case("central-logging")
    assert seen.ending == "logged"
    assert sorted(error.name for error in seen.observed.logged) == ["process 1", "process 2", "thread 1", "thread 2"]
    assert all("ZeroDivisionError" in error.traceback for error in seen.observed.logged)
    assert seen.surfaced is not None
    assert (seen.surfaced.type, seen.surfaced.message) == ("ZeroDivisionError", "division by zero")
    assert seen.noticed_s is not None


def test_the_same_fault_ends_otherwise_under_each_kind_of_pool(observed: Callable[[str], FailuresState]) -> None:
    cells = {(cell["fault"], cell["tool"]): cell["outcome"] for cell in matrix(observed("side-by-side"))}
    assert len(cells) == 16
    assert {cells["raises", tool] for tool in THREE} == {"raised"}
    assert cells["exits", "ThreadPoolExecutor"] == "process died"
    assert cells["exits", "Pool"] == "never answered"
    assert cells["exits", "ProcessPoolExecutor"] == "pool broken"
    assert cells["result not picklable", "ThreadPoolExecutor"] == "nothing failed"
    assert {cells["too long", tool] for tool in THREE} == {"no answer in time"}
    if sys.version_info < (3, 14):
        assert cells["raises", "InterpreterPoolExecutor"] == "not in this Python"


def members(session: int) -> list[int]:
    found = []
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) == session:
                found.append(pid)
    return found


def under_way(child: Child) -> psutil.Process:
    """The interpreter of a case that hangs, once its workers are there."""
    child.until(lambda record: isinstance(record, Span) and record.actor.startswith(("thread", "worker")))
    return next(iter(psutil.Process(child.process.pid).children()))


@pytest.mark.parametrize("scenario", ["deadlock", "worker-killed"])
def test_a_stop_ends_the_case_under_way_and_leaves_nothing(scenario: str) -> None:
    long = FailuresParams(scenarios=[scenario], task=10, limit=5).model_dump()
    with runner("failures", long) as child:
        lab = under_way(child)
        all_of_it = [lab, *lab.children(recursive=True)]
        child.stop()
        records = child.to_the_end()
        assert end_of(records).outcome == "stopped"
        until_gone(all_of_it)
    assert next(iter(folded(records).cases.values())).ending == "stopped"


def test_when_the_server_is_gone_the_case_ends_too() -> None:
    long = FailuresParams(scenarios=["deadlock"], task=10, limit=5).model_dump()
    with runner("failures", long) as child:
        lab = under_way(child)
    until_gone([lab])  # the control channel is closed by now


def test_records_name_only_actors_that_were_introduced() -> None:
    introduced: set[str] = set()
    for record in perform("failures", asked("thread-future", "process-uncaught")):
        if isinstance(record, Result) and isinstance(record.payload, CaseBegan):
            introduced = set()
        elif isinstance(record, Actor) and record.event == "started":
            introduced.add(record.actor)
        elif isinstance(record, Span):
            assert record.actor in introduced
        elif isinstance(record, Failure):
            assert re.search(r"\w+Error", record.type)
