"""What a cluster costs beside its work: its start, what goes over the network, and what is sent again and again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.recommendation import eligible_configs, fastest
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import seconds_per_item, side_by_side
from poolscope.protocol.kinds import CLUSTERS
from poolscope.stats.breakeven import break_even
from poolscope.stats.intervals import ratio

BRINGS = {"dask": "Client.scatter", "ray": "ray.put"}  # function and items to the workers beforehand
WORTH_SHIPPING, NOTHING_TO_SHIP = 1.10, 1.05


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
    even = break_even(per_item, median(config.map), items, config.size, together, median(config.around)).with_start
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
