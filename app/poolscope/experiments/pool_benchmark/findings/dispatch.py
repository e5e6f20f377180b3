"""How the work is cut up and handed over: the size of items, how many go into a message, and how long they take."""

from __future__ import annotations

from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.breakeven import (
    FEW_CHUNKS,
    LARGE_BYTES,
    SHORTEST_TASK_S,
    function_cost,
    function_share,
    messages,
    nearest,
)
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.findings.validity import was_disturbed
from poolscope.experiments.pool_benchmark.params import MOST_ITEMS
from poolscope.experiments.pool_benchmark.recommendation import eligible_configs, fastest, how_fast, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import (
    SEVERAL_CPUS,
    blocks_event_loop,
    budget,
    dispatch_share,
    on_cpu,
    processes,
    seconds_per_item,
    side_by_side,
    tail_share,
)
from poolscope.protocol.kinds import COPIES_ITEMS
from poolscope.protocol.payloads import ReplayedMap, TraceSummary
from poolscope.stats.intervals import ratio
from poolscope.text.numbers import interval_of
from poolscope.text.sentences import Part

# Pickling that takes a fifth of a call can be felt, a twentieth can't.
MUCH, LITTLE = 0.20, 0.05
PLAINLY_LARGE = 2**20  # bytes that take longer to travel than a message takes in any case
MANY_CHUNKS = 8
NOTHING_TO_GAIN = 1.05
COSTLY = 1 - 1 / 1.10  # of the map: it is said of every kind, not of the best one alone
CLASS_NAMES = {"process": "ProcessPoolExecutor", "pool": "multiprocessing.Pool"}
FAR_APART = 2.0
SHORT_MAP_S = 1e-3  # below it the wake-up of a process weighs as much as the work
# Of the map: a tenth is worth a change of chunks or of order, half of that is not.
MUCH_LOST, LITTLE_LOST = 0.10, 0.05
MOST = 0.5


def too_large_to_hand_over(state: State, usable_cpus: int) -> CheckResult:
    trial, per_item = state.reference.trial if state.reference else None, seconds_per_item(state)
    item, result, pickle_s = (trial.item_bytes, trial.result_bytes, trial.pickle_s) if trial else (None, None, None)
    if pickle_s is None or per_item is None or item is None or result is None:
        return CheckResult(None, "unknown")
    facts: dict[str, Any] = {"item_bytes": item, "result_bytes": result}
    if item + result < LARGE_BYTES:
        # What pickling so little takes says nothing of a map: it was measured of one item, and a chunk takes far less.
        return CheckResult(False, "few bytes", facts)
    share = pickle_s / (pickle_s + per_item)
    facts |= {"pickle_s": pickle_s, "seconds_per_item": per_item, "share": share}
    copying = [config for config in eligible_configs(state) if config.kind in COPIES_ITEMS]
    if copying and trial and item + result >= max(PLAINLY_LARGE, trial.parcel.size if trial.parcel else 0):
        # To travel takes such data far longer than to be pickled, which only a map shows.
        traced = [(config, spent) for config in copying if (spent := budget(state, config))]
        if traced:
            config, spent = min(traced, key=lambda pair: median(pair[0].map))
            share = max(share, dispatch_share(spent))
            facts |= {"config": config, "dispatch_share": dispatch_share(spent)}
    if share <= LITTLE:
        return CheckResult(False, "small", facts)
    if not copying:
        return CheckResult(None, "not handed over", facts)
    if share < MUCH:
        return CheckResult(None, "not much", facts)
    threads = any(config.kind == "thread" for config in state.pools)
    return CheckResult(True, "too large", facts, {} if threads else remedies.kinds(state, "thread"), lost_share=share)


