"""Whether items are long enough for a pool, and whether a few of them are so long that the others wait for them."""

from __future__ import annotations

from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.breakeven import SHORTEST_TASK_S, nearest
from poolscope.experiments.pool_benchmark.disturbance import was_disturbed
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.recommendation import eligible_configs, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.time_budget import budget, processes, tail_share
from poolscope.experiments.pool_benchmark.work import (
    SEVERAL_CPUS,
    blocks_event_loop,
    on_cpu,
    seconds_per_item,
    side_by_side,
)
from poolscope.protocol.payloads import ReplayedMap, TraceSummary
from poolscope.stats.intervals import ratio
from poolscope.text.sentences import Part

SHORT_MAP_S = 1e-3  # below it the wake-up of a process weighs as much as the work
# Of the map: a tenth is worth a change of chunks or of order, half of that is not.
MUCH_LOST, LITTLE_LOST = 0.10, 0.05


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
    if (on_cpu(state.serial) or 0.0) >= SEVERAL_CPUS:
        return CheckResult(False, "several CPUs", {**facts, "loop_on_cpu": on_cpu(state.serial)})
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
    """Told by what the traced tasks would have taken had they been handed out otherwise, in the pool that lost most."""
    judged = [(config, traced, traced.replayed) for config, traced in _undisturbed_by_us(state, usable_cpus)]
    known = [(config, traced, replayed) for config, traced, replayed in judged if replayed and traced.map_s]
    if not known:
        return CheckResult(None, "untraced")
    config, traced, replayed = max(known, key=lambda each: _lost_s(each[2]) / each[1].map_s)
    in_chunks = (replayed.as_sent_s - replayed.one_by_one_s) / traced.map_s
    in_order = (min(replayed.as_sent_s, replayed.one_by_one_s) - replayed.longest_first_s) / traced.map_s
    lost, spent, lengths = _lost_s(replayed) / traced.map_s, budget(state, config), traced.task_s
    facts = {
        "config": config,
        "chunk": config.chunk_used,
        "lost_share": lost,
        "as_sent_s": replayed.as_sent_s,
        "one_by_one_s": replayed.one_by_one_s,
        "longest_first_s": replayed.longest_first_s,
        "idle_tail": tail_share(spent) if spent else None,
        "longest_s": lengths.max if lengths else None,
        "median_s": lengths.median if lengths else None,
    }
    if lost < LITTLE_LOST or (lengths and lengths.max < SHORTEST_TASK_S):
        return CheckResult(False, "none", facts)
    if lost <= MUCH_LOST:
        return CheckResult(None, "not much", facts)
    if was_disturbed(state, usable_cpus):
        return CheckResult(None, "disturbed", facts)
    if in_chunks >= in_order:
        smaller = 1 if config.chunk_used <= 8 else config.chunk_used // 8
        return CheckResult(True, "in chunks", facts, remedies.chunks(state, smaller), lost_share=lost)
    return CheckResult(True, "long items", facts, lost_share=lost)


def _lost_s(replayed: ReplayedMap) -> float:
    """What handing the tasks out in the best of these ways would save."""
    return replayed.as_sent_s - min(replayed.one_by_one_s, replayed.longest_first_s)


def _undisturbed_by_us(state: State, usable_cpus: int) -> list[tuple[Configuration, TraceSummary]]:
    """Traced pools whose workers could all work at once: elsewhere items take long by waiting for us."""
    return [
        (config, config.traced)
        for config in eligible_configs(state)
        if config.size > 1 and config.traced and side_by_side(state, config, usable_cpus) == config.size
    ]
