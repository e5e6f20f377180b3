"""Coroutines in one thread: under asyncio with a limit to how many are under way, and one awaited after the other.

The event loop is asyncio.run's own, taken apart by asyncio.Runner so that its opening and closing are timed as a pool's
start-up and shutdown are.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter_ns, process_time_ns
from typing import Any

from poolscope.machine import memory
from poolscope.runner.context import RunContext
from poolscope.runner.pools import worker_side
from poolscope.runner.pools.measurement import Measurement, parted
from poolscope.runner.pools.mp_pool import check_set_up, collections_so_far
from poolscope.workloads.work import Work

Coroutine = Callable[[Any], Awaitable[Any]]


async def gathered(coroutine: Coroutine, items: Sequence[Any], limit: int) -> list[Any]:
    """All at once, but no more than `limit` under way."""
    gate = asyncio.Semaphore(limit)

    async def one(item: Any) -> Any:
        async with gate:
            return await coroutine(item)

    return await asyncio.gather(*(one(item) for item in items))


async def in_turn(coroutine: Coroutine, items: Sequence[Any], _: int) -> list[Any]:
    """The plain loop of a function that is a coroutine itself."""
    return [await coroutine(item) for item in items]


async def answers(limit: int) -> list[int]:
    """The stamps at which as many coroutines as may be under way at once have begun."""

    async def one() -> int:
        return perf_counter_ns()

    return await asyncio.gather(*(one() for _ in range(limit)))


def stamping(coroutine: Coroutine, limit: int) -> Coroutine:
    """The coroutine with stamps as `inside.traced` has them; a worker is one of the `limit` places, from 0 on."""
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


def measure_loop(stage: RunContext, size: int | None, work: Work, tracing: bool) -> Measurement:
    """Open an event loop, await the work, close the loop; up to `size` at a time, or in turn where that is None."""
    if work.coroutine is None:
        raise ValueError("The work has no coroutine, so asyncio can't run it.")
    limit = size or 1
    way = in_turn if size is None else gathered
    coroutine = stamping(work.coroutine, limit) if tracing else work.coroutine
    gc.collect()
    collections = collections_so_far()
    before = memory.of_self() if tracing else 0
    with stage.recorder.quiet(), stage.interruptible():
        began = perf_counter_ns()
        check_set_up([worker_side.trouble_of(work.setup)])
        with asyncio.Runner() as runner:
            arrived = runner.run(answers(limit))
            ready = perf_counter_ns()
            cpu = process_time_ns()
            asked = perf_counter_ns()
            results = runner.run(way(coroutine, work.items, limit))
            got = perf_counter_ns()
            cpu = process_time_ns() - cpu
            seen = memory.of_this_process(limit, before) if tracing else None
            closing = perf_counter_ns()
        ended = perf_counter_ns()
    measurement = Measurement(
        start=ready - began,
        first_ready=min(arrived) - began,
        map=got - asked,
        stop=ended - closing,
        asked=asked,
        workers=tuple(range(limit)),
        results=results,
        collections=collections_so_far() - collections,
        cpu=cpu,
    )
    return parted(measurement, seen) if seen else measurement
