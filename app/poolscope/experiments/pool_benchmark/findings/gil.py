"""Whether threads took turns for the GIL, and whether waiting work would do with threads or asyncio."""

from __future__ import annotations

from statistics import median

from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_benchmark.breakeven import SHORTEST_TASK_S
from poolscope.experiments.pool_benchmark.disturbance import disturbed
from poolscope.experiments.pool_benchmark.naming import setting, several
from poolscope.experiments.pool_benchmark.recommendation import counted, fastest
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.time_budget import why_off_cpu
from poolscope.experiments.pool_benchmark.work import COMPUTES, cpus_used, on_cpu, waits
from poolscope.stats.intervals import ratio
from poolscope.text.language import capital
from poolscope.text.numbers import duration, interval_of, size, times

LIGHT = ("thread", "asyncio")
# The share of the CPUs that they could have had from which on they are said to have run side by side.
SIDE_BY_SIDE = 0.75


def gil_held(state: State, usable_cpus: int) -> Finding:
    check = "threads took turns for the GIL"
    config = _threads(state, usable_cpus)
    if config is None:
        free = [python for python in state.pythons if python.gil is False]
        if free and not any(python.gil for python in state.pythons):
            return Finding(check, False, "There is no GIL in this Python.")
        remedy = {} if any(config.kind == "thread" for config in state.pools) else {"kinds": ["thread"]}
        return Finding(check, None, "No two threads were traced in a Python that has the GIL.", remedy=remedy)
    used, could = cpus_used(config) or 0.0, min(config.size, usable_cpus)
    share = on_cpu(state.loop_of(config.python))
    numbers = {"cpus_used": used, "cpus_there": float(could), "loop_on_cpu": share}
    figures = (
        f"the tasks of {setting(state, config)} used {used:.2f} CPUs together, where {could} were there for them; "
        "in the plain loop they use " + (f"{share:.2f}" if share is not None else "an unknown share")
    )
    if share is None or could < 2 or (config.seconds_per_task or 0.0) < SHORTEST_TASK_S:
        return Finding(check, None, f"Can't tell: {figures}.", numbers)
    if waits(state):
        return Finding(check, False, f"The work waits, which needs no GIL: {figures}.", numbers)
    if used >= SIDE_BY_SIDE * could:
        return Finding(check, False, f"They ran side by side: {figures}.", numbers)
    judged = disturbed(state, usable_cpus)
    off = why_off_cpu(state, config, usable_cpus)
    if judged and judged.disturbed:
        return Finding(check, None, f"Can't tell, the run was disturbed: {figures}.", numbers)
    if off is None or off.reason != "gil" or share < COMPUTES:
        return Finding(check, None, f"Can't tell, something else may have held them up: {figures}.", numbers)
    sentence = f"{capital(figures)}. One at a time, for the GIL or for a lock of the work's own."
    others = [other for other in state.pools if other.kind not in LIGHT]
    return Finding(check, True, sentence, numbers, {} if others else {"kinds": ["process"]})


def _threads(state: State, usable_cpus: int) -> Configuration | None:
    """Traced threads under the GIL, as many as there are CPUs for if there are such."""
    traced = [
        config
        for config in state.pools
        if config.kind == "thread" and config.size > 1 and config.seconds_per_task and _has_gil(state, config)
    ]
    return min(traced, key=lambda config: abs(config.size - usable_cpus), default=None)


def _has_gil(state: State, config: Configuration) -> bool:
    python = state.python(config.python)
    return bool(python and python.gil)


def light_kinds_suffice(state: State, usable_cpus: int) -> Finding:
    check = "waiting work that threads or asyncio serve with less"
    share = on_cpu(state.serial)
    numbers: dict[str, float | None] = {"loop_on_cpu": share}
    if share is None:
        return Finding(check, None, "How long the plain loop was on a CPU is not known, or was too short.", numbers)
    figures = f"the plain loop was on a CPU for {share:.0%} of its time"
    waiting = waits(state)
    if waiting is False:
        known = "is known to compute; in this run" if state.params.built_in else "computes:"
        return Finding(check, False, f"The work {known} {figures}.", numbers)
    if waiting is None:
        return Finding(check, None, f"The work does both, {figures}, so neither is said of it.", numbers)
    judged = disturbed(state, usable_cpus)
    if judged and judged.disturbed:
        return Finding(check, None, f"Can't tell, the run was disturbed: {figures}.", numbers)
    configs = [config for config in counted(state) if not config.serial]
    light, heavy = ([config for config in configs if (config.kind in LIGHT) is is_light] for is_light in (True, False))
    if not light or not heavy:
        missing = "Neither threads nor asyncio were" if not light else "No processes or interpreters were"
        kinds = {"kinds": ["thread", "asyncio"]} if not light else {}
        return Finding(check, None, f"The work waits: {figures}. {missing} measured to compare.", numbers, kinds)
    return _compared(check, state, fastest(light), fastest(heavy), figures, numbers)


def _compared(
    check: str, state: State, light: Configuration, heavy: Configuration, figures: str, numbers: dict[str, float | None]
) -> Finding:
    gain = ratio(heavy.map, light.map)
    numbers["gain"] = gain.value
    said = (
        f"The work waits: {figures}. {capital(setting(state, light))} "
        f"{'map' if several(light) else 'maps'} {times(gain.value)} as fast as {setting(state, heavy)}"
    )
    if gain.low is None or gain.high is None:
        return Finding(check, None, f"{said}; too few repetitions to tell.", numbers)
    if gain.high < 1:
        return Finding(check, False, f"{said} ({interval_of(gain)}), which is shown to be slower.", numbers)
    if gain.low < 0.95:
        return Finding(check, None, f"{said}; the times spread too widely to tell ({interval_of(gain)}).", numbers)
    less = [f"{duration(median(light.around))} to start and end against {duration(median(heavy.around))}"]
    readings = [config.memory for config in (light, heavy) if config.memory and config.memory.per_worker]
    if len(readings) == 2:
        each = [size(max(0.0, median(reading.per_worker))) for reading in readings]
        less.append(f"{each[0]} a worker against {each[1]}")
    return Finding(
        check,
        True,
        f"{said} ({interval_of(gain)}) and {'take' if several(light) else 'takes'} less: {'; '.join(less)}.",
        numbers,
    )
