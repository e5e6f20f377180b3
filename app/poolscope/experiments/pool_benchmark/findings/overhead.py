"""What a pool costs beside its work: the time to start, replace and end its workers, and their memory.

Of a cluster also what goes over the network, and what is sent again and again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.breakeven import hand_over_s
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.recommendation import eligible_configs, fastest, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import processes, seconds_per_item, side_by_side
from poolscope.protocol.kinds import CLUSTERS, COPIES_ITEMS
from poolscope.protocol.payloads import MemoryReading
from poolscope.stats.breakeven import break_even
from poolscope.stats.intervals import Ratio, ratio
from poolscope.text.numbers import duration
from poolscope.text.sentences import Part

# Of the memory that was free: beyond the one the machine begins to swap, below the other there is room for all.
FULL, ROOMY = 0.80, 0.50
# Unpickling a function of a module that is there takes microseconds.
LONG_IMPORT_S = 0.01
LARGE_PART = 1 / 3  # of the time to start and end a pool
TIMES_START_UP = 4  # a remedy lets the plain loop take so many times what start-up takes
NOTHING = 1.05  # where the interval ends below it, replacing costs less than can be felt
LATER = 10  # a remedy replaces workers so many times as seldom
BRINGS = {"dask": "Client.scatter", "ray": "ray.put"}  # function and items to the workers beforehand
WORTH_SHIPPING, NOTHING_TO_SHIP = 1.10, 1.05


def start_up_outweighs(state: State, usable_cpus: int) -> CheckResult:
    configs = [config for config in eligible_configs(state) if processes(config) and config.around]
    if not configs:
        return CheckResult(None, "unmeasured")
    best = fastest(configs)
    by_method = _by_method(configs, best)
    found = _start_up(state, best, by_method)
    if found.holds:
        return found
    # What the best one's start method spares it may be what another one is slow by.
    others = [_start_up(state, config, by_method) for config in by_method.values() if config is not best]
    importing = [other for other in others if other.holds and other.code == "import outweighs"]
    return replace(importing[0], lost_share=None) if importing else found


def _start_up(state: State, best: Configuration, by_method: Mapping[str, Configuration]) -> CheckResult:
    """What it is for one configuration, beside those that differ in their start method."""
    around, mapped, imported = median(best.around), median(best.map), imported_s(best)
    facts: dict[str, Any] = {
        "config": best,
        "start_stop_s": around,
        "map_s": mapped,
        "share": around / (around + mapped),
        **{method: median(config.around) for method, config in by_method.items()},
        **({"import_s": imported, "import_share": imported / around} if imported else {}),
    }
    if len(by_method) > 1:
        facts |= {
            "workers": str(best.size),
            "methods": [_price(method, config) for method, config in by_method.items()],
        }
    weight = ratio(best.around, best.map)
    if weight.low is None or weight.high is None:
        return CheckResult(None, "few repetitions", facts)
    if weight.low <= 1 <= weight.high:
        return CheckResult(None, "close", facts)
    if weight.high < 1:
        return CheckResult(False, "less", facts)
    per_item = seconds_per_item(state)
    more = remedies.more_items(state, math.ceil(TIMES_START_UP * around / per_item)) if per_item else {}
    lost_share = around / (around + mapped)
    python = state.python(best.python)
    if imported is None or imported < LARGE_PART * around:
        return CheckResult(True, "outweighs", facts, more, lost_share)
    facts |= {"function": python.trial.function if python and python.trial else "the function"}
    if python and python.facts and "fork" in python.facts.start_methods and "fork" not in by_method:
        more |= {"start_methods": ["fork", best.start_method]}
    return CheckResult(True, "import outweighs", facts, more, lost_share)


def imported_s(config: Configuration) -> float | None:
    """How long a worker imports a user's modules as it starts; None where that takes no time to speak of."""
    imported = median(config.imported) if config.imported else 0.0
    return imported if imported >= LONG_IMPORT_S else None


def _price(method: str, config: Configuration) -> str:
    """'spawn in 1.02 s, 900 ms of it importing'."""
    imported = imported_s(config)
    return f"{method} in {duration(median(config.around))}" + (
        f", {duration(imported)} of it importing" if imported else ""
    )


def _but_for_method(config: Configuration) -> tuple[object, ...]:
    return config.python, config.kind, config.size, config.native_threads


def _by_method(configs: list[Configuration], best: Configuration) -> dict[str, Configuration]:
    """The pools like the best one, by start method; the others of its size, kind and Python."""
    found: dict[str, Configuration] = {}
    for config in configs:
        if _but_for_method(config) == _but_for_method(best) and config.start_method and not config.max_tasks:
            found.setdefault(config.start_method, config)
    return found


