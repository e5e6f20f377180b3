"""The checks that a pool-sizes run goes through; each holds, does not, or can't be told, with its numbers."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_sizes.disturbance import disturbed
from poolscope.experiments.pool_sizes.params import LARGEST_POOL, MOST_ITEMS, MOST_REPEATS
from poolscope.experiments.pool_sizes.samples import Configuration, State
from poolscope.stats.breakeven import BreakEven, break_even
from poolscope.stats.intervals import ratio
from poolscope.text.language import cpus_usable, format_list, workers
from poolscope.text.numbers import duration, interval_of, times
from poolscope.workloads.catalog import WORK_MS

NO_GAIN = 1.1  # where the interval ends below it, more workers gain less than a tenth
SHORT_S = 1e-3  # below it the wake-up of a process weighs as much as the work
WORTH_IT = 2  # a remedy goes so far beyond the break-even
TOO_FEW = "Too few repetitions to tell"


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """Every check, in the order in which they matter; none before a pool and the loop have a sample."""
    configs = [config for config in state.configs if config.map]
    if not configs or not state.serial.map:
        return ()
    best = min(configs, key=lambda config: median(config.map))
    return (
        work_too_small(state, best, usable_cpus),
        more_workers_than_cpus(state, configs, usable_cpus),
        start_up_outweighs(state, best),
        chunks_differ(state, configs),
        run_was_disturbed(state, usable_cpus),
    )


def thresholds(state: State, config: Configuration, usable_cpus: int) -> BreakEven:
    items = state.params.items
    return break_even(
        median(state.serial.map) / items,
        median(config.map),
        items,
        config.size,
        config.size if state.waits else usable_cpus,
        median(config.around) if config.around else 0.0,
    )


def threshold_in_words(state: State, config: Configuration, usable_cpus: int) -> str:
    """From what length of an item a pool of this size would win; '' where that can't be said."""
    even = thresholds(state, config, usable_cpus)
    length = even.map_only.seconds_per_item
    if length is None:
        return even.map_only.why or ""
    whole = even.with_start.seconds_per_item
    counted = f" ({duration(whole)} with start-up and shutdown counted)" if whole is not None and config.around else ""
    return (
        f"One item takes {duration(median(state.serial.map) / state.params.items)} in the loop; "
        f"a pool would win from about {duration(length)} an item{counted}."
    )


def work_too_small(state: State, best: Configuration, usable_cpus: int) -> Finding:
    check = "work too small for a pool"
    gain = ratio(state.serial.map, best.map)
    even = thresholds(state, best, usable_cpus)
    numbers = {
        "seconds_per_item": median(state.serial.map) / state.params.items,
        "overhead_s": even.overhead_s,
        "break_even_seconds_per_item": even.map_only.seconds_per_item,
        "break_even_seconds_per_item_with_start": even.with_start.seconds_per_item,
        "break_even_items": even.map_only.items,
    }
    if gain.low is None or gain.high is None:
        return Finding(check, None, f"{TOO_FEW} whether any pool beats the plain loop.", numbers)
    if gain.low > 1:
        sentence = f"{workers(best.size)} map faster than the plain loop: {times(gain.value)} ({interval_of(gain)})."
        return Finding(check, False, sentence, numbers)
    if gain.high >= 1:
        sentence = (
            f"Can't tell: {workers(best.size)} and the plain loop differ by less than the spread ({interval_of(gain)})."
        )
        return Finding(check, None, sentence, numbers)
    sentence = f"Handing items over costs more than sharing them saves. {threshold_in_words(state, best, usable_cpus)}"
    if median(best.map) < SHORT_S:
        sentence += f" A map of {duration(median(best.map))} mostly measures how long it takes to wake a process."
    return Finding(check, True, sentence.strip(), numbers, _longer(state, even.map_only.seconds_per_item))


def _longer(state: State, seconds: float | None) -> dict[str, Any]:
    """The same run with items long enough: the workload's own length where it has one, else one that has."""
    if seconds is None:
        return {}
    work_ms = float(f"{max(1.0, seconds * 1e3 * WORTH_IT):.1g}")
    if state.params.workload in WORK_MS:
        return {"work_ms": work_ms} if work_ms <= 60_000 else {}
    return {"workload": "sum-of-squares", "work_ms": max(work_ms, WORK_MS["sum-of-squares"])}


