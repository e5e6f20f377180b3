"""What workers cost beside their work: the time to start and end them, and their memory."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_benchmark.naming import setting
from poolscope.experiments.pool_benchmark.params import most_items
from poolscope.experiments.pool_benchmark.recommendation import counted, fastest
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.time_budget import processes
from poolscope.experiments.pool_benchmark.work import seconds_per_item
from poolscope.protocol.payloads import MemoryReading
from poolscope.stats.intervals import ratio
from poolscope.text.language import capital, format_list
from poolscope.text.numbers import duration, size

# Of the memory that was free: beyond the one the machine begins to swap, below the other there is room for all.
FULL, ROOMY = 0.80, 0.50


def start_up_outweighs(state: State, usable_cpus: int) -> Finding:
    check = "starting processes outweighs the map"
    configs = [config for config in counted(state) if processes(config) and config.around]
    if not configs:
        return Finding(check, None, "No pool of processes has been started and shut down.")
    best = fastest(configs)
    around, mapped = median(best.around), median(best.map)
    weight = ratio(best.around, best.map)
    prices = _by_method(configs, best)
    numbers = {"start_stop_s": around, "map_s": mapped, "share": around / (around + mapped), **prices}
    figures = (
        f"starting and ending {setting(state, best)} took {duration(around)}, the map {duration(mapped)}, so "
        f"{around / (around + mapped):.0%} of a single call"
    )
    if len(prices) > 1:
        starts = format_list(f"{name} in {duration(seconds)}" for name, seconds in prices.items())
        figures += f"; {best.size} start and end by {starts}"
    if weight.low is None or weight.high is None:
        return Finding(check, None, f"Too few repetitions to tell, though {figures}.", numbers)
    if weight.low <= 1 <= weight.high:
        return Finding(check, None, f"Can't tell, they are close: {figures}.", numbers)
    if weight.high < 1:
        return Finding(check, False, f"{capital(figures)}.", numbers)
    sentence = f"{capital(figures)}. Keep one pool and map often, or give it more to do."
    return Finding(check, True, sentence, numbers, _more_items(state, around))


def _by_method(configs: list[Configuration], best: Configuration) -> dict[str, float]:
    """Seconds to start and end a pool like the best one, by start method; the others of its size, kind and Python."""
    prices: dict[str, float] = {}
    for config in configs:
        if (config.python, config.kind, config.size) == (best.python, best.kind, best.size) and config.start_method:
            prices.setdefault(config.start_method, median(config.around))
    return prices


def _more_items(state: State, seconds: float) -> dict[str, Any]:
    """So many items that the plain loop takes a few times what start-up takes; nothing where they are too short."""
    per_item, items = seconds_per_item(state), state.items
    if per_item is None or items is None or not state.params.built_in:
        return {}
    wanted = math.ceil(4 * seconds / per_item)
    most = most_items(state.params.workload)
    return {"items": wanted} if items < wanted <= most else {}


def memory_runs_short(state: State, usable_cpus: int) -> Finding:
    check = "workers together need more memory than is free"
    free = state.machine.memory_available if state.machine else None
    measured = [(config, config.memory) for config in state.pools if config.memory and config.memory.total]
    if not measured or not free:
        missing = "How much memory was free is not known." if measured else "No pool's memory has been measured."
        return Finding(check, None, missing)
    config, reading = max(measured, key=lambda pair: _own_memory(pair[1]))
    need, what = _own_memory(reading), reading.what
    numbers = {"needed": need, "free": free, "share": need / free}
    figures = f"{setting(state, config)} took {size(need)} beside the main process; {size(free)} were free before"
    if what == "rss":
        figures += "; shared pages are counted more than once in that"
    if need < ROOMY * free:
        return Finding(check, False, f"{capital(figures)}.", numbers)
    if need < FULL * free or what == "rss":
        return Finding(check, None, f"Can't tell: {figures}.", numbers)
    fits = sorted(
        {other.size for other, taken in measured if other.kind == config.kind and _own_memory(taken) < ROOMY * free}
    ) or [1]
    return Finding(check, True, f"{capital(figures)}.", numbers, {"sizes": fits})


def _own_memory(reading: MemoryReading) -> float:
    """What the workers took beside their parent, which is there in any case."""
    return max(0.0, float(reading.total - (reading.parent or 0)))
