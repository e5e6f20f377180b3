"""How far a map is while it goes on: told by real executors without a part in the map, and never at its cost."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from poolscope.protocol.kinds import PoolUse
from poolscope.protocol.payloads import MapProgress
from poolscope.protocol.records import Record, Result, SamplerFailed, from_line
from poolscope.runner.context import RunContext
from poolscope.runner.pools import map_watch
from poolscope.runner.pools.kinds import measure
from poolscope.runner.pools.own_cluster import OwnClusters
from poolscope.runner.recorder import Recorder
from poolscope.workloads.compute import square
from poolscope.workloads.work import Work

from tests.waiting import BOUND_S, until

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

OFTEN_S = 0.01


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


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ReadRun]:
    read = ReadRun(tmp_path)
    yield read
    read.close()


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


@pytest.mark.parametrize(
    ("kind", "factory"), [("executor", ThreadPoolExecutor), ("loky", None), ("joblib", None), ("dask", None)]
)
def test_a_map_says_how_far_it_is_while_it_goes_on(
    run: ReadRun, kind: str, factory: Callable[[int], Executor] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test that follows the counts opens the gates, and the map would never end without them."""
    monkeypatch.setattr(map_watch, "EVERY_S", OFTEN_S)
    gates = tmp_path / "gates"
    gates.mkdir()
    function = Gated(gates)
    seen: list[int] = []

    def follow() -> None:
        try:
            for number in range(3):
                until(lambda number=number: run.told and run.told[-1].done >= number, f"{number} items done")  # type: ignore[misc]
                seen.append(run.told[-1].done)
                function.open(number)
        finally:
            function.open("all")

    following = threading.Thread(target=follow)
    following.start()
    clusters = OwnClusters(str(tmp_path)) if kind == "dask" else None
    try:
        work = Work(function, range(6), executor=factory, own_clusters=clusters)
        measurement = measure(run.context, PoolUse(kind, 2, chunksize=1), work)
    finally:
        following.join(BOUND_S)
        if clusters is not None:
            clusters.end()
    assert measurement.results == list(range(6))
    assert seen == [0, 1, 2]
    assert {result.config for result in run.results} == {"the setting"}
    assert all(each.items == 6 and each.done <= each.given <= 6 for each in run.told)
    done = [each.done for each in run.told]
    assert done == sorted(done)
    if kind != "executor":  # which may have any connections, as this process may
        assert all((each.sent is not None) is (kind == "dask") for each in run.told)


def test_a_map_that_is_over_sooner_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_watch, "EVERY_S", 3600.0)
    run = ReadRun(tmp_path)
    measure(run.context, PoolUse("executor", 2), Work(square, range(40), executor=ThreadPoolExecutor))
    run.close()
    assert run.records == []


class OwnFuture:
    """What some executor gives for a future: it can be waited for, and no more."""

    def __init__(self, future: Future[Any]) -> None:
        self.result = future.result


class OwnExecutor(ThreadPoolExecutor):
    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
        return OwnFuture(super().submit(call, *given, **named))


def test_an_executor_that_does_not_tell_maps_all_the_same_and_is_asked_no_more(
    run: ReadRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_watch, "EVERY_S", OFTEN_S)
    failed = threading.Event()
    report = run.recorder.report_sampler

    def reported(sampler: Callable[..., object], error: BaseException) -> None:
        report(sampler, error)
        failed.set()

    monkeypatch.setattr(run.recorder, "report_sampler", reported)

    def wait(n: int) -> int:
        assert failed.wait(BOUND_S)
        return n

    measurement = measure(run.context, PoolUse("executor", 1), Work(wait, range(4), executor=OwnExecutor))
    assert measurement.results == list(range(4))
    run.recorder.flush()
    until(lambda: run.records, "the record")
    (told,) = run.records
    assert isinstance(told, SamplerFailed)
    assert told.type == "AttributeError"
    assert told.sampler.endswith("how_far")


def test_a_look_that_takes_long_is_followed_by_a_pause_some_hundred_times_as_long(
    run: ReadRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_watch, "perf_counter", iter([10.0, 10.5, 20.0, 20.001]).__next__)
    pauses: list[float] = []

    class Waits(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            return len(pauses) > 2

    watch = map_watch.MapWatch(run.context, lambda: map_watch.HowFar(4, 2), 8, over_network=False)
    monkeypatch.setattr(watch, "_over", Waits())
    with watch:
        pass
    assert pauses == [1.0, pytest.approx(100.0), 1.0]
    until(lambda: len(run.told) == 2, "both")
    assert run.told == [MapProgress(8, 4, 2)] * 2
