"""Notices that a worker process ended in the middle of its work, and interrupts the main thread with the reason."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from time import perf_counter_ns
from types import TracebackType
from typing import Self

from poolscope.machine.processes import exit_description
from poolscope.protocol.records import Actor, Span
from poolscope.runner.context import RunContext, WorkerDied

# The pool's own thread collects the exit code too, and under forkserver it can be read only once: it goes first.
POOL_FIRST_S = 0.05
CODE_LIMIT_S = 1.0
# What multiprocessing gives for a fork server's worker whose exit code somebody else has read: the pool, which replaces
# such a worker just when we look.
CODE_TAKEN = 255
REPLACED_WITHIN_S = 0.1
ON_REQUEST = "was killed on request"


class WorkerMonitor:
    """Watches the workers of one pool from a thread that only waits.

    `phase` says what the pool is doing; in 'shutting down' ends are expected. Ends are noticed from `watch` to the
    monitor's exit; from `watch` to the exit of `at_work` a worker can be killed by its number.
    """

    def __init__(
        self,
        context: RunContext,
        size: int,
        meaning: Mapping[str, str],
        doubt_s: float = 0.0,
        replacing: Callable[[], Sequence[BaseProcess]] | None = None,
    ) -> None:
        """`meaning` says for each phase what a death in it brings about.

        A worker that SIGTERM ended is reported only after `doubt_s`, for an executor that breaks for another reason
        ends its workers so, and then gives that reason itself. Of a pool that replaces its workers after so many tasks,
        `replacing` gives all that it has started; one that ends well at any time has just done them.
        """
        self.phase = "starting"
        self._context = context
        self._size = size
        self._meaning = meaning
        self._doubt_s = doubt_s
        self._replacing = replacing
        self._began = perf_counter_ns()
        self._death: BaseException | None = None
        self._workers: list[BaseProcess] = []
        self._seen: set[BaseProcess] = set()
        self._known = threading.Event()
        self._pause = threading.Event()  # never set while a pool lives
        self._out, self._in = os.pipe()
        self._thread = threading.Thread(target=self._wait_for_ends, name="monitor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._known.set()
        self._pause.set()
        os.write(self._in, b".")
        self._thread.join()
        os.close(self._in)
        os.close(self._out)
        if self._death is not None:
            self._context.forget(self._death)  # it was about this pool alone

    def watch(self, workers: list[BaseProcess]) -> None:
        """These are the workers, numbered from 1."""
        self._workers = workers
        self._seen.update(workers)
        self._known.set()
        self._context.worker_registry.enter(workers, self._actor, self._lane)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep the workers in the run's registry; when one dies on request, show what became of all of them."""
        try:
            yield
        except WorkerDied:
            self._context.worker_registry.leave()
            self._emit_lanes()
            raise
        finally:
            self._context.worker_registry.leave()

    def give_up(self, why: BaseException) -> None:
        """Interrupt the main thread for a reason that is about this pool alone; called by another thread."""
        self._death = self._death or why
        self._context.interrupt(self._death)

    def check(self) -> None:
        """Raise WorkerDied if a worker of the pool, which has been joined, was killed on its way out."""
        for worker in self._workers:
            if worker.exitcode not in self._well:
                raise self._death_of(worker, worker.exitcode)

    @property
    def _well(self) -> tuple[int, ...]:
        """The exit codes of workers that have ended as they should."""
        return (0,) if self._replacing is None else (0, CODE_TAKEN)

    @property
    def _lane(self) -> str:
        return self._context.lane or str(self._size)

    def _actor(self, number: int) -> str:
        return f"{self._context.lane or f'{self._size} workers'} · w{number}"

    def _emit_lanes(self) -> None:
        """The lanes of a pool that lost a worker on request: all worked until then, and the others ended with it."""
        now, killed = perf_counter_ns(), self._context.worker_registry.killed
        if not any(worker.pid in killed for worker in self._workers):
            return
        for number, worker in enumerate(self._workers, 1):
            name = self._actor(number)
            until = killed[worker.pid].at if worker.pid in killed else now
            self._context.emit(Actor(self._began, name, "started", "process", "worker", worker.pid))
            self._context.emit(Span(name, "running", self._began, until, lane=self._lane))
            self._context.emit(Actor(now, name, "ended", "process", "worker", worker.pid))

    def _wait_for_ends(self) -> None:
        self._known.wait()
        alive = {worker.sentinel: worker for worker in self._workers}
        while True:
            ended = connection.wait([self._out, *alive], None if self._replacing is None else REPLACED_WITHIN_S)
            expected = self.phase == "shutting down" or self._replacing is not None
            if self._out in ended or (ended and self._pause.wait(POOL_FIRST_S)):
                return
            dead = [alive.pop(sentinel) for sentinel in ended if isinstance(sentinel, int)]
            codes = {worker: self._exit_code(worker) for worker in dead}
            unexpected = [worker for worker in dead if not (expected and codes[worker] in self._well)]
            if unexpected:
                # An executor that breaks ends the others by SIGTERM, perhaps before we could look.
                first = min(unexpected, key=lambda worker: codes[worker] == -signal.SIGTERM)
                if codes[first] == -signal.SIGTERM and self._pause.wait(self._doubt_s):
                    return
                self.give_up(self._death_of(first, codes[first]))
                return

            if self._replacing is not None:
                self._take_replacements(alive, self._replacing())

    def _take_replacements(self, alive: dict[int, BaseProcess], started: Sequence[BaseProcess]) -> None:
        """Watch those that have come since the last look, each by the number of one that has ended."""
        ended = [number for number, worker in enumerate(self._workers) if worker not in alive.values()]
        # One that comes before we have seen the other end waits for the next look: it has no number yet.
        new = [worker for worker in started if worker not in self._seen][: len(ended)]
        self._seen.update(new)
        for number, worker in zip(ended, new, strict=False):
            self._workers[number] = worker
        alive |= {worker.sentinel: worker for worker in new}

    def _exit_code(self, worker: BaseProcess) -> int | None:
        for _ in range(int(CODE_LIMIT_S / POOL_FIRST_S)):
            if worker.exitcode is not None or self._pause.wait(POOL_FIRST_S):
                break
        return worker.exitcode

    def _death_of(self, worker: BaseProcess, code: int | None) -> WorkerDied:
        number = self._workers.index(worker) + 1
        on_request = worker.pid in self._context.worker_registry.killed
        how = ON_REQUEST if on_request else exit_description(code)
        sentence = (
            f"Worker {number} of {self._size} (process {worker.pid}) {how} while its pool was {self.phase}. "
            f"{self._meaning[self.phase]} The pool was ended; what was measured before is kept."
        )
        return WorkerDied(sentence, worker.pid, code, on_request)
