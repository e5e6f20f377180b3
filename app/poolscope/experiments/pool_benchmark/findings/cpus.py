"""Whether the workers had a CPU each: more of them than CPUs, a quota, hyper-threads, threads inside the tasks."""

from __future__ import annotations

from dataclasses import asdict, replace

from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_benchmark.disturbance import disturbed
from poolscope.experiments.pool_benchmark.naming import setting, several
from poolscope.experiments.pool_benchmark.params import LARGEST_POOL
from poolscope.experiments.pool_benchmark.recommendation import counted, fastest
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.time_budget import processes
from poolscope.experiments.pool_benchmark.work import on_cpu, waits
from poolscope.stats.disturbance import SHORTEST_TASK_CPU_S, beside_us
from poolscope.stats.intervals import ratio
from poolscope.text.language import capital, cpus_usable
from poolscope.text.numbers import interval_of, times

NO_GAIN = 1.1  # where the interval ends below it, more workers gain less than a tenth
# CPU time over wall time of a task that runs in one thread is 1.0; two busy threads would make it 2.
SEVERAL_THREADS, ONE_THREAD = 1.3, 1.1
# How much more CPU time a task takes where two workers share a core; real hyper-threads cost a third and more.
SHARES_A_CORE, ALONE = 1.2, 1.08


def more_workers_than_cpus(state: State, usable_cpus: int) -> Finding:
    check = "more workers than usable CPUs"
    numbers: dict[str, float | None] = {"usable_cpus": usable_cpus}
    waiting = waits(state)
    if waiting:
        return Finding(check, False, "The work waits, so workers beyond the CPUs still save time.", numbers)
    pools = [config for config in counted(state) if not config.serial]
    if not any(config.size > usable_cpus for config in pools):
        return Finding(check, False, f"No pool has more workers than CPUs: {cpus_usable(usable_cpus)}.", numbers)
    if waiting is None:
        return Finding(check, None, f"{cpus_usable(usable_cpus)}. How much of the work waits is not clear.", numbers)
    best = fastest(pools)
    alike = [config for config in pools if _but_for_size(config) == _but_for_size(best)]
    within = [config for config in alike if config.size <= usable_cpus]
    above = [config for config in alike if config.size > usable_cpus]
    fits = {
        "sizes": sorted({config.size for config in pools if config.size <= usable_cpus})
        or [min(usable_cpus, LARGEST_POOL)]
    }
    if not within or not above:
        return Finding(
            check,
            None,
            f"{cpus_usable(usable_cpus)}; there is no smaller or no larger pool of a kind to compare.",
            numbers,
            {} if within else fits,
        )
    small, large = fastest(within), fastest(above)
    gain = ratio(small.map, large.map)
    numbers["gain"] = gain.value
    said = (
        f"{cpus_usable(usable_cpus)}; {setting(state, large)} {'map' if several(large) else 'maps'} "
        f"{times(gain.value)} as fast as {setting(state, small)}"
    )
    if gain.low is None or gain.high is None:
        return Finding(check, None, f"{said}, which too few repetitions can't tell.", numbers)
    if gain.low > 1 and small.chunk_used != large.chunk_used:
        sentence = f"{said} ({interval_of(gain)}), but chunk sizes differ, {small.chunk_used} and {large.chunk_used}."
        remedy = {"chunksizes": [min(small.chunk_used or 1, large.chunk_used or 1)]}
        return Finding(check, None, sentence, numbers, remedy)
    if gain.low > 1:
        return Finding(check, False, f"{said} ({interval_of(gain)}).", numbers)
    if gain.high > NO_GAIN:
        return Finding(check, None, f"{said}; the times spread too widely to tell ({interval_of(gain)}).", numbers)
    return Finding(check, True, f"{said} ({interval_of(gain)}), so no gain is shown for what they take.", numbers, fits)


def _but_for_size(config: Configuration) -> tuple[object, ...]:
    return config.python, config.kind, config.start_method, config.chunksize


def quota_bites(state: State, usable_cpus: int) -> Finding:
    check = "a CPU quota made workers wait"
    _, rise = beside_us(asdict(state.noise) if state.noise else {})
    if rise is None:
        return Finding(check, None, "No counter of a quota can be read: there is none, or none to be seen from here.")
    if rise == 0:
        return Finding(check, False, "The quota's counter did not rise during the run.", {"throttled": 0})
    sentence = (
        f"The quota held processes back {rise} {'time' if rise == 1 else 'times'} during the run: no more workers than "
        "its CPUs, or a larger quota."
    )
    return Finding(check, True, sentence, {"throttled": rise}, {"sizes": sorted({1, usable_cpus})})


