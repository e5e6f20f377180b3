"""ProcessPoolExecutor: its workers meet at a barrier; when one dies, who it was and how is told instead of 'broken'."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from poolscope.machine.memory import Memory, of_processes
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools import mp_pool, worker_side
from poolscope.runner.pools.ending import let_end
from poolscope.runner.pools.monitor import CODE_LIMIT_S, Watch
from poolscope.workloads.work import Work

MEANING = {
    "starting": "The executor breaks then, and does no task.",
    "mapping": "A ProcessPoolExecutor breaks then: it ends the other workers, and what they were doing is lost.",
    "shutting down": "The time of the shutdown means nothing.",
}
DOUBT_S = 1.0  # in which the executor's own reason has arrived, even on a busy machine


class Processes:
    """The crew of a ProcessPoolExecutor."""

    def __init__(self, size: int, work: Work, start_method: str, chunksize: int) -> None:
        self.size = size
        self.work = work
        self.options = {"chunksize": chunksize} if chunksize else {}
        self._setting = mp_pool.Setting(start_method)
        self._threads_before: list[threading.Thread] = []

    def traced(self) -> Callable[[Any], Any]:
        return mp_pool.traced(self.work.function)

    def watched(self, stage: RunContext) -> Watch:
        return Watch(stage, self.size, MEANING, DOUBT_S)

    @contextmanager
    def telling(self, watch: Watch) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool as broken:
            reason = last_line(str(broken.__cause__ or ""))
            if reason and not reason.startswith(("EOFError", "OSError", "ConnectionResetError")):
                # The executor ends its workers for this as well, so nobody is to be asked who died.
                raise mp_pool.PoolFailed(f"What a task returned or raised can't be unpickled: {reason}.") from None
            threading.Event().wait(DOUBT_S + 2 * CODE_LIMIT_S)  # until the watch, which saw who died first, interrupts
            raise WorkerDied(f"A worker of {self.size} ended while its pool was {watch.phase}: {broken}") from None

    def made(self) -> ProcessPoolExecutor:
        self._threads_before = threading.enumerate()
        context = self._setting.context(self.work.function)
        given = (context.Barrier(self.size), self.work.setup)
        return ProcessPoolExecutor(self.size, context, worker_side.prepare, given)

    def wait_until_ready(self, executor: ProcessPoolExecutor, watch: Watch) -> list[worker_side.Answer]:
        function = self.work.function
        asked = [executor.submit(worker_side.answer, mp_pool.START_LIMIT_S, function) for _ in range(self.size)]
        workers = multiprocessing.active_children()
        watch.over(workers)
        check_all_live(workers, self.size)
        try:
            until = mp_pool.START_LIMIT_S + mp_pool.END_LIMIT_S
            answers = [future.result(until) for future in concurrent.futures.wait(asked, until).done]
        except threading.BrokenBarrierError:
            answers = []
        if len(answers) < self.size:
            raise mp_pool.PoolFailed(mp_pool.TOO_SLOW.format(size=self.size, limit=mp_pool.START_LIMIT_S))
        return sorted(answers, key=lambda answer: answer[1])

    def memory(self, workers: tuple[int, ...]) -> Memory:
        return of_processes(workers)

    def end(self, executor: ProcessPoolExecutor) -> None:
        """By killing: a task that is too long, or an executor that reads a dead worker's result, would hold us."""
        executor.shutdown(wait=False, cancel_futures=True)
        left = multiprocessing.active_children()
        for process in left:
            process.kill()
        for process in left:
            process.join(mp_pool.END_LIMIT_S)
        let_end(self._threads_before, mp_pool.END_LIMIT_S)


def last_line(trace: str) -> str:
    """What a traceback ends in, which the executor puts between lines of quotes."""
    lines = [line for line in trace.splitlines() if line.strip("\"' ")]
    return lines[-1] if lines else ""


def check_all_live(workers: Sequence[object], size: int) -> None:
    """Raise WorkerDied if one ended before it could be watched: nobody would ever know how."""
    if len(workers) < size:
        raise WorkerDied(
            f"{size - len(workers)} of {size} workers ended as soon as they were started. "
            "What was measured before is kept."
        )
