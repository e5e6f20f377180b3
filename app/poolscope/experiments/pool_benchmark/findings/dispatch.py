"""What handing items over costs: their size, and how many of them go into a message."""

from __future__ import annotations

from statistics import median

from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_benchmark.naming import setting
from poolscope.experiments.pool_benchmark.params import MOST_ITEMS
from poolscope.experiments.pool_benchmark.recommendation import counted, fastest
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.time_budget import budget, handing_share, processes, tail_share
from poolscope.experiments.pool_benchmark.work import seconds_per_item
from poolscope.stats.intervals import ratio
from poolscope.text.language import capital
from poolscope.text.numbers import duration, interval_of, size, times

# Pickling that takes a fifth of a call can be felt, a twentieth can't.
MUCH, LITTLE = 0.20, 0.05
# What is smaller than a pipe holds costs the message, not its length.
LARGE_BYTES = 64 * 1024
FEW_CHUNKS = 4  # a worker: with fewer the last one can make the others wait, with more it is short
MANY_CHUNKS = 8
NOTHING_TO_GAIN = 1.05

GROWN = "More items in a message may save some of it, which only a comparison can tell."
SHRUNK = "Fewer items in a message may shorten it, which only a comparison can tell."
NO_CHUNKS = "No pool that takes chunks has been measured."


def too_large_to_hand_over(state: State, usable_cpus: int) -> Finding:
    check = "arguments or results are too large to hand over"
    trial, per_item = state.reference.trial if state.reference else None, seconds_per_item(state)
    item, result, pickle_s = (trial.item_bytes, trial.result_bytes, trial.pickle_s) if trial else (None, None, None)
    if pickle_s is None or per_item is None or item is None or result is None:
        return Finding(check, None, "What an item and its result take to pickle is not known.")
    share = pickle_s / (pickle_s + per_item)
    numbers = {
        "item_bytes": item,
        "result_bytes": result,
        "pickle_s": pickle_s,
        "seconds_per_item": per_item,
        "share": share,
    }
    figures = (
        f"an item has {size(item)} and its result {size(result)}; to pickle and unpickle both takes "
        f"{duration(pickle_s)} beside {duration(per_item)} of work"
    )
    if share <= LITTLE or item + result < LARGE_BYTES:
        return Finding(check, False, f"{capital(figures)}.", numbers)
    if not any(processes(config) or config.kind == "interpreter" for config in counted(state)):
        return Finding(check, None, f"No pool that would have to pickle was measured, though {figures}.", numbers)
    if share < MUCH:
        return Finding(check, None, f"Can't tell, it is not much: {figures}.", numbers)
    sentence = f"{capital(figures)}. Hand over names, paths or ranges and let workers fetch the rest."
    threads = any(config.kind == "thread" for config in state.pools)
    return Finding(check, True, sentence, numbers, {} if threads else {"kinds": ["thread"]})


