"""Coroutines in one thread: under asyncio with a limit to how many are under way, or one awaited after the other.

The event loop is asyncio.run's own, taken apart by asyncio.Runner so that its opening and closing are timed as a pool's
start-up and shutdown are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter_ns
from typing import Any

from poolscope.protocol.kinds import PoolUse
from poolscope.protocol.payloads import LoopUse
from poolscope.runner.pools.loop_watch import LoopWatch
from poolscope.runner.pools.measurement import Call, TimedPool, Unmonitored
from poolscope.runner.pools.worker_side import FirstSign, error_of_set_up
from poolscope.workloads.work import Work

Coroutine = Callable[[Any], Awaitable[Any]]


async def gathered(coroutine: Coroutine, items: Sequence[Any], limit: int) -> list[Any]:
    """All at once, but no more than `limit` under way."""
    gate = asyncio.Semaphore(limit)

    async def one(item: Any) -> Any:
        async with gate:
            return await coroutine(item)

    return await asyncio.gather(*(one(item) for item in items))


async def awaited_in_turn(coroutine: Coroutine, items: Sequence[Any]) -> list[Any]:
    """The plain loop of a function that is a coroutine itself."""
    return [await coroutine(item) for item in items]


async def first_stamps(limit: int) -> list[int]:
    """The stamps at which as many coroutines as may be under way at once have begun."""

    async def one() -> int:
        return perf_counter_ns()

    return await asyncio.gather(*(one() for _ in range(limit)))


def stamped_coroutine(coroutine: Coroutine, limit: int) -> Coroutine:
    """The coroutine with stamps as `worker_side` has them; a worker is one of the `limit` places, from 0 on."""
    free = list(reversed(range(limit)))

    async def stamped(item: Any) -> tuple[Any, int, int, int, None]:
        place = free.pop()
        started = perf_counter_ns()
        try:
            value = await coroutine(item)
            return value, place, started, perf_counter_ns(), None
        finally:
            free.append(place)

    return stamped


class EventLoop(TimedPool):
    """asyncio with at most `size` coroutines under way; for `serial` it is the plain loop of an `async def`."""

    in_one_thread = True

    def __init__(self, use: PoolUse, work: Work) -> None:
        super().__init__(use, work)
        if work.coroutine_call is None:
            raise ValueError("The work has no coroutine, so asyncio can't run it.")
        self.coroutine: Coroutine = work.coroutine_call
        self.in_turn = use.kind == "serial"
        if self.in_turn:
            self.size = 1
        self.runner = asyncio.Runner()
        self.watch: LoopWatch | None = None  # of a traced repetition

    def stamped(self) -> Coroutine:
        self.coroutine = stamped_coroutine(self.coroutine, self.size)
        self.watch = LoopWatch(self.runner)
        return self.coroutine

    def open(self) -> None:
        pass  # a Runner opens its loop when it first runs something

    def wait_until_ready(self, monitor: Unmonitored) -> list[FirstSign]:
        error = error_of_set_up(self.work.setup)
        return [FirstSign(place, at, error) for place, at in enumerate(self.runner.run(first_stamps(self.size)))]

    def prepared_map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Call:
        # A work's coroutine is another function than the one that a pool's workers call.
        coroutine, limit = self.coroutine, self.size
        run = self.watch.run if self.watch else self.runner.run
        if self.in_turn:
            return lambda: run(awaited_in_turn(coroutine, items))
        return lambda: run(gathered(coroutine, items, limit))

    def loop_use(self) -> LoopUse | None:
        return self.watch.use() if self.watch else None

    def close(self) -> None:
        self.runner.close()

    def end(self) -> None:
        self.runner.close()
