"""Watches a pool's workers from a thread that only waits, and interrupts the main thread when one dies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from poolscope.machine.processes import exit_description
from poolscope.runner.context import RunContext, WorkerDied

# The pool's own thread collects the exit code too, and under forkserver it can be read only once: it goes first.
POOL_FIRST_S = 0.05
CODE_LIMIT_S = 1.0

MEANING = {
    "starting": "The others would have waited for it in vain.",
    "mapping": "A multiprocessing.Pool replaces a worker but not its task, so the map would never have returned: "
    "what the others had done of it is lost too.",
    "shutting down": "A lock that it held would stay locked, and the time of the shutdown means nothing.",
}


class Watch:
    """From `over(workers)` to its exit: `phase` says what the pool is doing, and that ends are expected in the last."""

    def __init__(
        self, stage: RunContext, size: int, meaning: Mapping[str, str] = MEANING, doubt_s: float = 0.0
    ) -> None:
        """`meaning` says for each phase what a death in it brings about.

        A worker that SIGTERM ended is told only after `doubt_s`, for an executor that breaks for another reason ends
        its workers so, and then says that reason itself.
        """
        self.phase = "starting"
        self._stage = stage
        self._size = size
        self._meaning = meaning
        self._doubt_s = doubt_s
        self._told: WorkerDied | None = None
        self._workers: list[BaseProcess] = []
        self._known = threading.Event()
        self._pause = threading.Event()  # never set while a pool lives
        self._out, self._in = os.pipe()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def over(self, workers: list[BaseProcess]) -> None:
        self._workers = workers
        self._known.set()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._known.set()
        self._pause.set()
        os.write(self._in, b".")
        self._thread.join()
        os.close(self._in)
        os.close(self._out)
        if self._told is not None:
            self._stage.forget(self._told)  # it was about this pool alone

    def check(self) -> None:
        """Raise WorkerDied if a worker of the pool, which has been joined, was killed on its way out."""
        for worker in self._workers:
            if worker.exitcode != 0:
                raise WorkerDied(self._sentence(worker, worker.exitcode))

    def check_requests(self) -> None:
        """Raise WorkerDied if a worker was killed on request: the pool may have replaced it before we noticed."""
        for worker in self._workers:
            if worker.pid in self._stage.worker_registry.killed:
                raise WorkerDied(self._sentence(worker, None))

    def _watch(self) -> None:
        self._known.wait()
        alive = {worker.sentinel: worker for worker in self._workers}
        while True:
            ended = connection.wait([self._out, *alive])
            expected = self.phase == "shutting down"
            if self._out in ended or self._pause.wait(POOL_FIRST_S):
                return
            dead = [alive.pop(sentinel) for sentinel in ended if isinstance(sentinel, int)]
            codes = {worker: self._exit_code(worker) for worker in dead}
            unexpected = [worker for worker in dead if not (expected and codes[worker] == 0)]
            if unexpected:
                # An executor that breaks ends the others by SIGTERM, perhaps before we could look.
                first = min(unexpected, key=lambda worker: codes[worker] == -signal.SIGTERM)
                if codes[first] == -signal.SIGTERM and self._pause.wait(self._doubt_s):
                    return
                self._told = WorkerDied(self._sentence(first, codes[first]))
                self._stage.interrupt(self._told)
                return

    def _exit_code(self, worker: BaseProcess) -> int | None:
        for _ in range(int(CODE_LIMIT_S / POOL_FIRST_S)):
            if worker.exitcode is not None or self._pause.wait(POOL_FIRST_S):
                break
        return worker.exitcode

    def _sentence(self, worker: BaseProcess, code: int | None) -> str:
        number = self._workers.index(worker) + 1
        how = ON_REQUEST if worker.pid in self._stage.worker_registry.killed else exit_description(code)
        return (
            f"Worker {number} of {self._size} (process {worker.pid}) {how} while its pool was {self.phase}. "
            f"{self._meaning[self.phase]} The pool was ended; what was measured before is kept."
        )


ON_REQUEST = "was killed on request"
