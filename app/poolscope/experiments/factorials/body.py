"""Computes n! for every number in an executor and records each as it completes; a number that fails stops no other."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from time import perf_counter_ns
from typing import Literal

from poolscope.experiments.factorials.attempt import Attempt, attempt
from poolscope.experiments.factorials.payloads import FactorialComputed
from poolscope.machine.processes import signal_name
from poolscope.protocol.arguments import FactorialsArguments
from poolscope.protocol.records import Actor, Progress, Result, Span, TaskEvent, TaskOutcome
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.worker_registry import by_age

LANES = {"done": "running", "failed": "failed", "cancelled": "killed"}  # the state of the span, by the outcome
LOOK = 0.1  # seconds between two looks whether the run is to stop, while nothing completes
LONG = 10_000  # bits; a longer value is written out only after the pool's work, which that would disturb
GRACE = 1.0  # seconds in which a worker process must end, and a broken pool must have noticed it


class Threads:
    """A ThreadPoolExecutor whose threads are called 'thread 1' and so on, and say themselves what they begin."""

    what = "thread"

    def __init__(self, context: RunContext, workers: int, time_limit: float) -> None:
        self._context = context
        self._time_limit = time_limit
        self._names = deque(f"thread {number}" for number in range(1, workers + 1))
        self._executor = ThreadPoolExecutor(workers, initializer=self._enter)
        self.actors: list[str] = []

    def submit(self, n: int) -> Future[Attempt]:
        return self._executor.submit(self._work, n)

    def complete(self) -> None:
        """All numbers are submitted."""

    def has_died(self) -> bool:
        return False

    def close(self) -> None:
        """Wait for the threads; after a stop each ends at its next look, within a few hundred multiplications."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def deaths(self) -> tuple[str, int | None]:
        return "", None

    def actor(self, attempt: Attempt) -> str:
        return attempt.thread

    def _enter(self) -> None:
        name = self._names.popleft()
        threading.current_thread().name = name
        self.actors.append(name)
        self._context.emit(Actor(perf_counter_ns(), name, "started", self.what, "worker"))

    def _work(self, n: int) -> Attempt:
        name = threading.current_thread().name
        self._context.emit(TaskEvent(perf_counter_ns(), str(n), "started", name))
        return attempt(n, self._time_limit, self._context.stopping.is_set)


class Processes:
    """A ProcessPoolExecutor. Its workers can't record, so that a number began becomes known with its result."""

    what = "process"

    def __init__(self, context: RunContext, workers: int, time_limit: float) -> None:
        self._context = context
        self._time_limit = time_limit
        self._executor = ProcessPoolExecutor(workers)
        self._workers: list[BaseProcess] = []
        self._pids: dict[int, str] = {}
        self._slow: list[BaseProcess] = []  # whom we have killed at the end
        self.actors: list[str] = []

    def submit(self, n: int) -> Future[Attempt]:
        return self._executor.submit(attempt, n, self._time_limit)

    def complete(self) -> None:
        """All numbers are submitted, so all workers have been started; this process has no other children."""
        self._workers = by_age(multiprocessing.active_children())
        self._pids = {worker.pid or 0: f"process {number}" for number, worker in enumerate(self._workers, 1)}
        self._context.worker_registry.enter(self._workers, self._known)

    def has_died(self) -> bool:
        """Is a worker dead? An executor mostly says so itself, by BrokenProcessPool.

        Not when the worker died in the middle of writing its result, which the executor then reads forever.
        """
        return bool(wait([worker.sentinel for worker in self._workers], timeout=0))

    def close(self) -> None:
        """Let the workers end what they have begun; kill those that take longer than a second.

        Not by `shutdown(wait=True)`: it would wait for an executor that reads a dead worker's result.
        """
        self._context.worker_registry.leave()
        self._workers = self._workers or multiprocessing.active_children()
        self._executor.shutdown(wait=False, cancel_futures=True)
        if slow := self._alive_after(GRACE):
            self._slow = slow
            for worker in slow:
                worker.kill()
            self._alive_after(GRACE)

    def deaths(self) -> tuple[str, int | None]:
        """How workers died, in words, and the exit code of the first, None where somebody asked for its death.

        Not those that the executor then ended itself, by SIGTERM, nor those that `close` has killed.
        """
        if killed := list(self._context.worker_registry.killed.values()):
            return f"Worker {killed[0].number} of {killed[0].of} (pid {killed[0].pid}) was killed on request", None
        codes = {worker.pid: worker.exitcode or 0 for worker in self._workers if worker not in self._slow}
        own = -signal.SIGTERM
        killed_by = {pid: code for pid, code in codes.items() if code < 0 and code != own}
        named = [f"pid {pid} by {signal_name(-code)}" for pid, code in killed_by.items()]
        signals = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
        sentence = f"A worker process died ({signals or 'in the middle of its work'})"
        return sentence, next(iter(killed_by.values()), None)

    def actor(self, attempt: Attempt) -> str:
        """The name of a process, which becomes known when its first result comes back."""
        name = self._pids.setdefault(attempt.pid, f"process {len(self._pids) + 1}")
        if name not in self.actors:
            self.actors.append(name)
            self._context.emit(Actor(attempt.started, name, "started", self.what, "worker", attempt.pid))
        return name

    def _known(self, number: int) -> str:
        """The name of a worker that becomes known by its death."""
        name = f"process {number}"
        if name not in self.actors:
            self.actors.append(name)
        return name

    def _alive_after(self, seconds: float) -> list[BaseProcess]:
        """The workers that have not ended so many seconds from now; returns as soon as there are none."""
        deadline = perf_counter_ns() + int(seconds * 1e9)
        alive = {worker.sentinel: worker for worker in self._workers}
        while alive and (left := deadline - perf_counter_ns()) > 0:
            for sentinel in wait(list(alive), timeout=left / 1e9):
                del alive[sentinel]  # type: ignore[arg-type]  # of what was asked for: ints
        return list(alive.values())


