"""Whether items are long enough for a pool, and whether a few of them are so long that the others wait for them."""

from __future__ import annotations

from typing import Any

from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_benchmark import breakeven
from poolscope.experiments.pool_benchmark.breakeven import SHORTEST_TASK_S
from poolscope.experiments.pool_benchmark.disturbance import disturbed
from poolscope.experiments.pool_benchmark.naming import setting
from poolscope.experiments.pool_benchmark.recommendation import counted, fastest, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.time_budget import budget, tail_share
from poolscope.experiments.pool_benchmark.work import seconds_per_item, side_by_side
from poolscope.stats.intervals import ratio
from poolscope.text.language import capital
from poolscope.text.numbers import duration, interval_of, times
from poolscope.workloads.catalog import WORK_MS

WORTH_IT = 2  # a remedy goes so far beyond the break-even
LONGEST_MS = 60_000
# A tail of a tenth of the map can be seen; a task thrice as long as the middle one is no spread any more.
LONG_TAIL, SHORT_TAIL = 0.10, 0.05
STRAGGLES, ALIKE = 3.0, 2.0


def work_too_small(state: State, usable_cpus: int) -> Finding:
    check = "work too small for a pool"
    choice, near = recommend(state), breakeven.nearest(state, usable_cpus)
    numbers: dict[str, float | None] = {"seconds_per_item": seconds_per_item(state)}
    if near is not None:
        numbers |= {
            "overhead_s": near.even.overhead_s,
            "break_even_seconds_per_item": near.even.map_only.seconds_per_item,
            "break_even_seconds_per_item_with_start": near.even.with_start.seconds_per_item,
            "break_even_items": near.even.map_only.items if breakeven.fixed_cost(near.config) else None,
        }
    if choice is None:
        return Finding(check, None, "Not every setting has been measured often enough to tell.", numbers)
    gain = ratio(state.serial.map, choice.best.map) if state.serial else choice.gain
    best = f"{setting(state, choice.best)}, the fastest: {times(gain.value)}"
    if choice.maps.beats_loop:
        return Finding(check, False, f"{best} ({interval_of(gain)}).", numbers)
    if choice.maps.outcome != "loop":
        return Finding(check, None, f"Can't tell, no difference from the plain loop is shown. {best}.", numbers)
    if near is None:
        sentence = "Every pool is slower than the plain loop, but no two items ran at the same time in any of them."
        return Finding(check, None, f"Can't tell whether longer items would help: {sentence}", numbers)
    said = breakeven.in_words(state, near)
    if not said:
        said = f"Every pool is slower than the plain loop. {breakeven.why_not(near)}"
        return Finding(check, None, said.strip(), numbers)
    sentence = f"Handing items over costs more than sharing them saves: {said}."
    return Finding(check, True, sentence, numbers, _longer(state, near.even.map_only.seconds_per_item))


def _longer(state: State, seconds: float | None) -> dict[str, Any]:
    """The same run with items long enough: the work's own length where it has one, else work that has."""
    if seconds is None:
        return {}
    work_ms = float(f"{max(1.0, seconds * 1e3 * WORTH_IT):.1g}")
    if work_ms > LONGEST_MS or not state.params.built_in:
        return {}
    if state.params.workload in WORK_MS:
        return {"work_ms": work_ms}
    return {"workload": "sum-of-squares", "work_ms": max(work_ms, WORK_MS["sum-of-squares"])}


def stragglers(state: State, usable_cpus: int) -> Finding:
    check = "a few long items hold up the others"
    config = _undisturbed_by_us(state, usable_cpus)
    spent = budget(state, config) if config else None
    lengths = config.traced.task_s if config and config.traced else None
    if config is None or spent is None or not lengths or not lengths.median:
        return Finding(check, None, "No pool whose workers could all work at once has been traced.")
    tail, longest = tail_share(spent), lengths.max / lengths.median
    numbers = {"idle_tail": tail, "longest_s": lengths.max, "median_s": lengths.median}
    figures = (
        f"with {setting(state, config)} the longest item took {duration(lengths.max)}, the middle one "
        f"{duration(lengths.median)}, and at the end workers idled for {tail:.0%} of the map"
    )
    judged = disturbed(state, usable_cpus)
    if tail < SHORT_TAIL or longest < ALIKE or lengths.max < SHORTEST_TASK_S:
        return Finding(check, False, f"{capital(figures)}.", numbers)
    if tail < LONG_TAIL or longest < STRAGGLES:
        return Finding(check, None, f"Can't tell, it is not much: {figures}.", numbers)
    if judged and judged.disturbed:
        return Finding(check, None, f"Can't tell, the run was disturbed: {figures}.", numbers)
    chunk = config.chunk_used or 1
    remedy = {"chunksizes": [1]} if chunk > 1 else {}
    advice = "Chunks of one item let the others go on." if chunk > 1 else "Hand the longest items over first."
    return Finding(check, True, f"{capital(figures)}. {advice}", numbers, remedy)


def _undisturbed_by_us(state: State, usable_cpus: int) -> Configuration | None:
    """The fastest traced setting whose workers could all work at once: elsewhere items take long by waiting for us."""
    traced = [
        config
        for config in counted(state)
        if config.size > 1 and config.traced and side_by_side(state, config, usable_cpus) == config.size
    ]
    return fastest(traced) if traced else None
