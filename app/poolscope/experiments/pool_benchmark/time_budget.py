"""Where workers × wall of a configuration's whole call went, and why its tasks were off the CPU."""

from __future__ import annotations

from statistics import median

from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import IN_PROCESSES
from poolscope.stats.time_budget import Budget, OffCpu, loop_budget, off_cpu, pool_budget

SHARED_LOCK = ("thread", "asyncio")  # kinds whose workers share one interpreter


def budget(state: State, config: Configuration) -> Budget | None:
    """Medians of the timed repetitions, the map divided as in the traced one; None before both are there."""
    if config.serial:
        loop = config.loop
        return loop_budget(loop.wall_s, min(loop.cost_s, loop.wall_s)) if loop and loop.wall_s else None
    if not config.total or not config.traced or not config.traced.map_s:
        return None
    return pool_budget(config.start_s or 0.0, median(config.map), median(config.stop), config.traced, config.size)


def why_off_cpu(state: State, config: Configuration, usable_cpus: int) -> OffCpu | None:
    """Why the tasks of a configuration were off the CPU; None before it, and its Python's loop, were looked at."""
    loop, python = state.loop_of(config.python, config.native_threads), state.python(config.python)
    times, traced = loop.loop if loop else None, config.traced
    if loop is None or not loop.map or not times or not times.wall_s or not traced or not traced.map_s:
        return None
    return off_cpu(
        traced,
        loop_wall_s=times.wall_s / len(loop.map),
        loop_cpu_s=times.cost_s / len(loop.map),
        size=config.size,
        usable_cpus=usable_cpus,
        gil=config.kind in SHARED_LOCK and (python is None or python.gil is not False),
    )


def dispatch_share(spent: Budget) -> float:
    """The share of a map, start-up and shutdown left out, that went into handing items over and getting results."""
    mapped = 1 - spent.startup - spent.shutdown
    return spent.dispatch / mapped if mapped > 0 else 0.0


def tail_share(spent: Budget) -> float:
    """The share of a map in which workers had nothing left to do."""
    mapped = 1 - spent.startup - spent.shutdown
    return spent.idle / mapped if mapped > 0 else 0.0


def processes(config: Configuration) -> bool:
    return config.kind in IN_PROCESSES
