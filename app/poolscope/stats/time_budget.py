"""Shares out workers × wall of one call into what it was spent on, and judges why tasks were off the CPU."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from poolscope.protocol.payloads import TraceSummary
from poolscope.stats.breakeven import idle_tail

OffCpuReason = Literal["gil", "waiting", "no core"]

# Below a tenth of a task's time there is nothing to gain, and a busy neighbour costs as much (noise.HELD_UP).
WORTH_A_REASON = 0.10
# Threads that take turns keep one CPU busy between them: seen 0.95 to 1.02, the main thread's part included.
TAKES_TURNS = (0.8, 1.2)
# Workers short of a CPU keep all of them busy, but for what dispatch and the machine's other programs take.
ALL_CPUS = 0.9
SHARES = ("startup", "dispatch", "on_cpu", "off_cpu", "idle", "shutdown")


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
        """The six shares, and `compute`, the sum of `on_cpu` and `off_cpu`: with it in their place they make 1 too."""
        return {share: getattr(self, share) for share in SHARES} | {"compute": self.compute}


def pool_budget(start_s: float, map_s: float, stop_s: float, traced: TraceSummary, size: int) -> Budget:
    """The budget of a pool's call, from medians of its timed repetitions (seconds) and its traced repetition.

    Of `traced` the map, the tasks and the ends of the workers count; any end missing up to `size` was at the beginning.
    Tracing costs time and a single repetition scatters, so the timed map is shared out as the traced one was, however
    long that took. What overlaps by the clocks' rounding is cut: the tail counts first, then the tasks. `size` is the
    number of workers, or of coroutines at once.

    Raises ValueError for times that are negative or not finite, a map of 0, or a size below 1.
    """
    traced_s, wall_s, cpu_s = (traced.map_s, traced.tasks_wall_s, traced.cost_s)
    ends = [min(max(0.0, end), traced_s) for end in traced.worker_ends_s]
    times = (start_s, map_s, stop_s, traced_s, wall_s, cpu_s)
    if not all(map(math.isfinite, times)) or min(times) < 0 or min(map_s, traced_s) == 0 or size < 1:
        raise ValueError("times must be finite and not negative, maps above 0, and the size at least 1")
    idle = idle_tail([*ends, *[0.0] * (size - len(ends))], traced_s)
    task = min(1 - idle, wall_s / size / traced_s)
    on_cpu = task * min(1.0, cpu_s / wall_s) if wall_s else 0.0
    inside = {"dispatch": 1 - idle - task, "on_cpu": on_cpu, "off_cpu": task - on_cpu, "idle": idle}
    seconds = {"startup": start_s, "shutdown": stop_s} | {name: share * map_s for name, share in inside.items()}
    return _budget(seconds, start_s + map_s + stop_s, size)


def loop_budget(wall_s: float, cpu_s: float) -> Budget:
    """The plain loop's budget: on the CPU and off it. Raises ValueError for a wall time that is not above 0."""
    if not (math.isfinite(wall_s) and wall_s > 0 and cpu_s >= 0):
        raise ValueError("a budget needs a wall time above 0 and a CPU time not below")
    on_cpu = min(cpu_s, wall_s)
    return _budget({"on_cpu": on_cpu, "off_cpu": wall_s - on_cpu}, wall_s, 1)


def _budget(seconds: Mapping[str, float], wall_s: float, size: int) -> Budget:
    """Shares of the wall time; what rounding leaves over goes to the largest, so that they make exactly 1."""
    shares = {share: max(0.0, seconds.get(share, 0.0)) / wall_s for share in SHARES}
    largest = max(SHARES, key=lambda share: shares[share])
    for _ in range(2):  # the first step may round as well
        shares[largest] += math.fsum((1.0, *(-share for share in shares.values())))
    return Budget(**shares, wall_s=wall_s, size=size)


@dataclass(frozen=True)
class OffCpu:
    """Why tasks were off the CPU: `share` of their wall time, and the reason that accounts for most of it.

    'waiting': the work waits, in the plain loop as well (I/O, sleep). 'gil': workers take turns for the one
    interpreter lock while CPUs are free; a lock that the work itself takes looks the same. 'no core': more workers than
    usable CPUs, all of which are busy. None: it can't be told, or `share` is below WORTH_A_REASON.
    """

    share: float
    reason: OffCpuReason | None


def off_cpu(
    traced: TraceSummary, *, loop_wall_s: float, loop_cpu_s: float, size: int, usable_cpus: int, gil: bool
) -> OffCpu:
    """Judges a traced map (see `pool_budget`) against one pass of the plain loop over the same items.

    The loop's seconds off the CPU are the work's own, whoever does it; what the pool's tasks have beyond them is the
    pool's doing. `gil` says that the workers share one interpreter lock: threads and coroutines of a Python that has
    it, never processes or interpreters.
    """
    wall_s, map_s = traced.tasks_wall_s, traced.map_s
    cpu_s = min(wall_s, traced.cost_s)
    if wall_s <= 0 or map_s <= 0:
        return OffCpu(0.0, None)
    off_s = wall_s - cpu_s
    share = off_s / wall_s
    if share < WORTH_A_REASON:
        return OffCpu(share, None)
    if 2 * max(0.0, loop_wall_s - loop_cpu_s) >= off_s:
        return OffCpu(share, "waiting")
    return OffCpu(share, _pools_doing((cpu_s + traced.between_cpu_s) / map_s, size, usable_cpus, gil))


def _pools_doing(busy_cpus: float, size: int, usable_cpus: int, gil: bool) -> OffCpuReason | None:
    if gil and min(size, usable_cpus) > 1 and TAKES_TURNS[0] <= busy_cpus <= TAKES_TURNS[1]:
        return "gil"
    if size > usable_cpus and busy_cpus >= ALL_CPUS * usable_cpus:
        return "no core"
    return None
