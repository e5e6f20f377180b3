"""Asks the noise detectors whether something else on the machine spoiled a pool-sizes run."""

from __future__ import annotations

from poolscope.experiments.pool_sizes.samples import State
from poolscope.stats.disturbance import SHORTEST_TASK_CPU_S, Disturbance, TracedTasks, beside_us, disturbance

MOST_TASKS = 1000


def disturbed(state: State, usable_cpus: int) -> Disturbance | None:
    """The judgement of the noise detectors; None until the first round has been read."""
    noise = state.noise
    if not noise:
        return None
    others_cpu_s, throttled_rise = beside_us(noise)
    return disturbance(
        () if state.waits else _traced(state),
        # Workers that wait take no CPU from anybody; only the main process does.
        workers=1 if state.waits else max(state.params.sizes),
        usable_cpus=usable_cpus,
        host_cpus=noise.get("host_cpus") or usable_cpus,
        wall_s=noise["wall_s"],
        others_cpu_s=others_cpu_s,
        throttled_rise=throttled_rise,
    )


def _traced(state: State) -> list[TracedTasks]:
    """The tasks with both of their times. Only totals were kept, so each counts as their mean."""
    configs = [
        TracedTasks(1, _alike(state.noise.get("loop_wall_s"), state.noise.get("loop_cpu_s"), _loop_items(state)))
    ]
    configs += [
        TracedTasks(
            config.size, _alike(config.traced["tasks_wall_s"], config.traced["tasks_cpu_s"], config.traced["tasks"])
        )
        for config in state.configs
        if config.traced
    ]
    return configs


def _loop_items(state: State) -> int:
    return len(state.serial.map) * state.params.items


def _alike(wall: float | None, cpu: float | None, count: int) -> tuple[tuple[float, float], ...]:
    """So many tasks of equal length; many are told as fewer and longer ones of the same totals, very short ones not."""
    if not (wall and cpu and count) or cpu / count < SHORTEST_TASK_CPU_S:
        return ()
    told = min(count, MOST_TASKS)
    return ((wall / told, cpu / told),) * told
