"""A lock that knows its owner, its waiters in order and how long they took; it serves wherever a lock does."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from time import perf_counter_ns
from typing import Any

# Timings kept between two samples. At full speed far more happen; the ring then holds the latest, and the exact
# counts beside it say how many that was out of.
RING = 512


class ObservedLock:
    """Wraps `threading.Lock` or `RLock` (any object with acquire and release); costs about half a µs an acquisition.

    All counting happens while the lock is held, so it needs no lock of its own. `acquisitions` and `contended` are
    exact; `timings` is a ring of (wait_ns, hold_ns); `waiting` maps the names of the threads that wait to the moment
    at which they asked, in the order in which they came.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._depth = 0
        self.acquisitions = 0
        self.contended = 0
        self.timings: deque[tuple[int, int]] = deque(maxlen=RING)
        self.waiting: dict[str, int] = {}
        self.owner = ""
        self.asked_at = 0  # when the present owner began to ask for the lock
        self.held_since = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        asked = perf_counter_ns()
        name = threading.current_thread().name
        contended = not self._inner.acquire(False)
        if contended:
            if not blocking:
                return False
            self.waiting[name] = asked
            got = self._inner.acquire(True, timeout)
            del self.waiting[name]
            if not got:
                return False
        self._depth += 1
        if self._depth == 1:
            self.acquisitions += 1
            self.contended += contended
            self.owner = name
            self.asked_at = asked
            self.held_since = perf_counter_ns()
        return True

    def release(self) -> None:
        if not self._depth:
            raise RuntimeError("release unlocked lock")  # as the inner lock does, but before our counts are spoilt
        if self._depth == 1:
            self.timings.append((self.held_since - self.asked_at, perf_counter_ns() - self.held_since))
            self.owner = ""
        self._depth -= 1
        self._inner.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    # What threading.Condition asks of its lock. Without `_is_owned` it would try to acquire, which would count.
    def _is_owned(self) -> bool:
        return self.owner == threading.current_thread().name

    def _release_save(self) -> int:
        depth = self._depth
        for _ in range(depth):
            self.release()
        return depth

    def _acquire_restore(self, depth: int) -> None:
        for _ in range(depth):
            self.acquire()

    def drain(self) -> list[tuple[int, int]]:
        """Take the timings that came since the last call: (wait_ns, hold_ns) each."""
        taken = []
        while self.timings:
            taken.append(self.timings.popleft())
        return taken


class Histogram:
    """Counts durations in buckets that are 1/64 of their value wide, so a quantile read from it is right to 1.6 %.

    The idea of HdrHistogram (http://hdrhistogram.org): the exponent and the six leading bits name a bucket.
    """

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    def add(self, durations: Iterable[int]) -> None:
        """Count durations in nanoseconds, each under the least value of its bucket."""
        for ns in durations:
            shift = max(ns.bit_length() - 7, 0)
            least = ns >> shift << shift
            self.counts[least] = self.counts.get(least, 0) + 1

    def as_json(self) -> list[list[int]]:
        """[[least ns of a bucket, count], …] in rising order."""
        return [[least, self.counts[least]] for least in sorted(self.counts)]
