"""Asks the noise detectors whether something else on the machine spoiled a which-pool run."""

from __future__ import annotations

from dataclasses import asdict

from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.pool_benchmark.work import waits
from poolscope.protocol.kinds import IN_PROCESSES
from poolscope.protocol.payloads import TraceSummary
from poolscope.stats.disturbance import SHORTEST_TASK_CPU_S, Disturbance, TracedTasks, beside_us, disturbance
from poolscope.workloads.catalog import COMPUTING

MOST_TASKS = 1000


def disturbed(state: State, usable_cpus: int) -> Disturbance | None:
    """The judgement of the noise detectors; None until the first round has been read."""
    noise = state.noise
    if noise is None:
        return None
    others_cpu_s, throttled_rise = beside_us(asdict(noise))
    computes = waits(state) is False
    return disturbance(
        # Of work that we don't know, the time that a task spends off the CPU may be its own.
        _traced(state) if state.params.workload in COMPUTING else (),
        # Workers that wait take no CPU from anybody; only the main process does.
        workers=max((config.size for config in state.pools), default=1) if computes else 1,
        usable_cpus=usable_cpus,
        host_cpus=noise.host_cpus or usable_cpus,
        wall_s=noise.wall_s,
        others_cpu_s=others_cpu_s,
        throttled_rise=throttled_rise,
        effective_cpus=state.cpu.effective.get(str(usable_cpus)) if state.cpu and computes else None,
    )


def _traced(state: State) -> list[TracedTasks]:
    """The loop and the processes: threads wait for the GIL, which is nobody's disturbance."""
    noise = state.noise
    loop = (noise.loop_wall_s, noise.loop_cpu_s) if noise else (None, None)
    counted = len(state.serial.map) * (state.items or 0) if state.serial else 0
    configs = [TracedTasks(1, _alike(*loop, counted))]
    pools = [config for config in state.pools if config.kind in IN_PROCESSES]
    return configs + [_pool(config.size, config.traced) for config in pools if config.traced]


def _pool(size: int, traced: TraceSummary) -> TracedTasks:
    return TracedTasks(size, _alike(traced.tasks_wall_s, traced.tasks_cpu_s, traced.tasks))


def _alike(wall: float | None, cpu: float | None, count: int) -> tuple[tuple[float, float], ...]:
    """So many tasks of equal length; many are told as fewer and longer ones of the same totals, very short ones not."""
    if not (wall and cpu and count) or cpu / count < SHORTEST_TASK_CPU_S:
        return ()
    told = min(count, MOST_TASKS)
    return ((wall / told, cpu / told),) * told
