"""Whether the workers had a CPU each: more of them than CPUs, a quota, hyper-threads, threads inside the tasks."""

from __future__ import annotations

from typing import Any

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.findings.validity import was_disturbed
from poolscope.experiments.pool_benchmark.params import LARGEST_POOL, WhichPoolParams
from poolscope.experiments.pool_benchmark.recommendation import (
    eligible_configs,
    fastest,
    is_far_behind,
    recommend,
    spoken_of,
)
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import (
    ONE_CPU,
    SEVERAL_CPUS,
    blocks_event_loop,
    is_childrens_work,
    on_cpu,
    processes,
    tasks_on_cpu,
    waits,
)
from poolscope.protocol.native import LIBRARIES
from poolscope.stats.comparison import FAR
from poolscope.stats.disturbance import SHORTEST_TASK_CPU_S, beside_us
from poolscope.stats.intervals import ratio
from poolscope.text.numbers import interval_of_compared

STILL_GAINS = FAR  # over the next smaller pool: so far from level that a larger one is worth a try
NO_GAIN = 1.1  # where the interval ends below it, more workers gain less than a tenth
# How much more CPU time a task takes where two workers share a core; real hyper-threads cost a third and more.
SHARES_A_CORE, ALONE = 1.2, 1.08


def more_workers_than_cpus(state: State, usable_cpus: int) -> CheckResult:
    facts: dict[str, Any] = {"usable_cpus": usable_cpus}
    if blocks_event_loop(state):
        return CheckResult(False, "event loop blocked", facts)
    waiting = waits(state)
    if waiting:
        return CheckResult(False, "waits", facts)
    # Coroutines share one thread: how many may be under way has nothing to do with CPUs.
    pools = [config for config in eligible_configs(state) if not config.serial and config.kind != "asyncio"]
    if not any(config.size > usable_cpus for config in pools):
        return CheckResult(False, "none", facts)
    if waiting is None:
        return CheckResult(None, "unclear", facts)
    best = fastest(pools)
    alike = [config for config in pools if _but_for_size(config) == _but_for_size(best)]
    within = [config for config in alike if config.size <= usable_cpus]
    above = [config for config in alike if config.size > usable_cpus]
    fitting = remedies.sizes(
        [config.size for config in pools if config.size <= usable_cpus] or [min(usable_cpus, LARGEST_POOL)]
    )
    if not within or not above:
        return CheckResult(None, "not compared", facts, {} if within else fitting)
    return _compared(state, fastest(within), fastest(above), facts, fitting)


def _compared(
    state: State, small: Configuration, large: Configuration, facts: dict[str, Any], fitting: dict[str, Any]
) -> CheckResult:
    """The fastest with at most as many workers as CPUs, and the fastest with more."""
    gain = ratio(small.map, large.map)
    facts |= {"small": small, "large": large, "gain": gain}
    if gain.low is None or gain.high is None:
        return CheckResult(None, "few repetitions", facts, fitting)
    if gain.low > 1 and small.chunk_used != large.chunk_used:
        chunks = remedies.chunks(state, min(small.chunk_used, large.chunk_used))
        facts |= {"small_chunk": small.chunk_used, "large_chunk": large.chunk_used}
        return CheckResult(None, "chunks differ", facts, chunks)
    if gain.low > 1:
        return CheckResult(False, "gain", facts)
    if gain.high > NO_GAIN:
        return CheckResult(None, "wide", facts, fitting)
    return CheckResult(True, "no gain", facts, fitting)


def larger_pools_untried(state: State, usable_cpus: int) -> CheckResult:
    """Whether the answer's pool, of work that waits, is the largest of its kind and still surely gained by its size."""
    pools = [config for config in eligible_configs(state) if not config.serial]
    if not pools or not waits(state) or blocks_event_loop(state):
        return CheckResult(False, "not waiting")
    large, items = spoken_of(recommend(state)) or fastest(pools), state.items or 0
    alike = [config for config in pools if _but_for_size(config) == _but_for_size(large)]
    if any(config.size > large.size for config in alike):
        return CheckResult(False, "not the largest", {"large": large})
    if items <= large.size or 2 * large.size > LARGEST_POOL:
        return CheckResult(False, "enough for all" if items <= large.size else "no larger", {"large": large})
    most = min(4 * large.size, LARGEST_POOL, items)
    more = remedies.sizes([large.size, min(2 * large.size, most), most])
    small = max((config for config in alike if config is not large), key=lambda config: config.size, default=None)
    if small is None:
        return CheckResult(None, "not compared", {"large": large}, more)
    gain = ratio(small.map, large.map)
    facts = {"small": small, "large": large, "gain": gain, "ci": interval_of_compared(gain) or None}
    # What dropped out after two rounds has no interval, and yet was shown to be so far behind.
    if (gain.low or 0.0) > STILL_GAINS or is_far_behind(state, small, large):
        return CheckResult(True, "rises", facts, more)
    if gain.low is None and gain.value > STILL_GAINS:
        return CheckResult(None, "few repetitions", facts, more)
    return CheckResult(False, "levels off", facts)


