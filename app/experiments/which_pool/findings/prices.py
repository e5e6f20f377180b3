"""What workers cost beside their work: the time to start and end them, and their memory."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

from app.experiments.verdicts import Finding
from app.experiments.which_pool.choice import best_of, competitors
from app.experiments.which_pool.naming import setting
from app.experiments.which_pool.params import MOST_ITEMS, MOST_LARGE_ITEMS
from app.experiments.which_pool.samples import Arm, State
from app.experiments.which_pool.spending import processes
from app.experiments.which_pool.work import seconds_per_item
from app.experiments.wording import capital, listed, memory, time
from app.measure.intervals import ratio

# Of the memory that was free: beyond the one the machine begins to swap, below the other there is room for all.
FULL, ROOMY = 0.80, 0.50


def start_up_outweighs(state: State, usable_cpus: int) -> Finding:
    check = "starting processes outweighs the map"
    arms = [arm for arm in competitors(state) if processes(arm) and arm.around]
    if not arms:
        return Finding(check, None, "No pool of processes has been started and shut down.")
    best = best_of(arms)
    around, mapped = median(best.around), median(best.map)
    weight = ratio(best.around, best.map)
    prices = _by_method(arms, best)
    numbers = {"start_stop_s": around, "map_s": mapped, "share": around / (around + mapped), **prices}
    figures = (
        f"starting and ending {setting(state, best)} took {time(around)}, the map {time(mapped)}, so "
        f"{around / (around + mapped):.0%} of a single call"
    )
    if len(prices) > 1:
        figures += f"; {best.size} start and end by {listed([f'{name} in {time(s, 3)}' for name, s in prices.items()])}"
    if weight.low is None or weight.high is None:
        return Finding(check, None, f"Too few repetitions to tell, though {figures}.", numbers)
    if weight.low <= 1 <= weight.high:
        return Finding(check, None, f"Can't tell, they are close: {figures}.", numbers)
    if weight.high < 1:
        return Finding(check, False, f"{capital(figures)}.", numbers)
    sentence = f"{capital(figures)}. Keep one pool and map often, or give it more to do."
    return Finding(check, True, sentence, numbers, _more_items(state, around))


def _by_method(arms: list[Arm], best: Arm) -> dict[str, float]:
    """Seconds to start and end a pool like the best one, by start method; the others of its size, kind and Python."""
    prices: dict[str, float] = {}
    for arm in arms:
        if (arm.python, arm.kind, arm.size) == (best.python, best.kind, best.size) and arm.start_method:
            prices.setdefault(arm.start_method, median(arm.around))
    return prices


def _more_items(state: State, seconds: float) -> dict[str, Any]:
    """So many items that the plain loop takes a few times what start-up takes; nothing where they are too short."""
    per_item, items = seconds_per_item(state), state.items
    if per_item is None or items is None or not state.params.built_in:
        return {}
    wanted = math.ceil(4 * seconds / per_item)
    most = MOST_LARGE_ITEMS.get(state.params.workload, MOST_ITEMS)
    return {"items": wanted} if items < wanted <= most else {}


def memory_runs_short(state: State, usable_cpus: int) -> Finding:
    check = "workers together need more memory than is free"
    free = state.machine.get("memory_available")
    measured = [arm for arm in state.pools if arm.memory.get("total")]
    if not measured or not free:
        missing = "How much memory was free is not known." if measured else "No pool's memory has been measured."
        return Finding(check, None, missing)
    arm = max(measured, key=_own_memory)
    need, what = _own_memory(arm), arm.memory.get("what", "")
    numbers = {"needed": need, "free": free, "share": need / free}
    figures = f"{setting(state, arm)} took {memory(need)} beside the main process; {memory(free)} were free before"
    if what == "rss":
        figures += "; shared pages are counted more than once in that"
    if need < ROOMY * free:
        return Finding(check, False, f"{capital(figures)}.", numbers)
    if need < FULL * free or what == "rss":
        return Finding(check, None, f"Can't tell: {figures}.", numbers)
    fits = sorted(
        {other.size for other in measured if other.kind == arm.kind and _own_memory(other) < ROOMY * free}
    ) or [1]
    return Finding(check, True, f"{capital(figures)}.", numbers, {"sizes": fits})


def _own_memory(arm: Arm) -> float:
    """What the workers took beside their parent, which is there in any case."""
    return max(0.0, float(arm.memory["total"] - (arm.memory.get("parent") or 0)))
