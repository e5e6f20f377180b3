"""How far a map is while it goes on: told by real executors without a part in the map, and never at its cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from poolscope.protocol.kinds import PoolUse
from poolscope.protocol.payloads import MapProgress
from poolscope.protocol.records import SamplerFailed
from poolscope.runner.pools import map_watch
from poolscope.runner.pools.kinds import measure
from poolscope.workloads.compute import square
from poolscope.workloads.work import Work

from tests.runner.pools.followed import Gated, ReadRun, followed
from tests.waiting import BOUND_S, until

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

OFTEN_S = 0.01


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ReadRun]:
    read = ReadRun(tmp_path)
    yield read
    read.close()


@pytest.mark.parametrize(("kind", "factory"), [("executor", ThreadPoolExecutor), ("loky", None), ("joblib", None)])
def test_a_map_says_how_far_it_is_while_it_goes_on(
    run: ReadRun, kind: str, factory: Callable[[int], Executor] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_watch, "EVERY_S", OFTEN_S)
    function = Gated(tmp_path)
    with followed(run, function):
        measurement = measure(run.context, PoolUse(kind, 2, chunksize=1), Work(function, range(6), executor=factory))
    assert measurement.results == list(range(6))
    assert {result.config for result in run.results} == {"the setting"}
    if kind != "executor":  # which may have any connections, as this process may
        assert all(each.sent is None for each in run.told)


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
