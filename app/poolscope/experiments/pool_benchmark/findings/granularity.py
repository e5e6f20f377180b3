"""Whether items are long enough for a pool, and whether a few of them are so long that the others wait for them."""

from __future__ import annotations

from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.breakeven import SHORTEST_TASK_S, nearest
from poolscope.experiments.pool_benchmark.disturbance import was_disturbed
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.recommendation import eligible_configs, fastest, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.time_budget import budget, processes, tail_share
from poolscope.experiments.pool_benchmark.work import blocks_event_loop, seconds_per_item, side_by_side
from poolscope.stats.intervals import ratio
from poolscope.text.sentences import Part

SHORT_MAP_S = 1e-3  # below it the wake-up of a process weighs as much as the work
# A tail of a tenth of the map can be seen; a task thrice as long as the middle one is no spread any more.
LONG_TAIL, SHORT_TAIL = 0.10, 0.05
STRAGGLES, ALIKE = 3.0, 2.0


def work_too_small(state: State, usable_cpus: int) -> CheckResult:
    recommendation, near = recommend(state), nearest(state, usable_cpus)
    facts: dict[str, Any] = near.facts if near else {"seconds_per_item": seconds_per_item(state)}
    if recommendation is None or state.serial is None:
        return CheckResult(None, "unmeasured", facts)
    best = recommendation.best
    facts |= {"best": best, "gain": ratio(state.serial.map, best.map)}
    if recommendation.maps.beats_loop:
        return CheckResult(False, "faster", facts)
    if blocks_event_loop(state):
        return CheckResult(False, "event loop blocked", facts)
    if recommendation.maps.outcome != "loop":
        return CheckResult(None, "undecided", facts)
    if near is None:
        return CheckResult(None, "one at a time", facts)
    if not near.is_told:
        why = {"why": Part(near.why_not)} if near.why_not else {}
        return CheckResult(None, "slower", {**facts, **why})
    if processes(best) and median(best.map) < SHORT_MAP_S:
        facts["short_map_s"] = median(best.map)
    longer = remedies.longer_work(state, near.even.map_only.seconds_per_item)
    return CheckResult(True, "too small", facts, longer)


def stragglers(state: State, usable_cpus: int) -> CheckResult:
    config = _undisturbed_by_us(state, usable_cpus)
    spent = budget(state, config) if config else None
    lengths = config.traced.task_s if config and config.traced else None
    if config is None or spent is None or not lengths or not lengths.median:
        return CheckResult(None, "untraced")
    tail, longest = tail_share(spent), lengths.max / lengths.median
    facts = {"config": config, "idle_tail": tail, "longest_s": lengths.max, "median_s": lengths.median}
    if tail < SHORT_TAIL or longest < ALIKE or lengths.max < SHORTEST_TASK_S:
        return CheckResult(False, "none", facts)
    if tail < LONG_TAIL or longest < STRAGGLES:
        return CheckResult(None, "not much", facts)
    if was_disturbed(state, usable_cpus):
        return CheckResult(None, "disturbed", facts)
    if config.chunk_used > 1:
        return CheckResult(True, "in chunks", facts, remedies.chunks(state, 1))
    return CheckResult(True, "long items", facts)


def _undisturbed_by_us(state: State, usable_cpus: int) -> Configuration | None:
    """The fastest traced one whose workers could all work at once: elsewhere items take long by waiting for us."""
    traced = [
        config
        for config in eligible_configs(state)
        if config.size > 1 and config.traced and side_by_side(state, config, usable_cpus) == config.size
    ]
    return fastest(traced) if traced else None