def more_workers_than_cpus(state: State, configs: list[Configuration], usable_cpus: int) -> Finding:
    check = "more workers than usable CPUs"
    above = [config for config in configs if config.size > usable_cpus]
    within = [config for config in configs if config.size <= usable_cpus]
    numbers: dict[str, float | None] = {"usable_cpus": usable_cpus}
    if state.waits:
        return Finding(check, False, "The work waits, so workers beyond the CPUs still save time.", numbers)
    if not above:
        return Finding(check, False, f"No pool has more workers than CPUs: {cpus_usable(usable_cpus)}.", numbers)
    sizes = workers(*(config.size for config in above))
    remedy = {"sizes": [config.size for config in within] or [min(usable_cpus, LARGEST_POOL)]}
    if not within:
        return Finding(
            check, None, f"{cpus_usable(usable_cpus)}, and no pool so small was measured to compare.", numbers, remedy
        )
    small = min(within, key=lambda config: median(config.map))
    large = min(above, key=lambda config: median(config.map))
    gain = ratio(small.map, large.map)
    numbers["gain"] = gain.value
    if gain.low is None or gain.high is None:
        unsure = f"{TOO_FEW} whether {sizes} gain anything: {cpus_usable(usable_cpus)}."
        return Finding(check, None, unsure, numbers, remedy)
    if gain.low <= 1 and gain.high > NO_GAIN:
        sentence = (
            f"{cpus_usable(usable_cpus)}. Can't tell whether {sizes} gain anything: {workers(large.size)} map "
            f"{times(gain.value)} as fast as {small.size}, but the times spread too widely ({interval_of(gain)})."
        )
        return Finding(check, None, sentence, numbers, remedy)
    if gain.low <= 1:
        sentence = (
            f"{sizes}, but {cpus_usable(usable_cpus)}: {workers(large.size)} map {times(gain.value)} as fast as "
            f"{small.size} ({interval_of(gain)}), so no gain is shown, and each one takes its start-up."
        )
        return Finding(check, True, sentence, numbers, remedy)
    faster = f"{workers(large.size)} map {times(gain.value)} as fast as {small.size} ({interval_of(gain)})"
    sentence = f"{cpus_usable(usable_cpus)}, yet {faster}."
    if small.chunksize != large.chunksize:
        sentence += f" Their chunk sizes differ, {small.chunksize} and {large.chunksize}, which may be why."
        return Finding(check, None, sentence, numbers, {"chunksize": min(small.chunksize or 1, large.chunksize or 1)})
    return Finding(check, False, sentence, numbers)


def start_up_outweighs(state: State, best: Configuration) -> Finding:
    check = "start-up outweighs the map"
    if not best.around:
        return Finding(check, None, "No pool has been started and shut down yet.")
    weight = ratio(best.around, best.map)
    around, mapped = median(best.around), median(best.map)
    numbers = {"start_stop_s": around, "map_s": mapped, "share": around / (around + mapped)}
    figures = (
        f"starting and ending {workers(best.size)} took {duration(around)}, the map {duration(mapped)}, "
        f"so {around / (around + mapped):.0%} of a single call"
    )
    if weight.low is None or weight.high is None:
        return Finding(check, None, f"{TOO_FEW}, though {figures}.", numbers)
    if weight.low <= 1 <= weight.high:
        return Finding(check, None, f"Can't tell, they are close: {figures}.", numbers)
    if weight.high < 1:
        return Finding(check, False, f"{figures[0].upper()}{figures[1:]}.", numbers)
    sentence = f"{figures[0].upper()}{figures[1:]}. Keep one pool and map often, or give it more to do."
    return Finding(check, True, sentence, numbers, _more_items(state, around))


def _more_items(state: State, seconds: float) -> dict[str, Any]:
    """So many items that the plain loop takes a few times what start-up takes; nothing where they are too short."""
    items = math.ceil(4 * seconds / (median(state.serial.map) / state.params.items))
    if not state.params.items < items <= MOST_ITEMS or state.params.workload == "factorial":
        return {}
    return {"last": state.params.first + items - 1}


def chunks_differ(state: State, configs: list[Configuration]) -> Finding:
    check = "chunk size changes with the pool size"
    known = {config.size: config.chunksize for config in configs if config.chunksize is not None}
    if not known:
        return Finding(check, None, "The chunk sizes are not known.")
    if len(set(known.values())) == 1:
        return Finding(check, False, f"Every pool used chunks of {next(iter(known.values()))}.")
    sentence = (
        f"Chunks of {format_list(known.values())} items for {workers(*known)}: the pool's own choice, so the sizes "
        "differ in more than their workers."
    )
    return Finding(check, True, sentence, remedy={"chunksize": min(known.values())})


def run_was_disturbed(state: State, usable_cpus: int) -> Finding:
    check = "the run was disturbed"
    judged = disturbed(state, usable_cpus)
    if judged is None:
        return Finding(check, None, "Nothing is known yet of what else ran.")
    numbers = {"wall_over_cpu": judged.wall_over_cpu, "others_cpus": judged.others_cpus}
    sentence = " ".join(judged.reasons) or "What was read does not say."
    more = {"repeats": min(MOST_REPEATS, max(10, 2 * state.params.repeats))} if judged.disturbed else {}
    return Finding(check, judged.disturbed, sentence, numbers, more)
