"""From what length of an item, or how many of them, a pool would win: for the setting that would be the first to."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from poolscope.experiments.pool_benchmark.recommendation import counted
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import seconds_per_item, side_by_side
from poolscope.stats.breakeven import BreakEven, break_even
from poolscope.text.numbers import duration, times, whole

STRETCHED = 1.5
SHORTEST_TASK_S = 1e-4


@dataclass(frozen=True, slots=True)
class Nearest:
    """The setting that would beat the plain loop with the least longer items, and its break-even.

    `stretched` is how many times as long an item took in it, where that is much longer than in the plain loop: then it
    is not the handing over that makes the pool slow. Else it is None.
    """

    config: Configuration
    even: BreakEven
    stretched: float | None = None


def nearest(state: State, usable_cpus: int) -> Nearest | None:
    """None where no setting can work on two items at once, so that none would ever win, or before it is measured."""
    per_item = seconds_per_item(state)
    if per_item is None or not state.items:
        return None
    found = [
        Nearest(
            config,
            break_even(
                per_item,
                median(config.map),
                state.items,
                config.size,
                side_by_side(state, config, usable_cpus),
                median(config.around) if config.around else 0.0,
            ),
            _stretched(config, per_item),
        )
        for config in counted(state)
        if not config.serial and side_by_side(state, config, usable_cpus) > 1
    ]
    told = [each for each in found if each.even.map_only.seconds_per_item is not None and not each.stretched]
    return min(told or found, key=_length, default=None)


def in_words(state: State, near: Nearest) -> str:
    """'break-even about 41.2 µs an item, which takes 61.0 ns now'; '' where the length can't be told."""
    if near.stretched:
        return ""
    length, whole_call = near.even.map_only.seconds_per_item, near.even.with_start.seconds_per_item
    per_item = seconds_per_item(state)
    if length is None or per_item is None:
        return ""
    said = f"break-even about {duration(length)} an item, which takes {duration(per_item)} now"
    if fixed_cost(near.config) and near.even.map_only.items:
        said += f", or about {whole(int(float(f'{near.even.map_only.items:.3g}')))} items of this length"
    return said + (f"; {duration(whole_call)} an item with start-up and shutdown counted" if whole_call else "")


def fixed_cost(config: Configuration) -> bool:
    """Whether more items cost about as many messages: where a Pool chooses its chunks, they grow with the items."""
    return config.kind == "pool" and config.chunksize == 0


def why_not(near: Nearest) -> str:
    """Why there is no break-even to be told, in a sentence."""
    if near.stretched:
        return (
            f"In it an item took {times(near.stretched)} as long as in the plain loop, so handing over is not to blame."
        )
    return near.even.map_only.why or ""


def _stretched(config: Configuration, per_item: float) -> float | None:
    each = config.seconds_per_task or 0.0
    # The stamps of the tracing itself lengthen very short ones.
    return each / per_item if each >= SHORTEST_TASK_S and each > STRETCHED * per_item else None


def _length(near: Nearest) -> float:
    return near.even.map_only.seconds_per_item or float("inf")
