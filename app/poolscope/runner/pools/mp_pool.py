"""multiprocessing.Pool: it replaces a worker that died but not its task, so an unmonitored map would wait for ever."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

from poolscope.machine.memory import Memory, of_processes
from poolscope.protocol.kinds import PoolUse, chunk_used
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools import handshake, worker_side
from poolscope.runner.pools.handshake import PoolFailed, too_slow, unreadable
from poolscope.runner.pools.measurement import Call, TimedPool
from poolscope.runner.pools.monitor import WorkerMonitor
from poolscope.runner.pools.start_methods import StartedProcesses, mp_context
from poolscope.runner.pools.worker_side import FirstSign
from poolscope.runner.worker_registry import by_age, children_but, creation_number
from poolscope.workloads.work import Work

METHODS = ("map", "imap", "imap_unordered", "apply_async")
MEANING = {
    "starting": "The others would have waited for it in vain.",
    "mapping": "A multiprocessing.Pool replaces a worker but not its task, so the map would never have returned: "
    "what the others had done of it is lost too.",
    "shutting down": "A lock that it held would stay locked, and the time of the shutdown means nothing.",
}
REPLACED = (
    "A worker of the pool of {size} ended while its pool was starting, before it could be watched, and the pool put "
    "another in its place. What was measured before is kept."
)
STILLBORN = (
    "A worker of the pool of {size} ended while its pool was starting, before it could read what it was to do. "
    "What was measured before is kept."
)


class MultiprocessingPool(TimedPool):
    """A multiprocessing.Pool, used by the method that `PoolUse.method` names."""

    pool: Any
    in_this_process = False

    def __init__(self, use: PoolUse, work: Work) -> None:
        super().__init__(use, work)
        if use.method not in METHODS:
            raise ValueError(f"A pool has no method {use.method!r}; there are {', '.join(METHODS)}.")
        self.use = use
        self.mp_context = own = mp_context(use.start_method, work.function)
        self.replacing: Callable[[], Sequence[BaseProcess]] | None = None
        if use.max_tasks:
            started = StartedProcesses(self.mp_context, answering=use.size)
            self.mp_context, self.replacing = started.context, started.started
        self.barrier = self.mp_context.Barrier(use.size)
        self.children_before = multiprocessing.active_children()
        # A process that is made, even if it is never started, takes a number; the workers get the next ones.
        self.last_made = creation_number(own.Process())

    def stamped(self) -> Callable[[Any], Any]:
        return partial(worker_side.stamped_in_process, self.work.call)

    def monitored(self, context: RunContext) -> WorkerMonitor:
        return WorkerMonitor(context, self.size, MEANING, replacing=self.replacing)

    def open(self) -> None:
        try:
            initargs = (self.barrier, worker_side.UnpickledAt(), self.work.setup)
            self.pool = self.mp_context.Pool(self.size, worker_side.prepare, initargs, self.use.max_tasks or None)
        except BrokenPipeError:  # Python 3.14 reports it so under spawn; the pool has ended the others
            raise WorkerDied(STILLBORN.format(size=self.size)) from None

    @contextmanager
    def explaining(self, monitor: WorkerMonitor) -> Iterator[None]:
        """Notice that the pool's thread which reads results has failed at one: the map would wait for it for ever."""
        hook = threading.excepthook

        def noticed(failed: threading.ExceptHookArgs) -> None:
            if failed.thread is self.pool._result_handler:  # none of its public names tells that thread
                monitor.give_up(unreadable(f"{failed.exc_type.__name__}: {failed.exc_value}"))
            else:
                hook(failed)

        threading.excepthook = noticed
        try:
            yield
        finally:
            threading.excepthook = hook

    def wait_until_ready(self, monitor: WorkerMonitor) -> list[FirstSign]:
        workers = by_age(children_but(self.children_before))
        expected = range(self.last_made + 1, self.last_made + 1 + self.size)
        if {creation_number(worker) for worker in workers} != set(expected):
            raise WorkerDied(REPLACED.format(size=self.size))
        monitor.watch(workers)
        answer = partial(worker_side.answer_from_process, handshake.START_LIMIT_S)
        try:
            # Bounded here too: a worker killed at its very first step, before anybody could watch it, takes a lock
            # with it.
            asked = self.pool.map_async(answer, [handshake.needed_by_workers(self.work)] * self.size, chunksize=1)
            answers: list[FirstSign] = asked.get(handshake.START_LIMIT_S + handshake.END_LIMIT_S)
        except (threading.BrokenBarrierError, multiprocessing.TimeoutError):
            raise too_slow(self.size) from None
        if len({answer.worker for answer in answers}) != self.size:
            raise PoolFailed(f"{self.size} first tasks were answered by fewer than {self.size} workers.")
        return answers

    def users_line(self, items: Sequence[Any]) -> Call:
        if self.work.calling not in ("positional", "ragged"):
            return super().users_line(items)
        return partial(self.pool.starmap, self.work.function, items, **self.chunk_option(len(items)))

    def chunk_option(self, items: int) -> dict[str, int]:
        """The chunk size, where it is not left to the pool.

        That divides by the workers which it has at the moment: fewer than its size, or none at all, where they are
        being replaced (ZeroDivisionError in Pool._map_async).
        """
        if self.use.max_tasks and self.use.method == "map":
            return {"chunksize": chunk_used("pool", self.use.chunksize, items, self.size)}
        return {"chunksize": self.use.chunksize} if self.use.chunksize else {}

    def prepared_map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Call:
        pool = self.pool
        options = self.chunk_option(len(items))
        match self.use.method:
            case "map":
                return partial(pool.map, function, items, **options)
            case "apply_async":
                return lambda: [task.get() for task in [pool.apply_async(function, (item,)) for item in items]]
            case method:
                in_turn = getattr(pool, method)
                return lambda: list(in_turn(function, items, **options))

    def memory(self, workers: tuple[int, ...]) -> Memory:
        return of_processes(workers)

    def close(self) -> None:
        self.pool.close()
        self.pool.join()

    def end(self) -> None:
        end_pool(self.pool, self.children_before)


def end_pool(pool: Any, others: Collection[BaseProcess] = ()) -> None:
    """End a pool that may be broken, in bounded time; `others` are children that are none of its workers.

    `terminate` takes locks that a worker killed in the middle of a read or a write holds for ever. So a thread of its
    own tries it, which tells the pool to replace no more workers first; then whoever is left is killed.
    """

    def terminate() -> None:
        with suppress(Exception):
            pool.terminate()

    ending = threading.Thread(target=terminate, name="terminate", daemon=True)
    ending.start()
    ending.join(handshake.END_LIMIT_S)
    # It may be starting a replacement, which on a busy machine takes so long that no look here would see it; none of
    # the pool's public names tells this thread.
    pool._worker_handler.join(handshake.END_LIMIT_S)
    for _ in range(2):  # a replacement may have been on its way at the first look
        left = children_but(others)
        for process in left:
            process.kill()
        for process in left:
            process.join(handshake.END_LIMIT_S)