def siblings_share_cores(state: State, usable_cpus: int) -> Finding:
    check = "workers share cores as hyper-threads"
    groups = state.machine.siblings if state.machine else ()
    if not groups:
        return Finding(check, None, "Which of the CPUs share a core is not known.")
    cores = len(groups)
    numbers: dict[str, float | None] = {"cores": cores, "usable_cpus": usable_cpus}
    if cores >= usable_cpus:
        return _shared_unseen(
            state, usable_cpus, Finding(check, False, f"{cpus_usable(usable_cpus)}, on {cores} cores", numbers)
        )
    if waits(state) is not False:
        return Finding(
            check, None, f"{usable_cpus} CPUs are on {cores} cores; the work does not just compute.", numbers
        )
    config = _crowded(state, cores, usable_cpus)
    more = _dearer(state, config)
    if config is None or more is None:
        sentence = f"{usable_cpus} CPUs are on {cores} cores; no pool of so many processes was traced with long tasks."
        return Finding(check, None, sentence, numbers, {"sizes": [cores, usable_cpus]})
    numbers["cpu_time_ratio"] = more
    figures = f"{usable_cpus} CPUs are on {cores} cores; {_took(state, config, more)}"
    judged = disturbed(state, usable_cpus)
    if more <= ALONE:
        return Finding(check, False, f"{figures}.", numbers)
    if more < SHARES_A_CORE or (judged and judged.disturbed):
        return Finding(check, None, f"Can't tell: {figures}.", numbers)
    sentence = f"{figures}, as where two share a core: more workers than {cores} gain less than their number says."
    return Finding(check, True, sentence, numbers, {"sizes": sorted({1, cores, usable_cpus})})


def _shared_unseen(state: State, usable_cpus: int, told: Finding) -> Finding:
    """Where every CPU is told to be a core of its own: a virtual machine's may be hyper-threads of its host's."""
    config = _crowded(state, 1, usable_cpus)
    more = _dearer(state, config)
    if config is None or more is None or waits(state) is not False:
        return replace(told, sentence=f"{told.sentence}, so nobody has to share one.")
    figures, numbers = _took(state, config, more), {**told.numbers, "cpu_time_ratio": more}
    if more <= ALONE:
        return replace(told, sentence=f"{told.sentence}; {figures}, so nobody shares one.", numbers=numbers)
    if more < SHARES_A_CORE:
        return replace(told, holds=None, sentence=f"Can't tell: {told.sentence}; {figures}.", numbers=numbers)
    sentence = (
        f"{told.sentence}, as the system has it, but {figures}. So it is where cores are shared out of its sight, as "
        "by the virtual machines of one host; it can't be told from here."
    )
    return replace(told, holds=None, sentence=sentence, numbers=numbers)


def _took(state: State, config: Configuration, more: float) -> str:
    return f"with {setting(state, config)} a task took {times(more)} the CPU time that it takes in the plain loop"


def _crowded(state: State, cores: int, usable_cpus: int) -> Configuration | None:
    """A traced pool of processes that has to use both hyper-threads of a core, and still has a CPU for each worker."""
    configs = [config for config in counted(state) if processes(config) and cores < config.size <= usable_cpus]
    traced = [config for config in configs if _long_tasks(config)]
    return max(traced, key=lambda config: config.size, default=None)


def _long_tasks(config: Configuration) -> bool:
    traced = config.traced
    return bool(traced and traced.tasks and traced.tasks_cpu_s / traced.tasks >= SHORTEST_TASK_CPU_S)


def _dearer(state: State, config: Configuration | None) -> float | None:
    """How many times the CPU time a task of a traced pool took that it takes in the plain loop of its Python."""
    loop = next(
        (other for other in state.configs.values() if other.serial and config and other.python == config.python), None
    )
    traced = config.traced if config else None
    if not traced or loop is None or not loop.map or not loop.loop or not loop.loop.cpu_s or not state.items:
        return None
    alone = loop.loop.cpu_s / len(loop.map) / state.items
    return traced.tasks_cpu_s / traced.tasks / alone


def oversubscribed(state: State, usable_cpus: int) -> Finding:
    check = "tasks start threads of their own"
    share = on_cpu(state.serial)
    shares = [
        config.traced.tasks_cpu_s / config.traced.tasks_wall_s
        for config in counted(state)
        if processes(config) and _long_tasks(config) and config.traced and config.traced.tasks_wall_s
    ]
    known = [*([share] if share is not None else []), *shares]
    if not known:
        return Finding(check, None, "Neither the loop nor a process was looked at for long enough.")
    most, judged = max(known), disturbed(state, usable_cpus)
    numbers: dict[str, float | None] = {"cpu_over_wall": most, "loop_on_cpu": share}
    figures = f"a task used up to {most:.2f} CPUs by itself"
    if judged and judged.disturbed and not waits(state):
        return Finding(check, None, f"Can't tell, the run was disturbed: {figures}.", numbers)
    if most <= ONE_THREAD:
        unseen = "Programs that a task starts would not show in this."
        return Finding(check, False, f"{capital(figures)}, so it runs in one thread. {unseen}", numbers)
    if most < SEVERAL_THREADS:
        return Finding(check, None, f"Can't tell: {figures}.", numbers)
    enough = max(1, round(usable_cpus / most))
    sentence = (
        f"{capital(figures)}, so {cpus_usable(usable_cpus)} are enough for {enough} at once. Numerical "
        "libraries do so unless OMP_NUM_THREADS=1 is set."
    )
    return Finding(check, True, sentence, numbers, {"sizes": sorted({1, enough})})
