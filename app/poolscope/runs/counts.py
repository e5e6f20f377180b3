"""What a server's runs have done since its start, counted where it happens; /metrics reads it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate

# Seconds: from a journal's write to the wait in a long queue.
BOUNDS_S = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0)


class DurationHistogram:
    """Seconds, counted by the least bound that is not below them. Ours, for the counting must not import a server's
    library where a run is one of the command line."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds

    @property
    def buckets(self) -> list[tuple[str, int]]:
        """How many were at most as long as each bound, as Prometheus writes it; the last has them all."""
        return list(zip([*map(str, BOUNDS_S), "+Inf"], accumulate(self._counts), strict=True))


@dataclass(slots=True)
class RunCounts:
    """`ended` by experiment and outcome; how long runs `waited` in the queue, and a runner took to be there for one;
    the most `cpu_s` that was ever seen of all."""

    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    waited: DurationHistogram = field(default_factory=DurationHistogram)
    runner_start: DurationHistogram = field(default_factory=DurationHistogram)
    cpu_s: float = 0.0
