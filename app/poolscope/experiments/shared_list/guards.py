"""The shared list under each guard: how a number is added and taken, and what keeps two threads from doing it at once.

Runner side, standard library only. Each class is the program that a user would write under that guard; `watch.step`
is called where the guard is held, so that what it sees is consistent.
"""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from typing import Any

from poolscope.experiments.shared_list.watch import Change, Watch, Worker
from poolscope.runner.locks import ObservedLock

# An unbounded list that nobody empties fast enough would eat the machine: `pop(0)` moves every number that is left,
# so the more there are the slower the consumers get. From here on producers wait, as with a capacity, and it is said.
MOST_ITEMS = 1_000_000


class SharedList(ABC):
    """One list, its counters, and the guard around both. `polls` says that consumers ask again instead of waiting."""

    polls = True

    def __init__(self, watch: Watch, capacity: int) -> None:
        self.watch = watch
        self.capacity = capacity or MOST_ITEMS
        self.lock: ObservedLock | None = None
        watch.data = self.data = SharedData()

    @abstractmethod
    def add(self, worker: Worker, number: int) -> None:
        """Append the number, or find the list full."""

    @abstractmethod
    def take(self, worker: Worker) -> None:
        """Take the oldest number, or find the list empty."""

    def wake(self) -> None:  # noqa: B027 (where consumers poll nobody waits)
        """Let those who wait look again: the run ends or pauses."""


class SharedData:
    """The list and the counters that all threads share."""

    def __init__(self) -> None:
        self.items: list[int] = []
        self.added = 0
        self.removed = 0
        self.empty_polls = 0
        self.full_polls = 0


class Locked(SharedList):
    """Guard `lock`: every look and every change under one `threading.Lock`; who finds nothing asks again later.

    Flat out this is millions of steps a second, of which few are timed: only those are shown to the watch.
    """

    lock: ObservedLock

    def __init__(self, watch: Watch, capacity: int, inner: Any = None) -> None:
        super().__init__(watch, capacity)
        self.lock = watch.lock = ObservedLock(inner or threading.Lock())

    def add(self, worker: Worker, number: int) -> None:
        with self.lock:
            data = self.data
            if len(data.items) < self.capacity:
                data.items.append(number)
                data.added += 1
                worker.added += 1
                seen = self.watch.step(worker, "added", number) if self.lock.held_since else None
            else:
                data.full_polls += 1
                seen = self.watch.step(worker, "full", None) if self.lock.held_since else None
        if seen:
            self.watch.record(worker, seen)

    def take(self, worker: Worker) -> None:
        with self.lock:
            data = self.data
            if data.items:
                number = data.items.pop(0)
                data.removed += 1
                worker.removed += 1
                seen = self.watch.step(worker, "removed", number) if self.lock.held_since else None
            else:
                data.empty_polls += 1
                seen = self.watch.step(worker, "empty", None) if self.lock.held_since else None
        if seen:
            self.watch.record(worker, seen)


class Reentrant(Locked):
    """Guard `rlock`: as `lock`, and each step takes the lock a second time inside, where a plain Lock would block."""

    def __init__(self, watch: Watch, capacity: int) -> None:
        super().__init__(watch, capacity, threading.RLock())

    def add(self, worker: Worker, number: int) -> None:
        assert self.lock is not None
        with self.lock:
            super().add(worker, number)

    def take(self, worker: Worker) -> None:
        assert self.lock is not None
        with self.lock:
            super().take(worker)


class Waiting(SharedList):
    """Guard `condition`: who finds nothing (or no room) waits until the other side notifies."""

    polls = False

    def __init__(self, watch: Watch, capacity: int) -> None:
        super().__init__(watch, capacity)
        self.lock = watch.lock = ObservedLock(threading.Lock())
        self.not_empty = WatchedCondition(self.lock, watch)
        self.not_full = WatchedCondition(self.lock, watch)

    def add(self, worker: Worker, number: int) -> None:
        data = self.data
        with self.not_full:
            self.not_full.wait_for(lambda: len(data.items) < self.capacity or worker.must_look_up())
            if len(data.items) >= self.capacity:
                return
            data.items.append(number)
            data.added += 1
            worker.added += 1
            seen = self.watch.step(worker, "added", number)
            self.not_empty.notify()
        self.watch.record(worker, seen)

    def take(self, worker: Worker) -> None:
        data = self.data
        with self.not_empty:
            self.not_empty.wait_for(lambda: data.items or worker.must_look_up())
            if not data.items:
                return
            number = data.items.pop(0)
            data.removed += 1
            worker.removed += 1
            seen = self.watch.step(worker, "removed", number)
            self.not_full.notify()
        self.watch.record(worker, seen)

    def wake(self) -> None:
        with self.not_empty:
            self.not_empty.notify_all()
            self.not_full.notify_all()