class ResultCollector:
    """Submits the numbers, takes what comes back and records it; `broken` when the pool lost a worker."""

    def __init__(self, context: RunContext, pool: Threads | Processes, numbers: range) -> None:
        self._context = context
        self._pool = pool
        self._numbers = numbers
        self._submitted: dict[int, int] = {}
        self._waiting: dict[Future[Attempt], int] = {}
        self._long: list[tuple[int, Attempt]] = []
        self._recorded: set[int] = set()
        self._collected = 0
        self.broken = False
        self.unfinished: list[int] = []

    def submit(self) -> None:
        for n in self._numbers:
            if self._context.stopping.is_set():
                break
            self._submitted[n] = perf_counter_ns()
            self._context.emit(TaskEvent(self._submitted[n], str(n), "submitted"))
            try:
                self._waiting[self._pool.submit(n)] = n
            except BrokenProcessPool:  # a worker died while we were still at it
                self.broken = True
                break
        self._pool.complete()

    def collect(self) -> None:
        """Take results until none is missing, the run is to stop or the pool is broken.

        It looks up every 0.1 s instead of being interrupted: an exception that breaks into `as_completed` may
        leave futures locked for good, and with them the threads that want to set a result.
        """
        heard = perf_counter_ns()
        while self._waiting and not self.broken and not self._context.stopping.is_set():
            try:
                for future in as_completed(tuple(self._waiting), timeout=LOOK):
                    heard = perf_counter_ns()
                    self.broken = not self._take(future)
                    if self.broken or self._context.stopping.is_set():
                        break
            except TimeoutError:
                self.broken = perf_counter_ns() - heard > GRACE * 1e9 and self._pool.has_died()

    def finish(self) -> None:
        """After the pool is closed: take what it completed meanwhile, write values out, call the rest cancelled."""
        for future in tuple(self._waiting):
            if future.done() and not future.cancelled():
                self._take(future)
        for n, made in self._long:
            self._write_out(n, made)
        self.unfinished = [n for n in self._numbers if n not in self._recorded]
        for n in self.unfinished:
            self._context.emit(TaskEvent(perf_counter_ns(), str(n), "ended", outcome=TaskOutcome("cancelled")))
        for actor in self._pool.actors:
            self._context.emit(Actor(perf_counter_ns(), actor, "ended", self._pool.what, "worker"))

    def _take(self, future: Future[Attempt]) -> bool:
        """Record what a future holds; False when its worker is lost, and the number stays unfinished."""
        try:
            attempt = future.result()
        except BrokenProcessPool:
            return False
        self._record(self._waiting.pop(future), attempt)
        return True

    def _record(self, n: int, attempt: Attempt) -> None:
        self._recorded.add(n)
        actor = self._pool.actor(attempt)
        status: Literal["done", "failed", "cancelled"] = "done"
        if attempt.value is not None:
            if attempt.value.bit_length() < LONG:
                self._write_out(n, attempt)
            else:
                self._long.append((n, attempt))
        else:
            status = "failed" if attempt.failure is not None else "cancelled"
        if status != "cancelled":
            self._collected += 1
        outcome = TaskOutcome(
            status,
            seconds=(attempt.ended - attempt.started) / 1e9,
            cpu_s=attempt.cpu_ns / 1e9,
            queue_wait=(attempt.started - self._submitted[n]) / 1e9,
            order=None if status == "cancelled" else self._collected,
            failure=attempt.failure,
        )
        self._context.emit(TaskEvent(attempt.ended, str(n), "ended", actor, outcome))
        self._context.emit(Span(actor, LANES[status], attempt.started, attempt.ended, str(n)))
        self._context.emit(Progress(perf_counter_ns(), self._collected, len(self._numbers)))

    def _write_out(self, n: int, attempt: Attempt) -> None:
        self._context.emit(Result(attempt.ended, FactorialComputed(n, str(attempt.value))))


def run(context: RunContext, arguments: FactorialsArguments) -> None:
    """Compute all factorials. Raises WorkerDied when a process was lost; what came back before is recorded."""
    sys.set_int_max_str_digits(0)  # 5000! has 16,326 digits, Python's own limit is 4,300
    numbers = range(arguments.first, arguments.last + 1)
    kind = Threads if arguments.kind == "thread" else Processes
    pool = kind(context, arguments.workers, arguments.time_limit)
    collector = ResultCollector(context, pool, numbers)
    try:
        collector.submit()
        collector.collect()
    finally:
        pool.close()
        collector.finish()
    if collector.broken and not context.stopping.is_set():
        kept = len(numbers) - len(collector.unfinished)
        deaths, exit_code = pool.deaths()
        raise WorkerDied(
            f"{deaths}, and its pool with it: {kept} of {len(numbers)} results are kept, "
            f"lost are those of {ranges(collector.unfinished)}.",
            exit_code=exit_code,
        )


def ranges(numbers: list[int]) -> str:
    """Rising numbers in few words: '4, 7 to 10'."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1][1:] = [n]
        else:
            runs.append([n])
    return ", ".join(" to ".join(map(str, run)) for run in runs)
