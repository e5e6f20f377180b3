"""What an experiment's body is given: a recorder, the controls that change while it runs, and the wish to stop."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter_ns

from poolscope.protocol.commands import ChangeControls, ContinueRounds
from poolscope.protocol.payloads import FailureCode
from poolscope.protocol.records import Record
from poolscope.runner.recorder import Recorder
from poolscope.runner.worker_registry import WorkerRegistry

AGAIN_S = 0.02


class Stopped(BaseException):
    """The user asked the run to stop. Not an Exception: a body's own `except Exception` must not swallow it."""


class PlainFailure(Exception):
    """A failure whose message is a sentence for whoever started the run, and needs no type's name before it.

    Where in our code it was found tells nobody more. `code` is that of the run's `End`, where it ends the run, and
    `exit_code` that of the process whose end is the reason, None where it is another.
    """

    code: FailureCode | None = None
    exit_code: int | None = None


class WorkerDied(PlainFailure):
    """A worker process ended in the middle of its work; the message says which, how and what that means.

    `pid` and `exit_code` (as subprocess gives it) are None where they are not known; `on_request`: somebody asked for
    its death. `items` are the numbers of those that it held, () where that is not known.
    """

    def __init__(
        self,
        sentence: str,
        pid: int | None = None,
        exit_code: int | None = None,
        on_request: bool = False,
        items: tuple[int, ...] = (),
    ) -> None:
        super().__init__(sentence)
        self.items = items
        self.pid = pid
        self.exit_code = exit_code
        self.on_request = on_request


class CannotGoOn(PlainFailure):
    """The run ends here, for the reason that the message says."""

    def __init__(self, sentence: str, code: FailureCode | None = None, exit_code: int | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.exit_code = exit_code


class RunContext:
    """One run as its body sees it. `scratch` is a folder that is removed after the run, whatever happens.

    `lane` names the picture in which the workers of a pool that loses one are shown; '' is that of the pool's size.
    `server` is the process whose other children are other runs, None where there are none.
    """

    def __init__(self, recorder: Recorder, scratch: Path, lane: str = "", server: int | None = None) -> None:
        self.recorder = recorder
        self.scratch = scratch
        self.lane = lane
        self.server = server
        self.stopping = threading.Event()
        self.worker_registry = WorkerRegistry(recorder.emit)
        self._listeners: list[Callable[[ChangeControls], None]] = []
        self._changes: list[ChangeControls] = []
        self._advice: SimpleQueue[ContinueRounds] = SimpleQueue()
        self._interrupting: BaseException | None = None
        self._interruptible = False

    def emit(self, record: Record) -> None:
        self.recorder.emit(record)

    def now(self) -> int:
        return perf_counter_ns()

    def on_change(self, listener: Callable[[ChangeControls], None]) -> None:
        """Call `listener` with each change of the controls, from the control thread; at once with earlier ones."""
        self._listeners.append(listener)
        for change in self._changes:
            listener(change)

    def change(self, change: ChangeControls) -> None:
        self._changes.append(change)
        for listener in self._listeners:
            listener(change)

    def advise(self, advice: ContinueRounds) -> None:
        """Called by the control thread."""
        self._advice.put(advice)

    def next_advice(self, limit_s: float) -> ContinueRounds | None:
        """What the server makes of the rounds so far; None if it has said nothing within so many seconds."""
        try:
            with self.interruptible():
                return self._advice.get(timeout=limit_s)
        except Empty:
            return None

    def stop(self) -> None:
        self.stopping.set()
        self.interrupt(Stopped())

    def raise_if_interrupted(self) -> None:
        """Raise what the main thread is to be interrupted with, if anything: for what runs uninterrupted."""
        if self._interrupting is not None:
            raise self._interrupting

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within it, `interrupt` raises in the main thread even where that waits for a pool. Main thread only.

        A signal does it: waiting for a lock ends for nothing else. SIGUSR1, because pool workers forked from here
        inherit the handler, and `Pool.terminate` must be able to end them by SIGTERM.
        """

        def raise_here(*_: object) -> None:
            if self._interruptible and self._interrupting is not None:
                self._interruptible = False  # once: the clean-up that follows must not be interrupted again
                raise self._interrupting

        def unheard(ignored: sys.UnraisableHookArgs) -> None:
            if ignored.exc_value is not self._interrupting or self._interrupting is None:
                others(ignored)
                return
            # It was raised in a finalizer, which Python lets pass. Not by a Thread, whose start would wait here.
            _thread.start_new_thread(self._signal_main_thread, (AGAIN_S,))
            self._interruptible = True

        others, sys.unraisablehook = sys.unraisablehook, unheard
        signal.signal(signal.SIGUSR1, raise_here)
        self._interruptible = True
        try:
            self.raise_if_interrupted()
            yield
        finally:
            self._interruptible = False
            sys.unraisablehook = others
            # Never back to the default: a signal sent just before this would then end the process.
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    def forget(self, why: BaseException) -> None:
        """An interruption for this reason has been dealt with, or its occasion is over: go on as if it never was."""
        if self._interrupting is why:
            self._interrupting = None

    def interrupt(self, why: BaseException) -> None:
        """Raise `why` in the main thread, at once or when it next becomes interruptible. The first reason counts."""
        if self._interrupting is None:
            self._interrupting = why
            self._signal_main_thread()

    def _signal_main_thread(self, pause_s: float = 0.0) -> None:
        """Again, until it is heard: a signal that comes just before the main thread begins to wait for a lock does not
        wake it (seen in 1 of 25 stops)."""
        never = threading.Event()  # it only paces
        never.wait(pause_s)
        while self._interruptible:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            never.wait(AGAIN_S)
