"""Shares out workers × wall of one call into what it was spent on, and judges why tasks were off the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

OffCpuReason = Literal["gil", "waiting", "no core"]


@dataclass(frozen=True)
class Budget:
    """Where workers × wall of one call went: six shares, none negative, whose `math.fsum` is exactly 1.

    `startup` and `shutdown` bring all workers up and down, `dispatch` is whatever of the map is neither a task nor its
    end (queueing, pickling, waking up), `on_cpu` and `off_cpu` are inside the task, and `idle` is the tail, in which
    workers have nothing left to do. `wall_s` is the whole call in seconds, `size` the number of workers.
    """

    startup: float
    dispatch: float
    on_cpu: float
    off_cpu: float
    idle: float
    shutdown: float
    wall_s: float
    size: int

    @property
    def compute(self) -> float:
        """The task's share, on and off the CPU."""
        return self.on_cpu + self.off_cpu

    def as_json(self) -> dict[str, float]:
        """The shares alone; `compute` is the sum of `on_cpu` and `off_cpu`, so that the other five make 1 as well."""
        raise NotImplementedError


def pool_budget(start_s: float, map_s: float, stop_s: float, traced: Mapping[str, Any], size: int) -> Budget:
    """The budget of a pool's call, from medians of its timed repetitions (seconds) and its traced repetition.

    `traced` is the record of that name: `map_s`, `tasks_wall_s`, `tasks_cpu_s` (over all tasks) and `worker_ends_s`
    (since the map began, one for each worker that had a task; those missing up to `size` had none and idled).
    The traced map's shares are applied to the timed one, so it may have taken longer or less. `size` is the number of
    workers, or of coroutines at once. Raises ValueError for times that are negative or not finite, a map of 0, or a
    size below 1.
    """
    raise NotImplementedError


def loop_budget(wall_s: float, cpu_s: float) -> Budget:
    """The plain loop's budget: on the CPU and off it. Raises ValueError for a wall time not above 0."""
    raise NotImplementedError


@dataclass(frozen=True)
class OffCpu:
    """Why tasks were off the CPU: `share` of their wall time, and the reason that accounts for most of it.

    'waiting': the work waits, in the plain loop as well (I/O, sleep). 'gil': workers take turns for the one
    interpreter lock while CPUs are free. 'no core': more workers than usable CPUs, all of which are busy.
    None: it can't be told, or `share` is below `WORTH_A_REASON`.
    """

    share: float
    reason: OffCpuReason | None


def off_cpu(
    traced: Mapping[str, Any], *, loop_wall_s: float, loop_cpu_s: float, size: int, usable_cpus: int, gil: bool
) -> OffCpu:
    """Judges a traced map (see `pool_budget`) against one pass of the plain loop over the same items.

    `gil` says that the workers share one interpreter lock: threads and coroutines of a Python that has it, never
    processes or interpreters.
    """
    raise NotImplementedError