def _but_for_size(config: Configuration) -> tuple[object, ...]:
    return config.python, config.kind, config.start_method, config.chunksize, config.native_threads, config.max_tasks


def quota_bites(state: State, usable_cpus: int) -> CheckResult:
    _, rise = beside_us(state.noise)
    if rise is None:
        return CheckResult(None, "no counter")
    if rise == 0:
        return CheckResult(False, "free", {"throttled": 0})
    return CheckResult(True, "held back", {"throttled": rise}, remedies.sizes([1, usable_cpus]))


def siblings_share_cores(state: State, usable_cpus: int) -> CheckResult:
    groups = state.machine.siblings if state.machine else ()
    if not groups:
        return CheckResult(None, "unknown")
    cores, computes = len(groups), waits(state) is False
    config = _crowded(state, 1 if cores >= usable_cpus else cores, usable_cpus)
    facts: dict[str, Any] = {"cores": cores, "usable_cpus": usable_cpus}
    if (on_cpu(state.serial) or 0.0) > ONE_CPU:
        # Threads that wait for each other by spinning take more CPU time as soon as they have less of a CPU.
        return CheckResult(None, "several CPUs", facts)
    more = _dearer(state, config) if computes else None
    if config is not None and more is not None:
        facts |= {"config": config, "cpu_time_ratio": more}
    if cores >= usable_cpus:
        return _a_core_each(more, facts)
    if not computes:
        return CheckResult(None, "waits", facts)
    if more is None:
        return CheckResult(None, "untraced", facts, remedies.sizes([cores, usable_cpus]))
    if more <= ALONE:
        return CheckResult(False, "no loss", facts)
    if more < SHARES_A_CORE or was_disturbed(state, usable_cpus):
        return CheckResult(None, "unclear", facts)
    return CheckResult(True, "share", facts, remedies.sizes([1, cores, usable_cpus]))


def _a_core_each(more: float | None, facts: dict[str, Any]) -> CheckResult:
    """Where the system says that every CPU is a core: a virtual machine's may be hyper-threads of its host's."""
    if more is None:
        return CheckResult(False, "a core each", facts)
    if more <= ALONE:
        return CheckResult(False, "a core each, seen", facts)
    return CheckResult(None, "a core each, unclear" if more < SHARES_A_CORE else "shared unseen", facts)


def _crowded(state: State, cores: int, usable_cpus: int) -> Configuration | None:
    """A traced pool of processes that has to use both hyper-threads of a core, and still has a CPU for each worker."""
    configs = [config for config in eligible_configs(state) if processes(config) and cores < config.size <= usable_cpus]
    traced = [config for config in configs if _long_tasks(config)]
    return max(traced, key=lambda config: config.size, default=None)


def _long_tasks(config: Configuration) -> bool:
    traced = config.traced
    return bool(traced and traced.tasks and traced.cost_s / traced.tasks >= SHORTEST_TASK_CPU_S)


def _dearer(state: State, config: Configuration | None) -> float | None:
    """How many times the CPU time a task of a traced pool took that it takes in the plain loop of its Python."""
    loop = state.loop_of(config.python, config.native_threads) if config else None
    traced = config.traced if config else None
    if not traced or loop is None or not loop.map or not loop.loop or not loop.loop.cost_s or not state.items:
        return None
    alone = loop.loop.cost_s / len(loop.map) / state.items
    return traced.cost_s / traced.tasks / alone


def oversubscribed(state: State, usable_cpus: int) -> CheckResult:
    share = on_cpu(state.serial)
    shares = [
        used
        for config in eligible_configs(state)
        if processes(config)
        and not config.native_threads
        and _long_tasks(config)
        and (used := tasks_on_cpu(config)) is not None
    ]
    known = [*([share] if share is not None else []), *shares]
    if not known:
        return CheckResult(None, "unknown")
    most = max(known)
    facts: dict[str, Any] = {"cpu_over_wall": most, "loop_on_cpu": share}
    if most < SEVERAL_CPUS:
        # What else runs can make it less, but never more.
        if was_disturbed(state, usable_cpus) and not waits(state):
            return CheckResult(None, "disturbed", facts)
        return CheckResult(False, "one thread", facts) if most <= ONE_CPU else CheckResult(None, "unclear", facts)
    enough = max(1, round(usable_cpus / most))
    facts |= {"usable_cpus": usable_cpus, "enough": enough}
    varied = isinstance(state.params, WhichPoolParams) and bool(state.params.native_threads)
    fewer, lost_share = remedies.sizes([1, enough]), 1 - 1 / most
    if is_childrens_work(state.serial):
        return CheckResult(True, "child processes", facts, fewer, lost_share)
    trial = state.reference.trial if state.reference else None
    if trial is None or not trial.native_libraries:
        return CheckResult(True, "several threads", facts, fewer, lost_share)
    facts |= {
        "libraries": trial.native_libraries,
        "threads": None if trial.native_threads is None else 1 + trial.native_threads,
        "variables": [LIBRARIES[name].variable for name in trial.native_libraries],
    }
    limits = remedies.sizes([1, usable_cpus]) | {"native_threads": [1, usable_cpus]}
    return CheckResult(True, "library threads", facts, {} if varied else limits, lost_share)
