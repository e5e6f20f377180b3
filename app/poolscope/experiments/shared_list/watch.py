"""What is recorded of the shared list's threads: exact counters always, single steps as far as a budget reaches.

Runner side, standard library only. At delays of tenths of a second every step is recorded; flat out, where there may
be a million steps a second, the first few after each sample are, and the rest are counted as left out.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from poolscope.experiments.shared_list.payloads import ListCounts, LockStatistics, LockTimes, OperationCounts
from poolscope.protocol.payloads import Payload
from poolscope.protocol.records import Actor, Contents, Result, Span
from poolscope.runner.context import RunContext
from poolscope.runner.locks import Histogram, ObservedLock

if TYPE_CHECKING:
    from poolscope.experiments.shared_list.guards import SharedData

Change = Literal["added", "removed", "empty", "full", "lost"]

# The window of the lanes must hold all spans of its ten seconds, or its first seconds would be missing.
BURST = 64  # steps, and pauses or waits of threads, that may be recorded in detail at once …
REFILL = 8  # … and how many more of each a sample brings: 160 a second
SHOWN = 100  # newest numbers of the list in a record; `length` counts all
TIMES_EVERY = 20  # samples between two accounts of all wait and hold times: one second
BETWEEN = ""  # neither asleep nor blocked, and not seen at the lock: nothing is recorded of such a thread


@dataclass(slots=True)
class Pace:
    """How long the threads pause, and whether they may go on; the controls change it while they run."""

    delay_min: float
    delay_max: float
    running: threading.Event  # cleared while the run is paused
    stopping: threading.Event
    rests: bool = True  # whether threads pause at all between two steps; one attribute, for it is looked at each time

    def note(self) -> None:
        """Delays or `running` have changed."""
        self.rests = self.delay_max > 0 or not self.running.is_set()


class Worker(threading.Thread):
    """One producer or consumer with counters that nobody else writes: what it really did, whatever the guard loses."""

    def __init__(self, name: str, role: str, watch: Watch, pace: Pace) -> None:
        super().__init__(name=name, daemon=True)
        self.role, self.watch, self.pace = role, watch, pace
        self.state, self.since = BETWEEN, watch.context.now()
        self.added = self.removed = self.robbed = 0
        self.in_flight = False  # between the change of the list and the count of it, where there is no guard

    def must_look_up(self) -> bool:
        """Whether a waiting thread has to leave its wait: the run ends, or pauses."""
        return self.pace.stopping.is_set() or not self.pace.running.is_set()

    def draw_pause(self) -> float:
        return random.uniform(self.pace.delay_min, self.pace.delay_max)

    def sleep(self) -> None:
        """Pause between two steps, and for as long as the whole run is paused."""
        pace = self.pace
        if pace.delay_max > 0:
            with self.watch.inside(self, "sleeping"):
                pace.stopping.wait(self.draw_pause())
        while not pace.running.is_set() and not pace.stopping.is_set():
            with self.watch.inside(self, "sleeping", "paused"):
                pace.running.wait(0.5)


class Seen(NamedTuple):
    """One step as it was seen under the guard; `asked_at` is `held_since` where the lock was free."""

    contents: Contents
    asked_at: int
    held_since: int
    until: int


class Watch:
    """Sees every step under the guard, and records what changed when the recorder asks, 20 times a second."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.lock: ObservedLock | None = None
        self.data: SharedData
        self.workers: dict[str, Worker] = {}
        self.waits, self.holds = Histogram(), Histogram()
        self._tokens = BURST  # for steps
        self._rests = BURST  # for pauses and waits
        self._recorded = 0
        self._settled = False
        self._snapshot: ListCounts | None = None
        self._sent: dict[str, object] = {}
        # The state in which each thread was seen last, since when, and when it was first seen in it.
        self._open: dict[str, tuple[str, int, int]] = {}
        self._hold = ("", 0)  # the owner of the lock that was seen last, and its acquisition
        self._seen_at = 0
        self._samples = 0

    def add(self, worker: Worker) -> None:
        self.workers[worker.name] = worker
        self.context.emit(Actor(self.context.now(), worker.name, "started", "thread", worker.role))

    def me(self) -> Worker:
        return self.workers[threading.current_thread().name]

    def step(self, worker: Worker, change: Change, number: int | None) -> Seen | None:
        """See one step, under the guard; returns what to `record` after it, None where the budget is used up."""
        lock = self.lock
        if self._tokens <= 0 or (lock is not None and not lock.held_since):
            return None
        self._tokens -= 1
        self._recorded += 1
        data, now = self.data, self.context.now()
        items = data.items
        length = len(items)
        self._snapshot = self._counts(length)
        contents = Contents(now, worker.name, change, number, items[-SHOWN:], length)
        if lock is None:
            return Seen(contents, now, now, now)
        asked_at = lock.asked_at if lock.waited else lock.held_since
        return Seen(contents, asked_at, lock.held_since, self.context.now())

    def record(self, worker: Worker, seen: Seen | None) -> None:
        """Record a step, if it was seen, outside the guard where that is possible."""
        if seen is None:
            return
        emit, name = self.context.emit, worker.name
        emit(seen.contents)
        if seen.until > seen.held_since:
            if seen.held_since > seen.asked_at:
                emit(Span(name, "waiting", seen.asked_at, seen.held_since))
            emit(Span(name, "holding", seen.held_since, seen.until))

    @contextmanager
    def inside(self, worker: Worker, state: str, item: str = "") -> Iterator[None]:
        """The worker is in a state for the length of a block, recorded as a span if the budget allows."""
        before, worker.state, worker.since = worker.state, state, self.context.now()
        since = worker.since
        try:
            yield
        finally:
            if self._rests > 0:
                self._rests -= 1
                self._open.pop(worker.name, None)
                self.context.emit(Span(worker.name, state, since, self.context.now(), item))
            worker.state, worker.since = before, self.context.now()

    @contextmanager
    def blocked(self) -> Iterator[None]:
        with self.inside(self.me(), "blocked"):
            yield

    def sample(self) -> None:
        """Record what changed since the last sample. Runs in the recorder's thread."""
        if self._settled:
            return
        self._samples += 1
        self._tokens = min(BURST, self._tokens + REFILL)
        self._rests = min(BURST, self._rests + REFILL)
        workers = tuple(self.workers.values())
        held = self._seen_hold(workers)
        for worker in workers:
            if held is not None and worker.name == held.actor:
                self._open.pop(worker.name, None)
                self.context.emit(held)
            else:
                self._emit_state(worker)
        self._seen_at = self.context.now()
        self._emit_counts()

    def _seen_hold(self, workers: tuple[Worker, ...]) -> Span | None:
        """The hold of the lock that goes on now, from its begin, where that is known, to this moment.

        It is never left open: until the next look other threads hold the lock, and one lock has one owner. None where
        the owner changed while it was looked at.
        """
        lock = self.lock
        if lock is None:
            return None
        acquisition, holder, since = lock.acquisitions, lock.holder, lock.held_since
        now = self.context.now()
        if not holder or (lock.acquisitions, lock.holder) != (acquisition, holder):
            return None
        name = next((worker.name for worker in workers if worker.ident == holder), "")
        again, self._hold = self._hold == (name, acquisition), (name, acquisition)
        began = self._seen_at if again else since or now
        return Span(name, "holding", min(began, now), now) if name else None

    def _emit_state(self, worker: Worker) -> None:
        """Record the state that a thread is in. One that is over lasted at least until it was last seen."""
        state, since = self._state_of(worker)
        opened = self._open.get(worker.name)
        if opened is not None and opened[:2] == (state, since):
            return
        if opened is not None:
            last, began, first_seen = opened
            self._open.pop(worker.name, None)
            if state == BETWEEN or self._seen_at > first_seen:
                self.context.emit(Span(worker.name, last, began, max(began, self._seen_at)))
        if state != BETWEEN:
            now = self.context.now()
            self._open[worker.name] = state, since, now
            self.context.emit(Span(worker.name, state, since))

    def _emit_counts(self) -> None:
        if self._snapshot is not None:
            self._emit_if_new(self._snapshot)
        workers = tuple(self.workers.values())
        self._emit_if_new(OperationCounts({worker.name: worker.added + worker.removed for worker in workers}))
        self._sample_lock()

    def settle(self) -> None:
        """Record the exact end of everything, once all threads have ended."""
        self._settled = True
        for worker in self.workers.values():
            self.context.emit(Actor(self.context.now(), worker.name, "ended"))
        self._snapshot = self._counts(len(self.data.items))
        self._samples = 0  # a moment at which all times are accounted for
        self._emit_counts()
        newest = self.data.items[-SHOWN:]
        self.context.emit(Contents(self.context.now(), "", "end", None, newest, len(self.data.items)))

    def _counts(self, length: int) -> ListCounts:
        data, workers = self.data, tuple(self.workers.values())
        return ListCounts(
            added=data.added,
            removed=data.removed,
            empty_polls=data.empty_polls,
            full_polls=data.full_polls,
            length=length,
            really_added=sum(worker.added for worker in workers),
            really_removed=sum(worker.removed for worker in workers),
            robbed=sum(worker.robbed for worker in workers),
            in_flight=sum(worker.in_flight for worker in workers),
            recorded=self._recorded,
        )

    def _state_of(self, worker: Worker) -> tuple[str, int]:
        asked = self.lock.waiting.get(worker.name) if self.lock is not None else None
        return ("waiting", asked) if asked is not None else (worker.state, worker.since)

    def _sample_lock(self) -> None:
        lock = self.lock
        if lock is None:
            return
        timings = lock.drain()
        self.waits.add(wait for wait, _ in timings)
        self.holds.add(hold for _, hold in timings)
        owner = lock.owner or None
        self._emit_if_new(LockStatistics(owner, tuple(lock.waiting), lock.acquisitions, lock.contended))
        if self._samples % TIMES_EVERY == 0:
            self._emit_if_new(LockTimes(self.waits.buckets(), self.holds.buckets()))

    def _emit_if_new(self, payload: Payload) -> None:
        if self._is_new(payload.tag, payload):
            self.context.emit(Result(self.context.now(), payload))

    def _is_new(self, name: str, value: object) -> bool:
        if self._sent.get(name) == value:
            return False
        self._sent[name] = value
        return True
