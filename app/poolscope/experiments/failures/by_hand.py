"""The scenario that waits for somebody to kill a worker: an executor in the run's own process, whose workers it knows.

Other cases have an interpreter of their own that they can't harm the run from. This one can't either, for only a worker
dies; and requests to kill one come to the run's own process.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.failures import endings
from poolscope.experiments.failures.case_main import name_semaphores
from poolscope.experiments.failures.catalogue import BY_HAND, BY_HAND_WORKERS
from poolscope.experiments.failures.payloads import (
    CaseBegan,
    CaseEnding,
    CaseExited,
    CaseMoment,
    CaseOutcome,
    CleanedUp,
    FaultMade,
    PoolUsable,
    TasksKept,
    TasksLost,
)
from poolscope.experiments.failures.run_case import Sentinel
from poolscope.experiments.failures.tools import ExecutorTool
from poolscope.protocol.payloads import Payload
from poolscope.protocol.records import Actor, Failure, Result, Span
from poolscope.runner.context import RunContext
from poolscope.runner.worker_registry import by_age

LOOK_S = 0.1  # between two looks whether the run is to stop
TELL_S = 1.0  # between two words on how long it still waits
LATE_S = 5.0  # after the wait: tasks that began a moment later than it end as much later


def run(context: RunContext, seconds: float, tell: Callable[[float], None]) -> None:
    """Some quick tasks, then one in each worker, for as long as somebody may kill one: so many seconds.

    `tell` is given the seconds that are left, about once a second.
    """
    _prepare()
    sentinel, reporter = Sentinel(), CaseReporter(context)
    reporter.note(CaseBegan(BY_HAND, ""))
    began = perf_counter_ns()
    context.emit(Actor(began, "main", "started", "thread", "worker"))
    finished = _with_executor(context, reporter, seconds, tell)
    took = (perf_counter_ns() - began) / 1e9
    reporter.note(CaseExited(0 if finished else None, "ended", ended_by_us=not finished, seconds=took))
    gc.collect()  # what the executor held open goes with it
    orphans = [f"pid {child.pid}: {child.name}" for child in multiprocessing.active_children()]
    reporter.note(sentinel.leftovers(os.getpid(), orphans))


def _prepare() -> None:
    """What the first pool of a process starts and keeps is there before the case, so that it is no leftover of it."""
    name_semaphores()
    resource_tracker.ensure_running()
    if multiprocessing.get_start_method() == "forkserver":
        forkserver.ensure_running()


def _with_executor(context: RunContext, reporter: CaseReporter, seconds: float, tell: Callable[[float], None]) -> bool:
    """Whether the case came to its end; whatever became of it, its executor is closed."""
    others = set(threading.enumerate())
    executor = ProcessPoolExecutor(BY_HAND_WORKERS)
    pool = ExecutorTool(executor)
    try:
        return _until_harmed(context, reporter, executor, seconds, tell)
    finally:
        before = len(multiprocessing.active_children())
        pool.close()
        # The executor's own end with it; until then one may be collecting an exit code, which looks like a live child.
        for thread in set(threading.enumerate()) - others:
            thread.join(LATE_S)
        left = len(multiprocessing.active_children())
        reporter.note(CleanedUp(endings.pool_closed(before, left), left=left))


class CaseReporter:
    """The records of the case. All are about the one configuration that it is."""

    def __init__(self, context: RunContext) -> None:
        self.emit = context.emit

    def note(self, payload: Payload, at: int | None = None) -> None:
        self.emit(Result(perf_counter_ns() if at is None else at, payload, BY_HAND))

    def moment(self, text: str, state: Any = "running", actor: str = "main", at: int | None = None) -> None:
        self.note(CaseMoment(text, state, actor), at)


def _until_harmed(
    context: RunContext,
    reporter: CaseReporter,
    executor: ProcessPoolExecutor,
    seconds: float,
    tell: Callable[[float], None],
) -> bool:
    """Whether the case came to its end: not where the run was to stop."""
    # Functions that every worker has: nothing of ours has to be imported before one can be killed.
    quick = {f"task {n}": executor.submit(pow, n, 2) for n in range(1, BY_HAND_WORKERS + 1)}
    kept = [f"{name} = {future.result()}" for name, future in quick.items()]
    reporter.note(TasksKept(tuple(kept)))
    reporter.moment(f"{len(quick)} quick tasks are done", "done")
    slow = {f"task {BY_HAND_WORKERS + n}": executor.submit(time.sleep, seconds) for n in range(1, BY_HAND_WORKERS + 1)}
    workers = by_age(multiprocessing.active_children())
    since = perf_counter_ns()
    for number, worker in enumerate(workers, 1):
        context.emit(Actor(since, _name(number), "started", "process", "worker", worker.pid))
        context.emit(Span(_name(number), "running", since))
    reporter.moment(f"each of {len(workers)} workers has a task: waits for one to be killed", "blocked")
    with context.worker_registry.at_work(workers, _name):
        in_time = _wait(context, slow, seconds, tell)
        # First of all, for main has waited until then: on a busy machine the records below take their time.
        lost, surfaced = _collect(slow, kept) if in_time else ([], None)
        now = surfaced.at if surfaced else perf_counter_ns()
    context.emit(Span("main", "blocked", since, now))
    killed = next(iter(context.worker_registry.killed.values()), None)
    for number, worker in enumerate(workers, 1):
        if killed is not None and worker.pid == killed.pid:
            context.emit(Span(_name(number), "running", since, killed.at))
        else:
            context.emit(Span(_name(number), "running", since, now))
            context.emit(Actor(now, _name(number), "ended", "process", "worker", worker.pid))
    if not in_time:
        return False
    if killed is not None:
        reporter.note(FaultMade(_name(killed.number)), killed.at)
        named = f"{_name(killed.number)} (pid {killed.pid}) is killed by you"
        reporter.moment(named, "killed", _name(killed.number), killed.at)
    if surfaced is not None:
        surfaced.record(reporter)
    reporter.note(TasksKept(tuple(kept)))
    reporter.note(TasksLost(tuple(lost)))
    if lost:
        usable = _is_usable(executor)
        reporter.note(PoolUsable(usable))
        more = "is done" if usable else "is refused: the executor is broken"
        reporter.moment(f"one more task {more}", "done" if usable else "failed")
        by_you = killed.number if killed is not None else None
        sentence = endings.worker_killed_by_hand(by_you, len(workers), len(kept), len(kept) + len(lost))
        reporter.note(CaseOutcome(CaseEnding.POOL_BROKEN, sentence))
    else:
        reporter.note(CaseOutcome(CaseEnding.NOTHING_FAILED, endings.nobody_killed(seconds, len(kept))))
    return True


def _name(number: int) -> str:
    return f"worker {number}"


def _wait(context: RunContext, slow: Mapping[str, Future[Any]], seconds: float, tell: Callable[[float], None]) -> bool:
    """Wait until a task is over, well or not; False where the run was to stop before."""
    began, told = perf_counter_ns(), -TELL_S
    while not context.stopping.is_set():
        passed = (perf_counter_ns() - began) / 1e9
        if passed - told >= TELL_S and passed < seconds:
            tell(seconds - passed)
            told = passed
        if wait(slow.values(), LOOK_S, FIRST_COMPLETED).done or passed > seconds + LATE_S:
            wait(slow.values(), LATE_S)  # a broken executor gives all back, and else the others are about to end
            return True
    return False


@dataclass(frozen=True, slots=True)
class SurfacedError:
    """The first exception that came out of a task, and when; `trace` is its traceback as it was then."""

    at: int
    task: str
    kind: str
    message: str
    trace: str

    def record(self, reporter: CaseReporter) -> None:
        """In full, and in the story, by one stamp."""
        reporter.moment(f"{self.kind} surfaces at Future.result()", "failed", at=self.at)
        where = "Future.result() in the main thread"
        reporter.emit(Failure(self.at, self.kind, self.message, self.trace, where, self.task))


def _collect(slow: Mapping[str, Future[Any]], kept: list[str]) -> tuple[list[str], SurfacedError | None]:
    """The tasks without a result, and the first exception; `kept` grows by the others."""
    lost: list[str] = []
    first: SurfacedError | None = None
    for name, future in slow.items():
        try:
            result = future.result(0)
        except (BrokenProcessPool, TimeoutError) as error:
            if first is None:
                at = perf_counter_ns()
                # Not later: the futures of a broken executor share one exception, which keeps the frames of each raise.
                trace = "".join(traceback.format_exception(error))
                first = SurfacedError(at, name, type(error).__name__, str(error), trace)
            lost.append(name)
        else:
            kept.append(f"{name} = {result}")
    return lost, first


def _is_usable(executor: ProcessPoolExecutor) -> bool:
    try:
        return executor.submit(abs, -1).result(LATE_S) == 1
    except (BrokenProcessPool, TimeoutError):
        return False
