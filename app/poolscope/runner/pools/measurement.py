"""What is known of one passage of a work through one kind of pool; all times in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from poolscope.machine.memory import Memory


@dataclass(frozen=True, slots=True)
class Task:
    """One call as its worker saw it: stamps of perf_counter_ns and the CPU time between.

    `cpu` is None for a coroutine: many share one thread, and what each of them took can't be told.
    """

    worker: int
    started: int
    ended: int
    cpu: int | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Start-up until every worker has answered, the map, the shutdown, each timed apart.

    `first_ready` is the first worker's answer, from the constructor on as `start` is; both and `stop` are 0 for the
    plain loop. `asked` is the stamp at which the map began. `workers` are process ids, native thread ids or, for
    asyncio, places under its limit, in the order of their first answers. `collections` counts garbage collections of
    this process; `cpu` is the process's CPU time during the map where it did all of the work in one thread, else None.
    `tasks` (in the order of the items) and `memory` are there in a traced passage only, whose times do not count.
    """

    start: int
    first_ready: int
    map: int
    stop: int
    asked: int
    workers: tuple[int, ...]
    results: list[Any]
    collections: int
    cpu: int | None = None
    tasks: tuple[Task, ...] = ()
    memory: Memory | None = None

    @property
    def tasks_cpu(self) -> int:
        """CPU time of all traced tasks; for asyncio that of the process during the map."""
        return sum(task.cpu for task in self.tasks if task.cpu is not None) or self.cpu or 0


def parted(measurement: Measurement, memory: Memory) -> Measurement:
    """A traced passage, whose results are what a traced function of `inside` returned, with results and tasks apart."""
    tasks = tuple(Task(*stamps) for _, *stamps in measurement.results)
    return replace(measurement, results=[stamped[0] for stamped in measurement.results], tasks=tasks, memory=memory)
