"""Where workers × wall of a setting's whole call went, and why its tasks were off the CPU."""

from __future__ import annotations

from statistics import median

from app.experiments.which_pool.params import IN_PROCESSES
from app.experiments.which_pool.samples import Arm, State
from app.measure.budget import Budget, OffCpu, loop_budget, off_cpu, pool_budget

SHARED_LOCK = ("thread", "asyncio")  # kinds whose workers share one interpreter


def budget(state: State, arm: Arm) -> Budget | None:
    """Medians of the timed repetitions, the map divided as in the traced one; None before both are there."""
    if arm.serial:
        wall = arm.loop.get("wall_s")
        return loop_budget(wall, min(arm.loop["cpu_s"], wall)) if wall else None
    if not arm.total or not arm.traced.get("map_s"):
        return None
    return pool_budget(median(arm.start), median(arm.map), median(arm.stop), arm.traced, arm.size)


def why_off_cpu(state: State, arm: Arm, usable_cpus: int) -> OffCpu | None:
    """Why the tasks of a setting were off the CPU; None before it, and its Python's loop, were looked at."""
    loop, python = state.loop_of(arm.python), state.python(arm.python)
    if loop is None or not loop.map or not loop.loop.get("wall_s") or not arm.traced.get("map_s"):
        return None
    return off_cpu(
        arm.traced,
        loop_wall_s=loop.loop["wall_s"] / len(loop.map),
        loop_cpu_s=loop.loop["cpu_s"] / len(loop.map),
        size=arm.size,
        usable_cpus=usable_cpus,
        gil=arm.kind in SHARED_LOCK and (python is None or python.gil is not False),
    )


def handing_share(spent: Budget) -> float:
    """The share of a map, start-up and shutdown left out, that went into handing items over and getting results."""
    mapped = 1 - spent.startup - spent.shutdown
    return spent.dispatch / mapped if mapped > 0 else 0.0


def tail_share(spent: Budget) -> float:
    """The share of a map in which workers had nothing left to do."""
    mapped = 1 - spent.startup - spent.shutdown
    return spent.idle / mapped if mapped > 0 else 0.0


def processes(arm: Arm) -> bool:
    return arm.kind in IN_PROCESSES
