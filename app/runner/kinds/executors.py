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

from app.runner import inside, pools
from app.runner.kinds.passage import Passage, parted
from app.runner.memory import Memory
from app.runner.stage import Stage
from app.runner.work import Work


class Crew(Protocol):
    """One kind of executor, for one work and size."""

    size: int
    work: Work
    options: dict[str, int]  # of the map

    def traced(self) -> Any:
        """The work's function with stamps; the memory that is held already does not count from here on."""

    def watched(self, stage: Stage) -> AbstractContextManager[Any]:
        """Within it, a worker that dies ends the passage; it has what a Watch has."""

    def telling(self, watch: Any) -> AbstractContextManager[None]:
        """Within it, an executor that breaks says in plain words why."""

    def made(self) -> Any:
        """The executor."""

    def meet(self, executor: Any, watch: Any) -> list[inside.Answer]:
        """Have every worker run a task, none of them twice. Raises PoolFailed."""

    def memory(self, workers: tuple[int, ...]) -> Memory:
        """After the work, before the shutdown."""

    def end(self, executor: Any) -> None:
        """End an executor that may be broken or at work, in bounded time."""


def through_an_executor(stage: Stage, crew: Crew, tracing: bool) -> Passage:
    """Start the crew's executor, map once, shut it down."""
    gc.collect()
    function = crew.traced() if tracing else crew.work.function
    collections = pools.collections_so_far()
    seen = None
    with stage.recorder.quiet(), crew.watched(stage) as watch:
        began = perf_counter_ns()
        executor: Executor = crew.made()
        try:
            with stage.interruptible(), crew.telling(watch):
                answers = crew.meet(executor, watch)
                ready = perf_counter_ns()
                pools.check_set_up(trouble for _, _, trouble in answers)
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
    passage = Passage(
        start=ready - began,
        first_ready=min(arrived for _, arrived, _ in answers) - began,
        map=got - asked,
        stop=ended - closing,
        asked=asked,
        workers=workers,
        results=results,
        collections=pools.collections_so_far() - collections,
    )
    return parted(passage, seen) if seen else passage
