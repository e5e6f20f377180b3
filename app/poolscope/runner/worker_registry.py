"""Who works for the run now, by number: so that one of them, and never anybody else, can be killed on request.

A pool of a measured run may live for milliseconds, so a request waits a little for a worker of its number to come.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from time import perf_counter_ns

from poolscope.protocol.frozen import frozen
from poolscope.protocol.records import Actor, Fault, Record, Span

PATIENCE_S = 2.0  # how long a request waits for a worker of its number


def creation_number(process: BaseProcess) -> int:
    """The how-manieth child of its parent a process is, which multiprocessing puts at the end of its name."""
    number = process.name.replace(":", "-").rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def by_age(processes: Iterable[BaseProcess]) -> list[BaseProcess]:
    """Children in the order in which they were made."""
    return sorted(processes, key=creation_number)


def children_but(others: Collection[BaseProcess]) -> list[BaseProcess]:
    """The children of this process but for `others`: those of a pool, where the work has started some of its own."""
    return [process for process in multiprocessing.active_children() if process not in others]


@frozen
class KilledWorker:
    """One that was killed on request: its number of how many, its process, when (perf_counter_ns)."""

    number: int
    of: int
    pid: int
    at: int


@dataclass(slots=True)
class PendingKill:
    """A request that waits for a worker of its number; `overdue` once it has waited long enough."""

    number: int
    overdue: bool = False


class WorkerRegistry:
    """The workers of the moment. `killed` are those that were killed on request, by process id.

    `kill` is called by the control thread, the rest by the main thread.
    """

    def __init__(self, emit: Callable[[Record], None]) -> None:
        self.killed: dict[int, KilledWorker] = {}
        self._emit = emit
        self._lock = threading.Lock()
        self._workers: Sequence[BaseProcess] = ()
        self._name: Callable[[int], str] = str
        self._lane = ""
        self._pending: dict[int, PendingKill] = {}
        self._forward: Callable[[int, int], None] | None = None

    @property
    def workers(self) -> Sequence[BaseProcess]:
        """Who works now, by number from 1."""
        return self._workers

    def enter(self, workers: Sequence[BaseProcess], name: Callable[[int], str], lane: str = "") -> None:
        """These work from now on, numbered from 1; `name` makes an actor of a number, `lane` is its picture."""
        with self._lock:
            self._workers, self._name, self._lane = workers, name, lane
            for request, pending in tuple(self._pending.items()):
                if self._kill(pending.number, request):
                    del self._pending[request]

    def leave(self) -> None:
        """They do not work any more: what was theirs may be another's soon."""
        with self._lock:
            for number, worker in enumerate(self._workers, 1):
                if worker.pid in self.killed:
                    now = perf_counter_ns()
                    self._emit(Actor(now, self._name(number), "ended", "process", "worker", worker.pid))
            self._workers = ()

    @contextmanager
    def at_work(self, workers: Sequence[BaseProcess], name: Callable[[int], str], lane: str = "") -> Iterator[None]:
        self.enter(workers, name, lane)
        try:
            yield
        finally:
            self.leave()

    @contextmanager
    def elsewhere(self, forward: Callable[[int, int], None]) -> Iterator[None]:
        """Within it, another process has the workers: requests go there by `forward(number, request)`.

        What comes of one is to be handed to `receive`; one that has no answer by the end waits for other workers here.
        """
        with self._lock:
            self._forward = forward
            for request, pending in self._pending.items():
                forward(pending.number, request)
        try:
            yield
        finally:
            with self._lock:
                self._forward = None
                for request in [request for request, pending in self._pending.items() if pending.overdue]:
                    self._give_up(request)

    def receive(self, record: Record) -> None:
        """Emit a record of the process that requests were forwarded to."""
        with self._lock:
            if isinstance(record, Fault):
                self._pending.pop(record.request, None)
            self._emit(record)

    def kill(self, number: int, request: int) -> None:
        """Kill worker `number` by SIGKILL, now or as soon as there is one; a `Fault` tells what came of it."""
        with self._lock:
            if self._kill(number, request):
                return
            self._pending[request] = PendingKill(number)
            if self._forward is not None:
                self._forward(number, request)
        patience = threading.Timer(PATIENCE_S, self._lose_patience, (request,))
        patience.daemon = True
        patience.start()

    def close(self) -> None:
        """The run is over: nobody is left to be killed."""
        with self._lock:
            for request in tuple(self._pending):
                self._give_up(request)

    def _lose_patience(self, request: int) -> None:
        with self._lock:
            if request in self._pending and self._forward is not None:
                self._pending[request].overdue = True  # the other process may have killed it just now
            else:
                self._give_up(request)

    def _give_up(self, request: int) -> None:
        pending = self._pending.pop(request, None)
        if pending is not None:
            self._emit(Fault(perf_counter_ns(), "kill", pending.number, len(self._workers), None, request))

    def _kill(self, number: int, request: int) -> bool:
        """Kill and report; False when there is no such worker now."""
        if not 1 <= number <= len(self._workers):
            return False
        worker, now = self._workers[number - 1], perf_counter_ns()
        if worker.pid is None:
            return False
        earlier = dict(self.killed)
        # Before the signal: whoever notices the death at once is to know whose doing it was.
        self.killed[worker.pid] = KilledWorker(number, len(self._workers), worker.pid, now)
        if not send_sigkill(worker):
            self.killed = earlier  # it has ended already, by an earlier request or by itself
            return False
        self._emit(Fault(now, "kill", number, len(self._workers), worker.pid, request))
        actor = self._name(number)
        self._emit(Actor(now, actor, "started", "process", "worker", worker.pid))
        self._emit(Span(actor, "killed", now, None, "killed on request", self._lane))
        return True


def send_sigkill(worker: BaseProcess) -> bool:
    """SIGKILL to this very process; False when it has ended.

    Its sentinel is looked at once the descriptor is held: while that says that it lives, the descriptor is its own, and
    the signal can reach nobody else, whoever gets the process id afterwards.
    """
    if worker.pid is None:
        return False
    try:
        pidfd = os.pidfd_open(worker.pid) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        return False
    except OSError:  # an old kernel, or a sandbox that forbids it
        pidfd = None
    try:
        if connection.wait([worker.sentinel], 0):
            return False
        if pidfd is None:
            os.kill(worker.pid, signal.SIGKILL)
        else:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except (ProcessLookupError, ValueError):  # ValueError: its owner has closed it
        return False
    finally:
        if pidfd is not None:
            os.close(pidfd)
    return True
