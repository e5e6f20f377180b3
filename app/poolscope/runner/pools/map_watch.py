"""Says once a second how far a map of an engine is; one that is over sooner never meets it.

    main thread     |- asked ---------- map(f, items) ---------- got -|
    its own thread      1 s      |- look -|      1 s      |- look -|

What the engine holds anyway is looked at from outside: nothing is added to the line that is timed, neither a callback
nor a stamp. A look may hold this process's GIL, so the pause after it is some hundred times as long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter, perf_counter_ns
from types import TracebackType
from typing import NamedTuple

from poolscope.machine.connections import Meter
from poolscope.protocol.payloads import MapProgress
from poolscope.protocol.records import Result
from poolscope.runner.context import RunContext

EVERY_S = 1.0
PAUSE = 200  # times as long as the look before it, at least: half a percent of the time goes into looks at most


class HowFar(NamedTuple):
    """Of a map's items those that an engine was given so far, and those whose results are back."""

    given: int
    done: int


class MapWatch:
    """Within it, a thread asks `how_far` the map of so many `items` is, until that is None. The run is quiet meanwhile.

    Where it goes `over_network`, what this process's connections carry is told as well.
    """

    def __init__(
        self,
        context: RunContext,
        how_far: Callable[[], HowFar | None],
        items: int,
        over_network: bool,
    ) -> None:
        self._context = context
        self._how_far = how_far
        self._items = items
        self._meter = Meter() if over_network else None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="map watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._meter is not None:
            self._meter.close()

    def _watch(self) -> None:
        recorder, pause_s = self._context.recorder, EVERY_S
        while not self._over.wait(pause_s):
            began = perf_counter()
            try:
                progress = self._look()
            except Exception as error:  # of whatever a user's executor gives for a future; the map goes on
                recorder.report_sampler(self._how_far, error)
                return
            if progress is None:
                return
            recorder.write_through(Result(perf_counter_ns(), progress, self._context.lane))
            pause_s = max(EVERY_S, PAUSE * (perf_counter() - began))

    def _look(self) -> MapProgress | None:
        told = self._how_far()
        if told is None:
            return None
        carried = self._meter.read() if self._meter is not None else None
        if carried is None:
            return MapProgress(self._items, told.given, told.done)
        return MapProgress(self._items, told.given, told.done, carried.sent, carried.received)
