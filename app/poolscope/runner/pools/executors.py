"""What the executors of concurrent.futures have in common: `list(executor.map(f, items))`, and how they end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from time import monotonic
from typing import Any

from poolscope.protocol.kinds import PoolUse
from poolscope.runner.pools import handshake
from poolscope.runner.pools.measurement import Call, TimedPool
from poolscope.workloads.work import Work


class ExecutorPool(TimedPool):
    """An executor, which starts its workers on demand: as many first tasks as workers are what starts them all."""

    executor: Executor

    def __init__(self, use: PoolUse, work: Work) -> None:
        super().__init__(use, work)
        self.options: dict[str, int] = {}  # of the map
        self.threads_before = threading.enumerate()

    def users_line(self, items: Sequence[Any]) -> Call:
        if self.work.calling != "positional":
            return super().users_line(items)
        executor, function, options = self.executor, self.work.function, self.options
        return lambda: list(executor.map(function, *zip(*items, strict=True), **options))

    def prepared_map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Call:
        executor, options = self.executor, self.options
        return lambda: list(executor.map(function, items, **options))

    def close(self) -> None:
        self.executor.shutdown()

    def end(self) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)
        join_threads(self.threads_before, handshake.END_LIMIT_S)


def join_threads(before: Collection[threading.Thread], limit_s: float) -> None:
    """Wait until all threads but those of `before` and this one have ended, or until the limit.

    Nobody can end a thread from outside, so a task of a thread pool that never returns stays.
    """
    until = monotonic() + limit_s
    for thread in threading.enumerate():
        if thread not in before and thread is not threading.current_thread():
            thread.join(max(0.0, until - monotonic()))
