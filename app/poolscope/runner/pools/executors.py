"""The executors of concurrent.futures from start-up to shutdown, timed in the phases that `pools` draws.

An executor starts its workers on demand, so start-up is over only when as many first tasks have been answered by as
many workers, each of which waited for all the others.
"""

from __future__ import annotations

import gc
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from time import perf_counter_ns
from typing import Any, Protocol

from poolscope.machine.memory import Memory
from poolscope.runner.context import RunContext
from poolscope.runner.pools import mp_pool, worker_side
from poolscope.runner.pools.measurement import Measurement, parted
from poolscope.workloads.work import Work


class Crew(Protocol):
    """One kind of executor, for one work and size."""

    size: int
    work: Work
    options: dict[str, int]  # of the map

    def traced(self) -> Any:
        """The work's function with stamps; the memory that is held already does not count from here on."""

    def watched(self, stage: RunContext) -> AbstractContextManager[Any]:
        """Within it, a worker that dies ends the passage; it has what a Watch has."""

    def telling(self, watch: Any) -> AbstractContextManager[None]:
        """Within it, an executor that breaks says in plain words why."""

    def made(self) -> Any:
        """The executor."""

    def wait_until_ready(self, executor: Any, watch: Any) -> list[worker_side.Answer]:
        """Have every worker run a task, none of them twice. Raises PoolFailed."""

    def memory(self, workers: tuple[int, ...]) -> Memory:
        """After the work, before the shutdown."""

    def end(self, executor: Any) -> None:
        """End an executor that may be broken or at work, in bounded time."""


def measure_executor(stage: RunContext, crew: Crew, tracing: bool) -> Measurement:
    """Start the crew's executor, map once, shut it down."""
    gc.collect()
    function = crew.traced() if tracing else crew.work.function
    collections = mp_pool.collections_so_far()
    seen = None
    with stage.recorder.quiet(), crew.watched(stage) as watch:
        began = perf_counter_ns()
        executor: Executor = crew.made()
        try:
            with stage.interruptible(), crew.telling(watch):
                answers = crew.wait_until_ready(executor, watch)
                ready = perf_counter_ns()
                mp_pool.check_set_up(trouble for _, _, trouble in answers)
                workers = tuple(worker for worker, _, _ in answers)
                watch.phase = "mapping"
                asked = perf_counter_ns()
                results = list(executor.map(function, crew.work.items, **crew.options))
                got = perf_counter_ns()
                if tracing:
                    seen = crew.memory(workers)
                watch.phase = "shutting down"
                closing = perf_counter_ns()
                executor.shutdown()
                ended = perf_counter_ns()
                watch.check()
        except BaseException:
            crew.end(executor)
            raise
    measurement = Measurement(
        start=ready - began,
        first_ready=min(arrived for _, arrived, _ in answers) - began,
        map=got - asked,
        stop=ended - closing,
        asked=asked,
        workers=workers,
        results=results,
        collections=mp_pool.collections_so_far() - collections,
    )
    return parted(measurement, seen) if seen else measurement
