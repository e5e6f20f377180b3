"""From what length of an item, or how many of them, a pool would win: for the configuration that would be the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.recommendation import eligible_configs
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import processes, seconds_per_item, side_by_side
from poolscope.protocol.kinds import COPIES_ITEMS
from poolscope.stats.breakeven import BreakEven, break_even

STRETCHED = 1.5
# What is smaller than a pipe holds costs the message, not its length.
LARGE_BYTES = 64 * 1024
MOST_OF_IT = 0.5  # of the overhead
SHARED = 0.7  # a first run that takes less than this share of as many first calls has items that share results
SHORTEST_TASK_S = 1e-4
FEW_CHUNKS = 4  # a worker: with fewer the last one can make the others wait, with more it is short


@dataclass(frozen=True, slots=True)
class Nearest:
    """The configuration that would beat the plain loop with the least longer items, and its break-even.

    `stretched` is how many times as long an item took in it, where that is much longer than in the plain loop: then it
    is not the handing over that makes the pool slow. Else it is None. `cause` is the code of what else makes most of
    the overhead, with its facts: longer items are not the remedy then. `small_chunks`: with larger ones, which leave
    enough of them to each worker, there would be fewer messages and another break-even.
    """

    config: Configuration
    even: BreakEven
    seconds_per_item: float
    stretched: float | None = None
    cause: tuple[str, Mapping[str, Any]] | None = None
    small_chunks: bool = False

    @property
    def is_told(self) -> bool:
        """Whether there is a length from which on the pool would win."""
        return not self.cause and not self.stretched and self.even.map_only.seconds_per_item is not None

    @property
    def why_not(self) -> str | None:
        """The code of the reason why no length can be told, None without one."""
        if self.cause:
            return self.cause[0]
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
            "break_even_chunk": self.config.chunk_used if self.small_chunks else None,
            "stretched": self.stretched,
            **(self.cause[1] if self.cause else {}),
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
                hand_over_s(state, config),
            ),
            per_item,
            _stretched(config, per_item),
            _cause(state, config, usable_cpus),
            processes(config) and messages(state, config) > FEW_CHUNKS * config.size,
        )
        for config in eligible_configs(state)
        if not config.serial and side_by_side(state, config, usable_cpus) > 1
    ]
    told = [each for each in found if each.is_told] or [each for each in found if each.cause] or found
    return min(told, key=_length, default=None)


def hand_over_s(state: State, config: Configuration) -> float | None:
    """What pickling an item and its result takes, which every further item costs; None if that isn't known.

    It was measured of one at a time; in a chunk several take less, so that a threshold is rather too high than too low.
    Large ones take longer to travel than to be pickled, and how long is not known by itself.
    """
    trial = state.reference.trial if state.reference else None
    if config.kind not in COPIES_ITEMS:
        return 0.0
    if trial is None or (trial.item_bytes or 0) + (trial.result_bytes or 0) >= LARGE_BYTES:
        return None
    return trial.pickle_s


def messages(state: State, config: Configuration) -> int:
    """How many messages with items a configuration sends in a map, each with the function in it."""
    return -(-(state.items or 0) // config.chunk_used)


def function_cost(state: State, config: Configuration) -> dict[str, Any]:
    """What it takes to send the function with every message, {} where nothing is pickled or that isn't known."""
    trial = state.reference.trial if state.reference else None
    if trial is None or trial.parcel is None or config.kind not in COPIES_ITEMS:
        return {}
    count = messages(state, config)
    return {
        "function_bytes": trial.parcel.size,
        "function_s": trial.parcel.seconds,
        "messages": count,
        "function_cost_s": count * trial.parcel.seconds,
    }


def function_share(state: State, config: Configuration, usable_cpus: int) -> float:
    """The share of a configuration's map that sending the function takes: the main process pickles, workers unpickle.

    Both go on at the same time, so no more is counted than the map is longer than the work shared out.
    """
    trial, per_item = state.reference.trial if state.reference else None, seconds_per_item(state)
    if trial is None or trial.parcel is None or per_item is None or not state.items:
        return 0.0
    together = side_by_side(state, config, usable_cpus)
    seconds = messages(state, config) * (trial.parcel.pickle_s + trial.parcel.unpickle_s / together)
    map_s = median(config.map)
    return max(0.0, min(seconds / map_s, 1 - per_item * state.items / together / map_s))


def _cause(state: State, config: Configuration, usable_cpus: int) -> tuple[str, Mapping[str, Any]] | None:
    """What workers that are given copies do beside the loop's work, where it is most of what their map takes longer."""
    trial, per_item = state.reference.trial if state.reference else None, seconds_per_item(state)
    if config.kind not in COPIES_ITEMS or trial is None or per_item is None or not state.items:
        return None
    work_s, map_s, memory = per_item * state.items, median(config.map), trial.remembered
    overhead_s = map_s - work_s / side_by_side(state, config, usable_cpus)
    carried = function_cost(state, config)
    sent_s = function_share(state, config, usable_cpus) * map_s
    if carried and carried["function_bytes"] >= LARGE_BYTES and sent_s >= MOST_OF_IT * overhead_s:
        return "function data", carried | {"work_s": work_s}
    if memory is None or state.params.built_in:
        return None
    if memory.how == "per item" and work_s < SHARED * memory.first_s * state.items:
        return "own caches", {"first_s": memory.first_s}
    begins_empty = config.kind == "interpreter" or config.start_method in ("spawn", "forkserver")
    if (
        memory.how in ("once", "per thread")
        and begins_empty
        and memory.first_s - memory.again_s >= MOST_OF_IT * overhead_s
    ):
        return "set up", {"first_s": memory.first_s, "config": config}
    return None


def _stretched(config: Configuration, per_item: float) -> float | None:
    each = config.seconds_per_task or 0.0
    # The stamps of the tracing itself lengthen very short ones.
    return each / per_item if each >= SHORTEST_TASK_S and each > STRETCHED * per_item else None


def _length(near: Nearest) -> float:
    return near.even.map_only.seconds_per_item or float("inf")
