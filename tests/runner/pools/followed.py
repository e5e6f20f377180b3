"""A run whose records are read as they come, and a map that a test lets go on item by item."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poolscope.protocol.payloads import MapProgress
from poolscope.protocol.records import Record, Result, from_line
from poolscope.runner.context import RunContext
from poolscope.runner.recorder import Recorder

from tests.waiting import BOUND_S, until

START_S = 90  # which includes the start of a pool, on a busy machine


class ReadRun:
    """A run whose records are read as they come."""

    def __init__(self, folder: Path) -> None:
        reader, writer = os.pipe()
        self.records: list[Record] = []
        self.recorder = Recorder(writer)
        self.context = RunContext(self.recorder, folder, "the setting")
        self._writer = writer
        self._thread = threading.Thread(target=self._read, args=(reader,))
        self._thread.start()

    def _read(self, reader: int) -> None:
        with os.fdopen(reader, "rb") as lines:
            for line in lines:
                self.records.append(from_line(line))

    @property
    def told(self) -> list[MapProgress]:
        return [each.payload for each in self.results if isinstance(each.payload, MapProgress)]

    @property
    def results(self) -> list[Result]:
        return [record for record in self.records if isinstance(record, Result)]

    def close(self) -> None:
        self.recorder.close()
        os.close(self._writer)
        self._thread.join()


def pass_when_open(gates: Path, n: int) -> int:
    """Hold the item until a file of its name, or of all, is there."""
    until(lambda: (gates / str(n)).exists() or (gates / "all").exists(), f"gate {n}")
    return n


class Gated:
    """A function of which a test lets one item after the other go on, in whatever process it is."""

    def __init__(self, gates: Path) -> None:
        self.gates = gates

    def __call__(self, n: int) -> int:
        return pass_when_open(self.gates, n)

    def open(self, name: object) -> None:
        (self.gates / str(name)).touch()


@contextmanager
def followed(run: ReadRun, function: Gated) -> Iterator[None]:
    """Within it, a map of six items goes on as far as it is told: a gate opens as the count of those before it comes.

    The map would never end without.
    """
    seen: list[int] = []

    def follow() -> None:
        try:
            for number in range(3):
                until(
                    lambda number=number: run.told and run.told[-1].done >= number,  # type: ignore[misc]
                    f"{number} items done",
                    START_S,
                )
                seen.append(run.told[-1].done)
                function.open(number)
        finally:
            function.open("all")

    following = threading.Thread(target=follow)
    following.start()
    try:
        yield
    finally:
        following.join(BOUND_S)
    assert seen == [0, 1, 2]
    assert all(each.items == 6 and each.done <= each.given <= 6 for each in run.told)
    done = [each.done for each in run.told]
    assert done == sorted(done)