def memory_runs_short(state: State, usable_cpus: int) -> CheckResult:
    free = state.machine.memory_available if state.machine else None
    # What workers hold on other hosts leaves this one its own.
    measured = [(config, config.memory) for config in state.pools if config.memory and not config.hosts_cpus]
    if not measured:
        return CheckResult(None, "unmeasured")
    if not free:
        return CheckResult(None, "unknown")
    config, memory = max(measured, key=lambda pair: _own_memory(pair[1]))
    need, counted_twice = _own_memory(memory), memory.what == "rss"
    facts: dict[str, Any] = {
        "config": config,
        "needed": need,
        "free": free,
        "share": need / free,
    }
    if counted_twice:
        facts["twice"] = Part("counted twice")
    facts |= _that_fit(state, config, free)
    if need < ROOMY * free:
        return CheckResult(False, "fits", facts)
    if need < FULL * free or counted_twice:
        return CheckResult(None, "unclear", facts)
    alike = (pair for pair in measured if pair[0].kind == config.kind)
    fitting = [other.size for other, taken in alike if _own_memory(taken) < ROOMY * free]
    if not fitting and facts.get("like") is config:
        fitting = [max(1, min(facts["fitting"], config.size - 1))]
    return CheckResult(True, "short", facts, remedies.sizes(fitting or [1]))