def chunks_too_small(state: State, usable_cpus: int) -> Finding:
    check = "chunks are too small"
    best, group = _chunked(state)
    if best is None:
        return Finding(check, None, NO_CHUNKS)
    if len(group) > 1:
        return _compared(check, state, best, group[0], group, "the smallest")
    spent = budget(state, best)
    if spent is None or not best.chunk_used or not state.items:
        return Finding(check, None, f"Only chunks of {best.chunk_used} were measured, and none of them was traced.")
    share, each = handing_share(spent), state.items / best.chunk_used / best.size
    numbers = {"dispatch_share": share, "chunk": best.chunk_used, "chunks_a_worker": each}
    figures = f"with {setting(state, best)} and chunks of {best.chunk_used}, handing over took {share:.0%} of the map"
    if share < 2 * LITTLE or each <= FEW_CHUNKS:
        return Finding(check, False, f"{capital(figures)}, {each:.3g} chunks a worker.", numbers)
    larger = min(MOST_ITEMS, max(best.chunk_used * 2, state.items // (FEW_CHUNKS * best.size)))
    remedy = {"chunksizes": sorted({best.chunk_used, larger})}
    return Finding(check, None, f"{capital(figures)}. {GROWN}", numbers, remedy)


def chunks_too_large(state: State, usable_cpus: int) -> Finding:
    check = "chunks are too large"
    best, group = _chunked(state)
    if best is None:
        return Finding(check, None, NO_CHUNKS)
    chunks = -(-(state.items or 0) // (best.chunk_used or 1))
    if 0 < chunks < best.size and (best.chunk_used or 1) > 1:
        figures = f"{setting(state, best)} share {chunks} chunks of {best.chunk_used}: the others get nothing to do"
        fits = {"chunksizes": [max(1, (state.items or 0) // (FEW_CHUNKS * best.size))]}
        return Finding(check, True, f"{capital(figures)}.", {"chunk": best.chunk_used, "chunks": chunks}, fits)
    if len(group) > 1:
        return _compared(check, state, best, group[-1], group, "the largest")
    spent = budget(state, best)
    if spent is None or not best.chunk_used or not state.items:
        return Finding(check, None, f"Only chunks of {best.chunk_used} were measured, and none of them was traced.")
    tail, each = tail_share(spent), state.items / best.chunk_used / best.size
    numbers = {"idle_tail": tail, "chunk": best.chunk_used, "chunks_a_worker": each}
    figures = f"with {setting(state, best)} and chunks of {best.chunk_used}, workers idled for {tail:.0%} of the map"
    if tail < LITTLE or best.chunk_used == 1 or each >= MANY_CHUNKS:
        return Finding(check, False, f"{capital(figures)}, {each:.3g} chunks a worker.", numbers)
    smaller = max(1, best.chunk_used // 4)
    remedy = {"chunksizes": [smaller, best.chunk_used]}
    return Finding(check, None, f"{capital(figures)}. {SHRUNK}", numbers, remedy)


def _chunked(state: State) -> tuple[Configuration | None, list[Configuration]]:
    """The fastest setting that takes chunks, and those that differ from it in nothing else, the least chunk first."""
    configs = [config for config in counted(state) if processes(config) and config.chunk_used]
    if not configs:
        return None, []
    best = fastest(configs)
    group = {config.chunk_used: config for config in configs if _but_for_chunks(config) == _but_for_chunks(best)}
    return best, [config for _, config in sorted(group.items(), key=lambda pair: pair[0] or 0)]


def _but_for_chunks(config: Configuration) -> tuple[object, ...]:
    return config.python, config.kind, config.start_method, config.size


def _compared(
    check: str, state: State, best: Configuration, extreme: Configuration, group: list[Configuration], other: str
) -> Finding:
    """The least or largest chunk against the best of the others that differ in nothing else."""
    rival = best if best is not extreme else fastest([config for config in group if config is not extreme])
    gain = ratio(extreme.map, rival.map)
    numbers = {"chunk": extreme.chunk_used, "best_chunk": best.chunk_used, "gain": gain.value}
    figures = (
        f"{setting(state, rival)}: {times(gain.value)} as fast as with {other} chunks, of {extreme.chunk_used}, "
        f"{duration(median(rival.map))} against {duration(median(extreme.map))}"
    )
    if gain.low is None or gain.high is None:
        return Finding(check, None, f"Too few repetitions to tell, though {figures}.", numbers)
    if gain.low > 1 and gain.value >= NOTHING_TO_GAIN:
        remedy = {"chunksizes": [rival.chunk_used]}
        return Finding(check, True, f"{capital(figures)} ({interval_of(gain)}).", numbers, remedy)
    if gain.high < NOTHING_TO_GAIN:
        return Finding(check, False, f"{capital(figures)} ({interval_of(gain)}).", numbers)
    return Finding(check, None, f"Can't tell, no difference is shown: {figures} ({interval_of(gain)}).", numbers)
