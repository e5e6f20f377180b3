"""Reads quantiles from counted durations: buckets 1/64 of their value wide, so each is right to 1.6 %."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Durations:
    """How often which duration was seen: `buckets` are (least nanoseconds, count), rising."""

    buckets: tuple[tuple[int, int], ...] = ()

    @property
    def total(self) -> int:
        return sum(count for _, count in self.buckets)

    def quantile(self, q: float) -> float | None:
        """The duration in seconds below which a share `q` of them lies (nearest rank); None where there are none."""
        if not self.buckets:
            return None
        running = list(accumulate(count for _, count in self.buckets))
        rank = max(q * running[-1], 1)
        return self.buckets[min(bisect_left(running, rank), len(running) - 1)][0] / 1e9

    @property
    def longest(self) -> float | None:
        return self.buckets[-1][0] / 1e9 if self.buckets else None

    def bars(self, upto: float, count: int) -> tuple[int, ...]:
        """Counts in `count` equal steps from 0 to `upto` seconds; what is longer falls into the last one."""
        bars = [0] * count
        for least, times in self.buckets:
            bars[min(int(least / 1e9 / upto * count), count - 1)] += times
        return tuple(bars)
