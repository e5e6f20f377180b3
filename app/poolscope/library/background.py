"""A lone run in a thread of its own, so that the caller's event loop does not matter and Ctrl-C is heard."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue

from poolscope.library.lone_run import LoneRun
from poolscope.runs.run import Run, Status


@dataclass(frozen=True, slots=True)
class MeasureProgress:
    """How far a measurement is and what it does: `share` of it, up to 1, and `seconds_left`, None while not known."""

    share: float | None
    seconds_left: float | None
    note: str


class BackgroundRun:
    """Performs a lone run in a thread. The thread is a daemon: at the caller's end all processes of the run end too."""

    def __init__(self, lone: LoneRun, say: Callable[[str], None]) -> None:
        self._lone = lone
        self._say = say
        self._updates: SimpleQueue[MeasureProgress | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._interrupted: asyncio.Event | None = None
        self._ready = threading.Event()
        self._run: Run | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="poolscope", daemon=True)

    def updates(self) -> Iterator[MeasureProgress]:
        """Start it, and yield how far it is with every change, until it has ended."""
        self._thread.start()
        while (update := self._updates.get()) is not None:
            yield update

    def interrupt(self) -> None:
        """Stop the run and wait until nothing of it is left; what it has found until then is its result."""
        if self._thread.ident is None:
            return
        self._ready.wait()
        if self._loop is not None and self._interrupted is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, for the run has just ended
                self._loop.call_soon_threadsafe(self._interrupted.set)
        self._thread.join()

    def result(self) -> Run:
        """The run that has ended. Raises what kept it from being started, KeyboardInterrupt where that came first."""
        if self._error is not None:
            raise self._error
        if self._run is None:
            raise KeyboardInterrupt
        return self._run

    def _work(self) -> None:
        try:
            self._run = asyncio.run(self._perform())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()
            self._updates.put(None)

    async def _perform(self) -> Run:
        self._interrupted = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        return await self._lone.perform(self._follow, self._interrupted, self._say)

    async def _follow(self, run: Run) -> None:
        version, last = run.notifier.version, None
        while run.status.live:
            if (now := progress_of(run)) != last:
                self._updates.put(now)
                last = now
            version = await run.notifier.newer_than(version)


def progress_of(run: Run) -> MeasureProgress:
    """How far a run is."""
    if run.status is Status.QUEUED:
        return MeasureProgress(None, None, "waiting until no other run measures")
    progress = run.progress
    if progress is None:
        return MeasureProgress(None, None, "starting")
    share = progress.done / progress.total if progress.total else None
    return MeasureProgress(share, progress.seconds_left, progress.note)
