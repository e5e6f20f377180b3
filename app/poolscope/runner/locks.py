"""A lock that knows its owner, its waiters in order and how long they took; it serves wherever a lock does."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from threading import get_ident
from time import perf_counter_ns
from typing import Any

# Timings kept between two samples. At full speed far more happen, of which every n-th is then timed; the exact counts
# beside them say how many that was out of.
RING = 512


class ObservedLock:
    """Wraps `threading.Lock` or `RLock` (any object with acquire and release); adds about 0.2 µs to an acquisition.

    All counting happens while the lock is held, so it needs no lock of its own. `acquisitions` and `contended` are
    exact; `timings` is a ring of (wait_ns, hold_ns), of each acquisition as long as no more than the ring holds come
    between two calls of `drain`, else of every n-th; `waiting` maps the names of the threads that wait to the moment
    at which they asked, in the order in which they came. `holder` is the owner's `ident`, 0 when there is none;
    `asked_at` and `held_since` are 0 while the present acquisition is not timed. `waited` says whether it is one of
    those that are `contended`: the others took their time too, though nobody had the lock.
    """

    def __init__(self, inner: Any) -> None:
        self._try = inner.acquire
        self._let_go = inner.release
        self._inside = 0  # how often the holder entered again, where the lock allows that
        self._next_timed = 0
        self._stride = 1
        self._drained_at = 0
        self.acquisitions = 0
        self.contended = 0
        self._waited = 0  # the newest acquisition that had to wait, by its number
        self.timings: deque[tuple[int, int]] = deque(maxlen=RING)
        self.waiting: dict[str, int] = {}
        self.holder = 0
        self.asked_at = 0  # when the present owner began to ask for the lock
        self.held_since = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        asked = perf_counter_ns() if self.acquisitions >= self._next_timed else 0
        me = get_ident()
        if not self._try(False):
            if not blocking or not self._wait(asked, timeout):
                return False
            self.contended += 1
            self._waited = self.acquisitions + 1
        elif self.holder == me:
            self._inside += 1
            return True
        self.holder = me
        self.acquisitions += 1
        if asked:
            self._next_timed = self.acquisitions + self._stride - 1
            self.asked_at = asked
            self.held_since = perf_counter_ns()
        return True

    __enter__ = acquire

    def release(self) -> None:
        if self.held_since and not self._inside:
            self.timings.append((self.held_since - self.asked_at, perf_counter_ns() - self.held_since))
            self.asked_at = self.held_since = 0
        if self._inside:
            self._inside -= 1
        elif self.holder:
            self.holder = 0
        else:
            raise RuntimeError("release unlocked lock")  # as the inner lock does, but before our counts are spoilt
        self._let_go()

    def __exit__(self, kind: object, error: object, at: object) -> None:
        # As `release`, written out: a call would cost as much as all the rest.
        if self._inside or self.held_since or not self.holder:
            self.release()
        else:
            self.holder = 0
            self._let_go()

    def _wait(self, asked: int, timeout: float) -> bool:
        name = threading.current_thread().name
        self.waiting[name] = asked or perf_counter_ns()
        try:
            return bool(self._try(True, timeout))
        finally:
            del self.waiting[name]

    @property
    def waited(self) -> bool:
        return self._waited == self.acquisitions

    @property
    def owner(self) -> str:
        """The name of the thread that holds the lock, '' when nobody does."""
        holder = self.holder
        return next((thread.name for thread in threading.enumerate() if thread.ident == holder), "") if holder else ""

    def locked(self) -> bool:
        return self.holder != 0

    # What threading.Condition asks of its lock, besides `locked` from Python 3.14 on. Without `_is_owned` it would try
    # to acquire, which would count.
    def _is_owned(self) -> bool:
        return self.holder == get_ident()

    def _release_save(self) -> int:
        depth = 1 + self._inside
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
        # If as many come until the next call as since the last one, those that are timed just fill the ring.
        self._stride = max(1, (self.acquisitions - self._drained_at) // RING)
        self._drained_at = self.acquisitions
        self._next_timed = min(self._next_timed, self.acquisitions + self._stride - 1)  # it may have become quiet
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

    def buckets(self) -> tuple[tuple[int, int], ...]:
        """(least ns of a bucket, count) in rising order."""
        return tuple((least, self.counts[least]) for least in sorted(self.counts))
