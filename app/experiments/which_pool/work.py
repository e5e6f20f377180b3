"""What a run shows of the work itself: how long an item takes, and whether it computes or waits."""

from __future__ import annotations

from statistics import median

from app.experiments.which_pool.params import COMPUTING, WAITING
from app.experiments.which_pool.samples import Arm, State

# The plain loop's share of its time on a CPU. Work in between does both, and is taken for neither.
COMPUTES = 0.8
WAITS = 0.3
ENOUGH_S = 1e-3  # of loops in all: below it their share would be that of the clocks


def on_cpu(loop: Arm | None) -> float | None:
    """The share of its time that a plain loop was on a CPU, over 1 where it used several; None if that isn't known."""
    wall = loop.loop.get("wall_s") if loop else None
    return loop.loop["cpu_s"] / wall if loop and wall and wall >= ENOUGH_S else None


def waits(state: State) -> bool | None:
    """Whether the work waits instead of computing, so that it needs no CPU; None for a mixture or if unknown."""
    # Of built-in work it is known; its share of a CPU says more of the machine than of itself.
    if state.params.workload in (*WAITING, *COMPUTING):
        return state.params.workload in WAITING
    share = on_cpu(state.serial)
    if share is None:
        return None
    return True if share <= WAITS else False if share >= COMPUTES else None


def seconds_per_item(state: State) -> float | None:
    """What one item takes in the plain loop; None before it ran."""
    items, loop = state.items, state.serial
    return median(loop.map) / items if items and loop and loop.map else None


def side_by_side(state: State, arm: Arm, usable_cpus: int) -> int:
    """How many items this setting can have in work at once: its workers, and for work that computes the CPUs."""
    if waits(state):
        return arm.size
    python = state.python(arm.python)
    # Threads under the GIL can, for work that lets go of it; what one lock allows is seen in what their tasks used.
    if arm.kind == "thread" and (python is None or python.gil is not False):
        used = cpus_used(arm)
        return max(1, min(arm.size, usable_cpus, round(used))) if used is not None else 1
    return min(arm.size, usable_cpus)


def cpus_used(arm: Arm) -> float | None:
    """How many CPUs the tasks of the traced repetition kept busy together; None where it was not traced."""
    return arm.traced["tasks_cpu_s"] / arm.traced["map_s"] if arm.traced.get("map_s") else None
