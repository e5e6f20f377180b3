"""ProcessPoolExecutor: its workers meet at a barrier; when one dies, who it was and how is told instead of 'broken'."""

from __future__ import annotations

import builtins
import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

from poolscope.machine.memory import Memory, of_processes
from poolscope.protocol.kinds import PoolUse
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools import handshake, worker_side
from poolscope.runner.pools.executors import ExecutorPool
from poolscope.runner.pools.handshake import first_answers, too_slow, unreadable
from poolscope.runner.pools.monitor import CODE_LIMIT_S, WorkerMonitor
from poolscope.runner.pools.start_methods import StartedProcesses, mp_context, replaces_every_worker
from poolscope.runner.pools.worker_side import FirstSign
from poolscope.runner.worker_registry import by_age, children_but
from poolscope.workloads.work import Work

MEANING = {
    "starting": "The executor breaks then, and does no task.",
    "mapping": "A ProcessPoolExecutor breaks then: it ends the other workers, and what they were doing is lost.",
    "shutting down": "The time of the shutdown means nothing.",
}
DOUBT_S = 5.0  # in which the executor's own reason has arrived; a second was too little on a busy machine


class ProcessPool(ExecutorPool):
    """A ProcessPoolExecutor."""

    executor: ProcessPoolExecutor
    in_this_process = False

    def __init__(self, use: PoolUse, work: Work) -> None:
        super().__init__(use, work)
        self.options = {"chunksize": use.chunksize} if use.chunksize else {}
        self.mp_context = mp_context(use.start_method, work.function)
        self.limits: dict[str, int] = {}  # of the executor
        self.replacing: Callable[[], Sequence[BaseProcess]] | None = None
        if use.max_tasks:
            self.limits = {"max_tasks_per_child": use.max_tasks}
            # Where its manager loses count of the workers that it is to replace, one more task could make it stop.
            started = StartedProcesses(self.mp_context, use.size if replaces_every_worker() else 0)
            self.mp_context, self.replacing = started.context, started.started

    def stamped(self) -> Callable[[Any], Any]:
        return partial(worker_side.stamped_in_process, self.work.call)

    def monitored(self, context: RunContext) -> WorkerMonitor:
        return WorkerMonitor(context, self.size, MEANING, DOUBT_S, self.replacing)

    def open(self) -> None:
        self.children_before = multiprocessing.active_children()
        initargs = (self.mp_context.Barrier(self.size), worker_side.UnpickledAt(), self.work.setup)
        self.executor = ProcessPoolExecutor(self.size, self.mp_context, worker_side.prepare, initargs, **self.limits)

    @contextmanager
    def explaining(self, monitor: WorkerMonitor) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool as broken:
            if reason := error_in_unpickling(broken):
                # The executor ends its workers for this as well, so nobody is to be asked who died.
                raise unreadable(reason) from None
            # Until the monitor, which saw who died first, interrupts.
            threading.Event().wait(DOUBT_S + 2 * CODE_LIMIT_S)
            raise WorkerDied(f"A worker of {self.size} ended while its pool was {monitor.phase}: {broken}") from None

    def wait_until_ready(self, monitor: WorkerMonitor) -> list[FirstSign]:
        answer, limit_s = worker_side.answer_from_process, handshake.START_LIMIT_S
        needed = handshake.needed_by_workers(self.work)
        futures = [self.executor.submit(answer, limit_s, needed) for _ in range(self.size)]
        workers = by_age(children_but(self.children_before))
        monitor.watch(workers)
        check_all_live(workers, self.size)
        try:
            answers = first_answers(futures, limit_s + handshake.END_LIMIT_S)
        except threading.BrokenBarrierError:
            answers = []
        if len(answers) < self.size:
            raise too_slow(self.size)
        return answers

    def memory(self, workers: tuple[int, ...]) -> Memory:
        return of_processes(workers)

    def end(self) -> None:
        """By killing: a task that is too long, or an executor that reads a dead worker's result, would hold us."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        left = children_but(self.children_before)
        for process in left:
            process.kill()
        for process in left:
            process.join(handshake.END_LIMIT_S)
        super().end()


def error_in_unpickling(broken: BrokenProcessPool) -> str | None:
    """The exception that reading a worker's message raised, in a line; None where a death broke the executor.

    An executor passes on that exception only as the text of its traceback. A worker that dies in the middle of a
    message leaves an EOFError or an OSError there; from Python 3.15 on, a death leaves a text that is no traceback.
    """
    cause = str(broken.__cause__ or "")
    # The executor puts quotes round it, in lines of their own.
    lines = [line.strip() for line in cause.splitlines() if line.strip("\"' ")]
    if "Traceback (most recent call last):" not in cause or not lines:
        return None
    raised = getattr(builtins, lines[-1].partition(":")[0], None)
    if isinstance(raised, type) and issubclass(raised, EOFError | OSError):
        return None
    return lines[-1]


def check_all_live(workers: Sequence[object], size: int) -> None:
    """Raise WorkerDied if one ended before it could be watched: nobody would ever know how."""
    if len(workers) < size:
        raise WorkerDied(
            f"{size - len(workers)} of {size} workers ended as soon as they were started. "
            "What was measured before is kept."
        )
