"""From what length of an item, or how many of them, a pool would win: for the configuration that would be the first."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.recommendation import eligible_configs
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import seconds_per_item, side_by_side
from poolscope.stats.breakeven import BreakEven, break_even

STRETCHED = 1.5
SHORTEST_TASK_S = 1e-4


@dataclass(frozen=True, slots=True)
class Nearest:
    """The configuration that would beat the plain loop with the least longer items, and its break-even.

    `stretched` is how many times as long an item took in it, where that is much longer than in the plain loop: then it
    is not the handing over that makes the pool slow. Else it is None.
    """

    config: Configuration
    even: BreakEven
    seconds_per_item: float
    stretched: float | None = None

    @property
    def is_told(self) -> bool:
        """Whether there is a length from which on the pool would win."""
        return not self.stretched and self.even.map_only.seconds_per_item is not None

    @property
    def why_not(self) -> str | None:
        """The code of the reason why no length can be told, None without one."""
        return "stretched" if self.stretched else self.even.map_only.why

    @property
    def facts(self) -> dict[str, Any]:
        map_only, with_start = self.even.map_only, self.even.with_start
        return {
            "seconds_per_item": self.seconds_per_item,
            "overhead_s": self.even.overhead_s,
            "break_even_seconds_per_item": map_only.seconds_per_item,
            "break_even_seconds_per_item_with_start": with_start.seconds_per_item,
            # Whether more items cost about as many messages: where a Pool chooses its chunks, they grow with the items.
            "break_even_items": map_only.items if self.config.kind == "pool" and self.config.chunksize == 0 else None,
        }


def nearest(state: State, usable_cpus: int) -> Nearest | None:
    """None where no configuration can work on two items at once, so that none would ever win, or before measuring."""
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
            per_item,
            _stretched(config, per_item),
        )
        for config in eligible_configs(state)
        if not config.serial and side_by_side(state, config, usable_cpus) > 1
    ]
    return min([each for each in found if each.is_told] or found, key=_length, default=None)


def _stretched(config: Configuration, per_item: float) -> float | None:
    each = config.seconds_per_task or 0.0
    # The stamps of the tracing itself lengthen very short ones.
    return each / per_item if each >= SHORTEST_TASK_S and each > STRETCHED * per_item else None


def _length(near: Nearest) -> float:
    return near.even.map_only.seconds_per_item or float("inf")