def _that_fit(state: State, most: Configuration, free: int) -> dict[str, Any]:
    """How many workers of the recommended configuration, else of the one that takes `most`, fit into the free memory.

    Nothing where a worker's own memory can't be told, as for threads, which share all of it.
    """
    recommendation = recommend(state)
    chosen = recommendation.config if recommendation else None
    for like in (config for config in (chosen, most) if config and not config.hosts_cpus):
        each, memory = _memory_of_one_more(state, like), like.memory
        if memory is not None and each:
            parent = memory.parent or 0
            fitting = max(0, int((FULL * free - parent) // each))
            return {"like": like, "worker_bytes": each, "parent_bytes": parent, "fitting": fitting, "full": FULL}
    return {}


def _memory_of_one_more(state: State, config: Configuration) -> float | None:
    """Bytes that one more worker takes; None where a worker holds none of its own.

    By two sizes, where they were measured: the proportional sizes of forked workers and their parent shrink as others
    share their pages, so only the growth of all together is one worker's. By one size it is the worker's own part.
    """
    memory = config.memory
    if config.kind not in COPIES_ITEMS or memory is None or not memory.per_worker:
        return None
    alike = (other for other in state.pools if _but_for_size(other) == _but_for_size(config))
    totals = {other.size: other.memory.total for other in alike if other.memory and not other.hosts_cpus}
    least, most = min(totals), max(totals)
    growth = (totals[most] - totals[least]) / (most - least) if most > least else 0.0
    return growth if growth > 0 else float(median(memory.per_worker))


def _but_for_size(config: Configuration) -> tuple[object, ...]:
    return config.python, config.kind, config.start_method, config.chunksize, config.native_threads, config.max_tasks


def _own_memory(memory: MemoryReading) -> int:
    """What the workers took beside their parent, which is there in any case."""
    return max(0, memory.total - (memory.parent or 0))


def replacing_workers_costs(state: State, usable_cpus: int) -> CheckResult:
    replacing = [config for config in state.pools if config.max_tasks]
    if not replacing:
        return CheckResult(False, "never")
    measured = [config for config in eligible_configs(state) if config.max_tasks]
    if not measured:
        return CheckResult(None, "unmeasured")
    pairs = [(config, base) for config in measured if (base := _kept(state, config))]
    if not pairs:
        return CheckResult(None, "not compared", {}, {"max_tasks": sorted({0, *state.params.max_tasks})})
    judged = [(config, base, ratio(config.map, base.map)) for config, base in pairs]
    return _costliest(state, *max(judged, key=lambda one: one[2].value))


def _costliest(state: State, config: Configuration, base: Configuration, cost: Ratio) -> CheckResult:
    tasks = -(-(state.items or 0) // config.chunk_used)
    if answers_count(state, config):
        tasks += config.size
    replaced = max(0, -(-tasks // config.max_tasks) - config.size) or None
    extra_s = median(config.map) - median(base.map)
    facts: dict[str, Any] = {
        "config": config,
        "base": base,
        "cost": cost,
        "tasks": config.max_tasks,
        "replaced": replaced,
        "each_s": extra_s * config.size / replaced if replaced and extra_s > 0 else None,
        "replaced_s": median(config.map),
        "base_s": median(base.map),
    }
    if cost.low is None or cost.high is None:
        return CheckResult(None, "few repetitions", facts)
    if cost.low > 1 and cost.value >= NOTHING:
        later = {"max_tasks": sorted({0, config.max_tasks * LATER})}
        return CheckResult(True, "costs", facts, later, lost_share=1 - 1 / cost.value)
    if cost.high < NOTHING:
        return CheckResult(False, "nothing", facts)
    return CheckResult(None, "undecided", facts)


def answers_count(state: State, config: Configuration) -> bool:
    """Whether every worker's first answer, before the map, is one of the tasks after which it is replaced."""
    python = state.python(config.python)
    facts = python.facts if python else None
    return config.kind == "process" and facts is not None and not facts.executor_replaces


def _kept(state: State, config: Configuration) -> Configuration | None:
    """The configuration whose workers stay and that differs in nothing else."""
    staying = (other for other in eligible_configs(state) if not other.max_tasks)
    return next((other for other in staying if _but_for(other) == _but_for(config)), None)


def _but_for(config: Configuration) -> tuple[object, ...]:
    return config.python, config.kind, config.start_method, config.size, config.chunksize, config.native_threads


# Clusters


@dataclass(frozen=True, slots=True)
class ClusterPrice:
    """What the fastest pool on a cluster takes beside its work, and how it compares with a pool of this machine.

    That is its `code`: 'cluster faster' is shown to take less an item, so that it wins from some number of items on,
    'cluster not faster' at none; 'cluster alone': no other pool was measured.
    """

    config: Configuration
    code: str
    facts: dict[str, Any]


def cluster_price(state: State, usable_cpus: int) -> ClusterPrice | None:
    """None where no cluster was measured."""
    there = [config for config in eligible_configs(state) if not config.serial and config.map]
    clusters = [config for config in there if config.kind in CLUSTERS]
    per_item, items = seconds_per_item(state), state.items
    if not clusters or per_item is None or not items:
        return None
    config = fastest(clusters)
    together = side_by_side(state, config, usable_cpus)
    around_s, each_s = median(config.around), hand_over_s(state, config)
    even = break_even(per_item, median(config.map), items, config.size, together, around_s, each_s).with_start
    facts: dict[str, Any] = {
        "config": config,
        "cluster_s": config.cluster.seconds if config.cluster else None,
        "sent": config.carried.sent if config.carried else None,
        "received": config.carried.received if config.carried else None,
        "items": even.items,
        "seconds_per_item": even.seconds_per_item,
    }
    others = [other for other in there if other.kind not in CLUSTERS]
    if not others:
        return ClusterPrice(config, "cluster alone", facts)
    rival = fastest(others)
    gain = ratio(rival.map, config.map)
    facts |= {"rival": rival, "rival_gain": gain}
    if gain.low is None or gain.low <= 1:
        return ClusterPrice(config, "cluster not faster", facts)
    dearer_s = median(config.around) - median(rival.around)
    saved_s = (median(rival.map) - median(config.map)) / items
    return ClusterPrice(config, "cluster faster", facts | {"items_to_win": max(1, math.ceil(dearer_s / saved_s))})


def sent_with_every_map(state: State, usable_cpus: int) -> CheckResult:
    """What it would save to have function and items on the workers of a cluster beforehand."""
    shipped = [config for config in eligible_configs(state) if config.shipped]
    if not shipped:
        return CheckResult(None, "unmeasured")
    config = fastest(shipped)
    assert config.shipped is not None, "they were chosen by it"
    sent_s, kept_s = config.shipped.sent_s, config.shipped.kept_s
    gain, saved_s = ratio(sent_s, kept_s), median(sent_s) - median(kept_s)
    facts: dict[str, Any] = {
        "config": config,
        "scatter": BRINGS[config.kind],
        "sent_s": median(sent_s),
        "kept_s": median(kept_s),
        "scatter_s": config.shipped.scatter_s,
        "gain": gain,
    }
    if gain.low is None or gain.high is None:
        return CheckResult(None, "few repetitions", facts)
    if gain.high < NOTHING_TO_SHIP:
        return CheckResult(False, "no gain", facts)
    if gain.low <= 1 or gain.value < WORTH_SHIPPING:
        return CheckResult(None, "undecided", facts)
    maps = math.ceil(config.shipped.scatter_s / saved_s)
    code = "pays at once" if maps == 1 else "pays later"
    return CheckResult(True, code, {**facts, "maps": maps}, lost_share=saved_s / median(sent_s))


def has_cluster(state: State) -> bool:
    """Whether a cluster is a part of the comparison."""
    return any(config.kind in CLUSTERS for config in state.pools)