def function_too_large(state: State, usable_cpus: int) -> CheckResult:
    """The data that is bound to the function, as by functools.partial: every message carries it."""
    trial = state.reference.trial if state.reference else None
    per_item = seconds_per_item(state)
    if trial is None or trial.parcel is None or per_item is None or not state.items:
        return CheckResult(None, "unknown")
    size, seconds = trial.parcel.size, trial.parcel.seconds
    facts: dict[str, Any] = {"function_bytes": size, "function_s": seconds, "work_s": per_item * state.items}
    if size < LARGE_BYTES:
        return CheckResult(False, "small", facts)
    copying = [config for config in eligible_configs(state) if config.kind in COPIES_ITEMS]
    if not copying:
        return CheckResult(None, "not handed over", facts)
    config = max(copying, key=lambda config: messages(state, config))
    facts |= function_cost(state, config)
    share = facts["function_cost_s"] / (facts["function_cost_s"] + facts["work_s"])
    facts |= {"config": config, "share": share}
    if share <= LITTLE:
        return CheckResult(False, "cheap", facts)
    if share < MUCH:
        return CheckResult(None, "not much", facts)
    fewer = -(-state.items // config.size)
    remedy = remedies.chunks(state, fewer) if processes(config) and config.chunk_used < fewer <= MOST_ITEMS else {}
    # Unpickling disturbs what goes on beside it: where the function is most of what is sent, all of the handing over is
    # its doing.
    spent, other_s = budget(state, config), (trial.pickle_s or 0.0) * config.chunk_used
    traced = dispatch_share(spent) * seconds / (seconds + other_s) if spent else 0.0
    return CheckResult(
        True, "too large", facts, remedy, lost_share=max(traced, function_share(state, config, usable_cpus))
    )


def chunks_too_small(state: State, usable_cpus: int) -> CheckResult:
    best, group = _chunked(state)
    if best is None:
        return CheckResult(None, "no chunks")
    if costly := _costliest(state):
        return costly
    if len(group) > 1:
        return _compared(state, best, group[0], group)
    spent, chunk = budget(state, best), best.chunk_used
    if spent is None or not state.items:
        return CheckResult(None, "untraced", {"best": best, "chunk": chunk})
    share, each = dispatch_share(spent), state.items / chunk / best.size
    facts = {"best": best, "dispatch_share": share, "chunk": chunk, "chunks_a_worker": each}
    if share < 2 * LITTLE or each <= FEW_CHUNKS:
        return CheckResult(False, "cheap", facts)
    larger = remedies.chunks(state, chunk, min(MOST_ITEMS, max(chunk * 2, state.items // (FEW_CHUNKS * best.size))))
    count, dispatch_s = messages(state, best), share * median(best.map)
    carried = _carried_bytes(state, best)
    if carried is not None and carried >= LARGE_BYTES:
        return CheckResult(None, "much carried", {**facts, "carried_bytes": carried})
    carried_s = _carried_s(state, best)
    if share >= MOST and carried_s is not None and carried_s < MOST * dispatch_s:
        facts |= {"messages": count, "message_s": dispatch_s / count, "carried_s": carried_s / count}
        return CheckResult(True, "dear messages", facts, larger, lost_share=share)
    return CheckResult(None, "not compared", facts, larger)


def _carried_bytes(state: State, config: Configuration) -> int | None:
    """How long a message and its answer are: items, results, and the function if it can be pickled; None if unknown."""
    trial = state.reference.trial if state.reference else None
    if trial is None or trial.item_bytes is None or trial.result_bytes is None:
        return None
    return config.chunk_used * (trial.item_bytes + trial.result_bytes) + (trial.parcel.size if trial.parcel else 0)


def _carried_s(state: State, config: Configuration) -> float | None:
    """What pickling all that a map's messages carry takes, items, results and function; None if that isn't known."""
    trial = state.reference.trial if state.reference else None
    if trial is None or trial.pickle_s is None or trial.parcel is None or not state.items:
        return None
    return state.items * trial.pickle_s + messages(state, config) * trial.parcel.seconds


def _costliest(state: State) -> CheckResult | None:
    """The smallest chunks that cost most, of every kind that was measured; None where none costs a tenth."""
    found: list[CheckResult] = []
    for group in _chunk_groups(state):
        if len(group) > 1:
            found.append(_compared(state, fastest(group), group[0], group))
        elif not group[0].chunksize and group[0].chunk_used == 1 and (beside := _beside_larger_chunks(state, group[0])):
            found.append(beside)
    costly = [each for each in found if each.holds and (each.lost_share or 0.0) > COSTLY]
    return max(costly, key=lambda each: each.lost_share or 0.0, default=None)


def _beside_larger_chunks(state: State, config: Configuration) -> CheckResult | None:
    """A pool with one item a message against one of the other kind of processes, which chose larger chunks.

    The two differ in more than that, so most of the difference has to be seen as time for handing over.
    """
    others = [
        other
        for other in eligible_configs(state)
        if processes(other) and other.chunk_used > 1 and _but_for_kind(other) == _but_for_kind(config)
    ]
    spent = budget(state, config)
    if not others or spent is None:
        return None
    other = fastest(others)
    gain, other_spent = ratio(config.map, other.map), budget(state, other)
    if other_spent is None or not (gain.low > 1 if gain.low is not None else _far_apart(config, other)):
        return None
    one_s, other_s, share = median(config.map), median(other.map), dispatch_share(spent)
    if share * one_s - dispatch_share(other_spent) * other_s < (one_s - other_s) / 2:
        return None
    facts = {
        "config": config,
        "kind": CLASS_NAMES[config.kind],
        "other": other,
        "other_chunk": other.chunk_used,
        "chunk": config.chunk_used,
        "gain": gain,
        "ci": interval_of(gain) or None,
        "one_s": one_s,
        "other_s": other_s,
        "dispatch_share": share,
    }
    chunks = remedies.chunks(state, config.chunk_used, other.chunk_used)
    return CheckResult(True, "one item a message", facts, chunks, lost_share=1 - other_s / one_s)


def _far_apart(slow: Configuration, fast: Configuration) -> bool:
    """Whether two that have too few repetitions for an interval are apart by so much that nothing else explains it, as
    one is that takes so long that it is given up soon."""
    return min(len(slow.map), len(fast.map)) > 1 and min(slow.map) > FAR_APART * max(fast.map)


def chunks_too_large(state: State, usable_cpus: int) -> CheckResult:
    best, group = _chunked(state)
    if best is None:
        return CheckResult(None, "no chunks")
    chunk, items = best.chunk_used, state.items or 0
    chunks = -(-items // chunk)
    if 0 < chunks < best.size and chunk > 1:
        fitting = remedies.chunks(state, max(1, items // (FEW_CHUNKS * best.size)))
        return CheckResult(True, "workers without", {"best": best, "chunk": chunk, "chunks": chunks}, fitting)
    if len(group) > 1:
        return _compared(state, best, group[-1], group)
    spent = budget(state, best)
    if spent is None or not items:
        return CheckResult(None, "untraced", {"best": best, "chunk": chunk})
    tail, each = tail_share(spent), items / chunk / best.size
    facts = {"best": best, "idle_tail": tail, "chunk": chunk, "chunks_a_worker": each}
    if tail < LITTLE or chunk == 1 or each >= MANY_CHUNKS:
        return CheckResult(False, "short tail", facts)
    return CheckResult(None, "not compared", facts, remedies.chunks(state, max(1, chunk // 4), chunk))


def chunks_vary(state: State, usable_cpus: int) -> CheckResult:
    """A Pool that chooses its chunks by the number of its workers differs in more than them from another one."""
    chunks = {config.size: config.chunk_used for config in state.pools if config.map}
    if len(set(chunks.values())) == 1:
        return CheckResult(False, "same", {"chunk": next(iter(chunks.values()))})
    facts = {"sizes": list(chunks), "chunks": list(chunks.values())}
    return CheckResult(True, "vary", facts, {"chunksize": min(chunks.values())})


def _chunk_groups(state: State) -> list[list[Configuration]]:
    """The configurations that take chunks, those together that differ in nothing else, the least chunk first."""
    groups: dict[tuple[object, ...], list[Configuration]] = {}
    for config in sorted(filter(processes, eligible_configs(state)), key=lambda config: config.chunk_used):
        groups.setdefault(_but_for_chunks(config), []).append(config)
    return list(groups.values())


def _chunked(state: State) -> tuple[Configuration | None, list[Configuration]]:
    """The fastest configuration that takes chunks, and those that differ from it in nothing else, least chunk first."""
    configs = [config for config in eligible_configs(state) if processes(config)]
    if not configs:
        return None, []
    best = fastest(configs)
    group = {config.chunk_used: config for config in configs if _but_for_chunks(config) == _but_for_chunks(best)}
    return best, [config for _, config in sorted(group.items(), key=lambda pair: pair[0])]


def _but_for_chunks(config: Configuration) -> tuple[object, ...]:
    return config.python, config.kind, config.start_method, config.size, config.native_threads, config.max_tasks


def _but_for_kind(config: Configuration) -> tuple[object, ...]:
    return config.python, config.start_method, config.size, config.native_threads, config.max_tasks


def _compared(state: State, best: Configuration, extreme: Configuration, group: list[Configuration]) -> CheckResult:
    """The least or largest chunk against the best of the others that differ in nothing else."""
    other = best if best is not extreme else fastest([config for config in group if config is not extreme])
    gain = ratio(extreme.map, other.map)
    facts: dict[str, Any] = {
        "other": other,
        "chunk": extreme.chunk_used,
        "best_chunk": best.chunk_used,
        "gain": gain,
        "other_s": median(other.map),
        "extreme_s": median(extreme.map),
    }
    if gain.low is None or gain.high is None:
        return CheckResult(None, "few repetitions", facts)
    if gain.low > 1 and gain.value >= NOTHING_TO_GAIN:
        lost = 1 - median(other.map) / median(extreme.map)
        return CheckResult(True, "worse", facts, remedies.chunks(state, other.chunk_used), lost_share=lost)
    if gain.high < NOTHING_TO_GAIN:
        return CheckResult(False, "no worse", facts)
    return CheckResult(None, "undecided", facts)


def work_too_small(state: State, usable_cpus: int) -> CheckResult:
    recommendation, near = recommend(state), nearest(state, usable_cpus)
    facts: dict[str, Any] = near.facts if near else {"seconds_per_item": seconds_per_item(state)}
    if recommendation is None or state.serial is None:
        return CheckResult(None, "unmeasured", facts)
    best = recommendation.best
    called = Part(how_fast(state, recommendation))
    facts |= {"best": best, "fastest": called, "gain": ratio(state.serial.map, best.map)}
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
