"""multiprocessing.Pool as one of the kinds; poolscope.runner.pools.mp_pool does it."""

from __future__ import annotations

from collections.abc import Sequence

from poolscope.machine import memory
from poolscope.runner.context import RunContext
from poolscope.runner.pools import mp_pool
from poolscope.runner.pools.measurement import Measurement, parted
from poolscope.workloads.work import Work


def measure_pool(
    stage: RunContext, start_method: str, size: int, chunksize: int, work: Work, tracing: bool
) -> Measurement:
    setting = mp_pool.Setting(start_method, chunksize=chunksize)
    seen: list[memory.Memory] = []

    def look(pids: Sequence[int]) -> None:
        seen.append(memory.of_processes(pids))

    function = mp_pool.traced(work.function) if tracing else work.function
    done = mp_pool.measure_pool(stage, setting, size, function, work.items, work.setup, look if tracing else None)
    measurement = Measurement(
        start=done.start,
        first_ready=done.first_ready,
        map=done.map,
        stop=done.stop,
        asked=done.asked,
        workers=done.pids,
        results=done.results,
        collections=done.collections,
    )
    return parted(measurement, seen[0]) if seen else measurement
