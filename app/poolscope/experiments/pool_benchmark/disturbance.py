"""Asks the noise detectors whether something else on the machine spoiled a run of the pool benchmark."""

from __future__ import annotations

from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.pool_benchmark.work import is_known_to_wait, waits
from poolscope.protocol.kinds import IN_PROCESSES
from poolscope.protocol.payloads import TraceSummary
from poolscope.stats.disturbance import SHORTEST_TASK_CPU_S, By, Disturbance, TracedTasks, beside_us, disturbance

MOST_TASKS = 1000


def judge_disturbance(state: State, usable_cpus: int) -> Disturbance | None:
    """The judgement of the noise detectors; None until the first round has been read."""
    noise = state.noise
    if noise is None:
        return None
    others_cpu_s, throttled_rise = beside_us(noise)
    computes = waits(state) is False
    return disturbance(
        # Of work that we don't know, the time that a task spends off the CPU may be its own.
        _traced(state) if is_known_to_wait(state) is False else (),
        # Workers that wait take no CPU from anybody; only the main process does.
        workers=max((config.size for config in state.pools), default=1) if computes else 1,
        usable_cpus=usable_cpus,
        host_cpus=noise.host_cpus or usable_cpus,
        wall_s=noise.wall_s,
        others_cpu_s=others_cpu_s,
        throttled_rise=throttled_rise,
        effective_cpus=state.cpu.effective.get(str(usable_cpus)) if state.cpu and computes else None,
        server_cpu_s=noise.server_cpu_s,
    )


def was_disturbed(state: State, usable_cpus: int) -> bool:
    """Whether a disturbance is shown; one that can't be told is none."""
    judged = judge_disturbance(state, usable_cpus)
    return judged is not None and judged.disturbed is True


def who_had_the_cpus(state: State, usable_cpus: int) -> By | None:
    """Whose processes used as much as half of the CPUs that the run could have used; None where nobody's did."""
    judged = judge_disturbance(state, usable_cpus)
    sign = judged.in_the_way if judged is not None else None
    return sign.by if sign is not None and sign.numbers["others_cpus"] >= usable_cpus / 2 else None


def _traced(state: State) -> list[TracedTasks]:
    """The loop and the processes: threads wait for the GIL, which is nobody's disturbance."""
    noise = state.noise
    serial = state.serial
    counted = len(serial.map) * serial.passes * (state.items or 0) if serial else 0
    loop = [TracedTasks(1, _alike(noise.loop_wall_s, noise.loop_cpu_s, counted))] if noise else []
    processes = (config for config in state.pools if config.kind in IN_PROCESSES)
    return loop + [_tasks(config.size, config.traced) for config in processes if config.traced]


def _tasks(workers: int, traced: TraceSummary) -> TracedTasks:
    return TracedTasks(workers, _alike(traced.tasks_wall_s, traced.tasks_cpu_s, traced.tasks))


def _alike(wall: float | None, cpu: float | None, count: int) -> tuple[tuple[float, float], ...]:
    """So many tasks of equal length; many are counted as fewer and longer ones of the same totals, very short ones not.

    Only totals are kept, and only they are judged.
    """
    if not (wall and cpu and count) or cpu / count < SHORTEST_TASK_CPU_S:
        return ()
    kept = min(count, MOST_TASKS)
    return ((wall / kept, cpu / kept),) * kept