class WatchedCondition(threading.Condition):
    """A Condition that says of a waiting thread that it is blocked."""

    def __init__(self, lock: Any, watch: Watch) -> None:
        super().__init__(lock)
        self._watch = watch

    def wait(self, timeout: float | None = None) -> bool:
        with self._watch.blocked():
            return super().wait(timeout)


class Queued(SharedList):
    """Guard `queue`: a `queue.Queue` brings lock and waiting with it; the list is the queue's own."""

    polls = False
    PATIENCE = 0.2  # seconds after which a blocked thread looks whether the run has ended; Queue has no other way

    def __init__(self, watch: Watch, capacity: int) -> None:
        super().__init__(watch, capacity)
        self.queue = WatchedQueue(self.capacity, self.data, watch)
        self.lock = watch.lock = self.queue.observed

    def add(self, worker: Worker, number: int) -> None:
        while not worker.must_look_up():
            try:
                return self.queue.put((worker, number), timeout=self.PATIENCE)
            except queue.Full:
                continue

    def take(self, worker: Worker) -> None:
        while not worker.must_look_up():
            try:
                self.queue.get(timeout=self.PATIENCE)
                return self.queue.task_done()
            except queue.Empty:
                continue


class WatchedQueue(queue.Queue[Any]):
    """queue.Queue over the shared list, through the methods that its source names for overriding; observed lock."""

    def __init__(self, maxsize: int, data: SharedData, watch: Watch) -> None:
        self._data, self._watch = data, watch
        super().__init__(maxsize)
        self.observed = ObservedLock(self.mutex)
        mutex: Any = self.observed  # a lock in all but its type
        self.mutex = mutex
        self.not_empty = WatchedCondition(self.observed, watch)
        self.not_full = WatchedCondition(self.observed, watch)
        self.all_tasks_done = threading.Condition(mutex)

    def _init(self, maxsize: int) -> None:
        pass  # the list is there already

    def _qsize(self) -> int:
        return len(self._data.items)

    def _put(self, item: Any) -> None:
        worker, number = item
        self._data.items.append(number)
        self._data.added += 1
        worker.added += 1
        self._record(worker, "added", number)

    def _get(self) -> int:
        number = self._data.items.pop(0)
        self._data.removed += 1
        worker = self._watch.me()
        worker.removed += 1
        self._record(worker, "removed", number)
        return number

    def _record(self, worker: Worker, change: Change, number: int) -> None:
        seen = self._watch.step(worker, change, number)
        self._watch.record(worker, seen)  # still under the lock: put and get leave no place after it


class Unguarded(SharedList):
    """Guard `none`: counters are read, then written, with a window between; what another thread does in it is lost.

    The pause in the window is a tenth of the thread's pause between steps. The worker's own counters, which nobody
    else touches, say what was really done.
    """

    def add(self, worker: Worker, number: int) -> None:
        data = self.data
        if len(data.items) >= self.capacity:
            data.full_polls += 1
            return
        worker.in_flight = True
        seen_added = data.added
        data.items.append(number)
        self._window(worker)
        data.added = seen_added + 1
        worker.added += 1
        worker.in_flight = False
        self._record(worker, "added", number)

    def take(self, worker: Worker) -> None:
        data = self.data
        if not data.items:
            data.empty_polls += 1
            return self._record(worker, "empty", None)
        worker.in_flight = True
        self._window(worker)
        seen_removed = data.removed
        try:
            number = data.items.pop(0)
        except IndexError:
            worker.robbed += 1
            worker.in_flight = False
            return self._record(worker, "lost", None)
        self._window(worker)
        data.removed = seen_removed + 1
        worker.removed += 1
        worker.in_flight = False
        return self._record(worker, "removed", number)

    def _window(self, worker: Worker) -> None:
        pause = worker.draw_pause() / 10
        if pause:
            with self.watch.inside(worker, "running"):
                time.sleep(pause)

    def _record(self, worker: Worker, change: Change, number: int | None) -> None:
        seen = self.watch.step(worker, change, number)
        self.watch.record(worker, seen)


GUARDS: dict[str, type[SharedList]] = {
    "lock": Locked,
    "rlock": Reentrant,
    "condition": Waiting,
    "queue": Queued,
    "none": Unguarded,
}
