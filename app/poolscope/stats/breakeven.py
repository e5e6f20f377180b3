"""Estimates from what length or number of items a pool would beat the plain loop, and where the data can't say it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# Why there is no threshold: the work outweighs the overhead, so that where they would balance can't be told; a single
# item can't be shared out, however long it takes; no two items run at the same time, for want of a worker or a CPU.
NoThreshold = Literal["work outweighs", "single item", "one worker", "one CPU"]


@dataclass(frozen=True)
class Threshold:
    """From where on a pool wins, if `cost_s` seconds have to be earned back by running items side by side.

    `seconds_per_item` holds at the measured number of items, `items` at the measured work per item (the least whole
    number). None means that a pool would never win so, or that it can't be told; then `why` is the reason.
    """

    cost_s: float
    seconds_per_item: float | None
    items: int | None
    why: NoThreshold | None


@dataclass(frozen=True)
class BreakEven:
    """Both answers: `map_only` for a pool that lives on, `with_start` for one that is made and closed for this call."""

    overhead_s: float
    map_only: Threshold
    with_start: Threshold


def break_even(
    serial_s_per_item: float,
    pool_map_s: float,
    items: int,
    workers: int,
    usable_cpus: int,
    start_stop_s: float = 0.0,
    hand_over_s_per_item: float | None = 0.0,
) -> BreakEven:
    """When would a pool win? From one measured map, the plain loop's time per item, and start-up + shutdown (seconds).

    Model: map = overhead + items * seconds per item / k, with k = min(workers, usable CPUs) items side by side, no more
    than there are items. The overhead is what the measured map took beyond its share of work, at least 0. For work
    that waits instead of computing, pass `usable_cpus=workers`.

    Changing the work per item leaves the overhead as it is, hence `seconds_per_item` is sound. With the number of items
    it grows by `hand_over_s_per_item` each, what pickling one and its result takes, though by no more in all than was
    measured: where that is more than an item saves, no number of them helps. None if it isn't known, and then no number
    can be told. It can't be told either where the work outweighs the overhead, which then is a small difference of
    large times: unequal chunks or slower clocks would pass for overhead. Wherever the pool lost, a length can be told.

    Raises ValueError for times that are negative or not finite, a serial time of 0, or counts below 1.
    """
    times = (serial_s_per_item, pool_map_s, start_stop_s)
    if not all(map(math.isfinite, times)) or min(times) < 0 or serial_s_per_item == 0:
        raise ValueError("times must be finite and not negative, and the serial time above 0")
    if min(items, workers, usable_cpus) < 1:
        raise ValueError("items, workers and usable CPUs must be at least 1")
    side_by_side = min(workers, usable_cpus)
    ideal_s = items * serial_s_per_item / min(side_by_side, items)
    overhead = max(0.0, pool_map_s - ideal_s)
    each_s = None if hand_over_s_per_item is None else min(hand_over_s_per_item, overhead / items)

    def threshold(cost_s: float) -> Threshold:
        if side_by_side == 1:
            return Threshold(cost_s, None, None, "one worker" if workers == 1 else "one CPU")
        if cost_s < ideal_s:
            return Threshold(cost_s, None, None, "work outweighs")
        return Threshold(
            cost_s,
            _seconds_per_item(cost_s, items, min(side_by_side, items)),
            None if each_s is None else _items(cost_s, serial_s_per_item, side_by_side, each_s, items),
            "single item" if items == 1 else None,
        )

    return BreakEven(overhead, threshold(overhead), threshold(overhead + start_stop_s))


def idle_tail(worker_ends: Sequence[float], wall_s: float) -> float:
    """The share of a map's wall time that a worker idled at its end: (last end - mean end) / wall (measuring.md, 6).

    `worker_ends` are seconds on one clock, one a worker: when its last task ended, or when the map began if it had
    none. From 0 (all ended together) up to (n - 1) / n. Raises ValueError without a worker or for a wall time not above
    0.
    """
    if not worker_ends or not wall_s > 0:
        raise ValueError("an idle tail needs at least one worker and a wall time above 0")
    last = max(worker_ends)
    return math.fsum(last - end for end in worker_ends) / len(worker_ends) / wall_s


def efficiency(speedup: float, workers: int) -> float:
    """Speed-up per worker, 1.0 when each of them saves its full share. Raises ValueError for less than one worker."""
    if workers < 1:
        raise ValueError("efficiency needs at least one worker")
    return speedup / workers


def _seconds_per_item(cost_s: float, items: int, side_by_side: int) -> float | None:
    """Where items * seconds * (1 - 1 / k), the time that sharing saves, equals the cost."""
    return None if side_by_side == 1 else cost_s / (items * (1 - 1 / side_by_side))


def _items(cost_s: float, seconds: float, side_by_side: int, each_s: float, measured: int) -> int | None:
    """The least number of items for which sharing saves more than it costs: n - 1 of them while each has a worker.

    `each_s` of the cost of the `measured` items is that of each. None if no number would do.
    """
    saved_s, fixed_s = seconds * (1 - 1 / side_by_side) - each_s, cost_s - measured * each_s
    if saved_s <= 0:
        return None
    few = math.floor(cost_s / seconds) + 2
    if few <= side_by_side:
        return few
    return math.floor(fixed_s / saved_s) + 1
