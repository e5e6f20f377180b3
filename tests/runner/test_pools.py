"""A pool from start-up to shutdown, with real processes: what is measured, and what a death or a wish to stop does."""

from __future__ import annotations

import errno
import gc
import multiprocessing
import os
import signal
import threading
import uuid
from collections.abc import Callable
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import pytest
from poolscope.protocol.records import Actor, Result, Span
from poolscope.runner.context import RunContext, Stopped, WorkerDied
from poolscope.runner.pools import mp_pool
from poolscope.runner.pools.mp_pool import PoolFailed, Setting, measure_loop, measure_pool, traced
from poolscope.runner.tracing import traced_records
from poolscope.workloads.functions import WORKLOADS, square

from tests.waiting import until

# The runner filters it too: pools fork from a process with threads, as they would from many a user's script.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

METHODS = ("map", "imap", "imap_unordered", "apply_async")


@pytest.fixture
def semaphores(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What is in /dev/shm of the semaphores made by this test, which other programs on the machine have too."""
    ours = f"/poolscope-{uuid.uuid4().hex[:8]}"
    monkeypatch.setitem(multiprocessing.process.current_process()._config, "semprefix", ours)  # type: ignore[attr-defined]
    return lambda: [path.name for path in Path("/dev/shm").glob(f"sem.{ours[1:]}*")]


def die(how: int, n: int) -> int:
    os.kill(os.getpid(), how)
    return n


def die_on_the_way_out(how: int, n: int) -> int:
    Finalize(None, os.kill, args=(os.getpid(), how), exitpriority=10)
    return n


def leave(code: int, n: int) -> int:
    os._exit(code)


def refuse(n: int) -> int:
    raise ValueError(f"{n} is refused")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("chunksize", [0, 3])
def test_every_method_returns_what_the_plain_loop_returns(stage: RunContext, method: str, chunksize: int) -> None:
    setting = Setting("", method, 0 if method == "apply_async" else chunksize)
    measurement = measure_pool(stage, setting, 3, square, range(1, 11))
    assert sorted(measurement.results) == measure_loop(stage, square, range(1, 11)).results


@pytest.mark.parametrize("start_method", multiprocessing.get_all_start_methods())
def test_all_workers_have_answered_before_the_map_and_nothing_is_left_behind(
    stage: RunContext, start_method: str, semaphores: Callable[[], list[str]]
) -> None:
    measurement = measure_pool(stage, Setting(start_method), 3, square, range(20))
    assert len(set(measurement.pids)) == 3
    assert 0 < measurement.first_ready <= measurement.start
    assert measurement.map > 0
    assert measurement.stop > 0
    assert multiprocessing.active_children() == []
    gc.collect()  # as before every arm
    assert semaphores() == []


@pytest.mark.parametrize(
    ("method", "given", "items", "size", "used"),
    [
        ("map", 0, 10, 2, 2),
        ("map", 0, 10, 4, 1),
        ("map", 0, 100_000, 8, 3125),
        ("map", 7, 10, 4, 7),
        ("imap", 0, 1000, 2, 1),
        ("imap_unordered", 5, 1000, 2, 5),
        ("apply_async", 0, 1000, 2, 1),
    ],
)
def test_the_chunk_size_is_said_as_the_pool_uses_it(method: str, given: int, items: int, size: int, used: int) -> None:
    assert Setting("", method, given).chunksize_used(items, size) == used


def test_the_pool_hands_out_chunks_of_the_size_that_is_said(stage: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = multiprocessing.pool.Pool._get_tasks  # type: ignore[attr-defined]

    def spy(function: Any, items: Any, size: int) -> Any:
        sizes.append(size)
        return real(function, items, size)

    monkeypatch.setattr(multiprocessing.pool.Pool, "_get_tasks", staticmethod(spy))
    for items in (1, 10, 33, 1000):
        measure_pool(stage, Setting(), 2, square, range(items))
        assert sizes[-1] == Setting().chunksize_used(items, 2)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (partial(die, signal.SIGKILL), "was killed by SIGKILL"),
        (partial(die, signal.SIGTERM), "was killed by SIGTERM"),
        (partial(leave, 3), "ended with exit code 3"),
        (partial(leave, 0), "ended with exit code 0"),
    ],
)
@pytest.mark.parametrize("start_method", multiprocessing.get_all_start_methods())
def test_a_worker_that_dies_in_its_task_ends_the_pool_with_a_reason(
    stage: RunContext, function: Any, words: str, start_method: str
) -> None:
    with pytest.raises(WorkerDied, match=rf"Worker \d of 2 \(process \d+\) {words}.* while its pool was mapping"):
        measure_pool(stage, Setting(start_method), 2, function, range(4))
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("start_method", multiprocessing.get_all_start_methods())
def test_a_worker_killed_while_its_pool_shuts_down_is_not_passed_over(stage: RunContext, start_method: str) -> None:
    with pytest.raises(WorkerDied, match=r"was killed by SIGKILL .* while its pool was shutting down"):
        measure_pool(stage, Setting(start_method), 2, partial(die_on_the_way_out, signal.SIGKILL), range(8))
    assert multiprocessing.active_children() == []


def test_an_exception_of_the_workload_comes_through_and_ends_the_pool(stage: RunContext) -> None:
    with pytest.raises(ValueError, match="is refused"):
        measure_pool(stage, Setting(), 2, refuse, range(4))
    assert multiprocessing.active_children() == []


def test_a_wish_to_stop_ends_a_map_that_would_take_for_ever(stage: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    real = mp_pool.wait_until_ready

    def stop() -> None:
        asked.wait()
        stage.stop()

    def then_stop(pool: Any, size: int, function: Any) -> Any:
        answers = real(pool, size, function)
        threading.Thread(target=stop).start()
        asked.set()
        return answers

    monkeypatch.setattr(mp_pool, "wait_until_ready", then_stop)
    forever = WORKLOADS["square-sleep"].set_up(3_600_000, stage.scratch).function
    with pytest.raises(Stopped):
        measure_pool(stage, Setting(), 2, forever, range(4))
    assert multiprocessing.active_children() == []


def test_a_worker_replaced_before_it_could_be_watched_is_noticed(
    stage: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = multiprocessing.active_children
    killed: list[Any] = []

    def late() -> list[Any]:
        if not killed:
            killed.append(look()[-1])
            killed[0].kill()
            until(lambda: killed[0] not in look() and len(look()) == 2, "the other worker")
        return look()

    monkeypatch.setattr(multiprocessing, "active_children", late)
    with pytest.raises(WorkerDied, match="while its pool was starting"):
        measure_pool(stage, Setting(), 2, square, range(4))
    assert look() == []


def test_a_worker_that_ended_before_it_could_read_its_order_is_named(
    stage: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stillborn(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(multiprocessing.get_context("spawn"), "Pool", stillborn)
    with pytest.raises(WorkerDied, match="while its pool was starting, before it could read"):
        measure_pool(stage, Setting("spawn"), 2, square, range(4))


def test_a_stop_asked_for_before_starts_no_work(stage: RunContext) -> None:
    stage.stop()
    with pytest.raises(Stopped):
        measure_loop(stage, refuse, range(4))
    with pytest.raises(Stopped):
        measure_pool(stage, Setting(), 2, refuse, range(4))
    assert multiprocessing.active_children() == []


def test_workers_that_do_not_all_answer_in_time_are_reported(
    stage: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mp_pool, "START_LIMIT_S", 0.05)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(3)  # one more than there will be workers
    monkeypatch.setattr(type(context), "Barrier", lambda self, parties: barrier)
    with pytest.raises(PoolFailed, match="Not all of the 2 workers answered"):
        measure_pool(stage, Setting("fork"), 2, square, range(4))
    assert multiprocessing.active_children() == []


def test_a_traced_repetition_names_each_worker_and_each_item(stage: RunContext) -> None:
    items = range(5, 15)
    measurement = measure_pool(stage, Setting(), 3, traced(square), items)
    assert [task[0] for task in measurement.results] == [n * n for n in items]
    result, *records = traced_records(3, measurement, items, 100)
    actors = [record.actor for record in records if isinstance(record, Actor) and record.event == "started"]
    spans = [record for record in records if isinstance(record, Span)]
    assert actors == ["3 workers · w1", "3 workers · w2", "3 workers · w3"]
    assert sorted(int(span.item) for span in spans) == list(items)
    assert {span.lane for span in spans} == {"3"}
    assert all(measurement.asked <= span.t0 <= (span.t1 or 0) <= measurement.asked + measurement.map for span in spans)
    assert isinstance(result, Result)
    assert result.value["tasks"] == 10
    assert len(result.value["worker_ends_s"]) == 3


def test_more_tasks_than_can_be_drawn_are_merged_within_their_worker(stage: RunContext) -> None:
    items = range(2000)
    measurement = measure_pool(stage, Setting(), 2, traced(square), items)
    spans = [record for record in traced_records(2, measurement, items, 100) if isinstance(record, Span)]
    assert len(spans) <= 100 + 2
    assert any("…" in span.item for span in spans)
