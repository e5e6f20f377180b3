"""A traced repetition as lanes and a summary, from a real pool of processes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from poolscope.machine.cpu_clock import CpuUse
from poolscope.protocol.payloads import ReplayedMap
from poolscope.protocol.records import Actor, Span
from poolscope.runner.context import RunContext
from poolscope.runner.pools.kinds import Measurement, PoolUse, TimedTask, measure
from poolscope.runner.pools.measurement import HandedChunk
from poolscope.runner.tracing import items_under_way, lane_records, replayed_map, trace_summary, worker_lanes
from poolscope.workloads.compute import square
from poolscope.workloads.work import Work

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def test_a_traced_repetition_names_each_worker_and_each_item(context: RunContext) -> None:
    items = range(5, 15)
    measurement = measure(context, PoolUse("pool", 3), Work(square, items), traced=True)
    asked, got = measurement.asked, measurement.asked + measurement.map
    lanes = worker_lanes(measurement, [str(item) for item in items], 100)
    records = list(lane_records(lanes, asked, got, lane="3", actor="3 workers · w{}"))
    started = [record for record in records if isinstance(record, Actor) and record.event == "started"]
    spans = [record for record in records if isinstance(record, Span)]
    assert [actor.actor for actor in started] == ["3 workers · w1", "3 workers · w2", "3 workers · w3"]
    assert {actor.pid for actor in started} == set(measurement.workers)
    assert sorted(int(span.item) for span in spans) == list(items)
    assert {span.lane for span in spans} == {"3"}
    assert all(asked <= span.t0 <= (span.t1 or 0) <= got for span in spans)
    summary = trace_summary(measurement, PoolUse("pool", 3))
    assert summary.tasks == 10
    assert len(summary.worker_ends_s) == 3
    assert summary.task_s is not None
    assert 0 < summary.task_s.min <= summary.task_s.median <= summary.task_s.p90 <= summary.task_s.max


def measured(*tasks: TimedTask, workers: tuple[int, ...] = (1, 2)) -> Measurement:
    return Measurement(0, 0, 1000, 0, 0, workers, [], 0, tasks=tasks)


def test_more_tasks_than_can_be_drawn_are_merged_within_their_worker() -> None:
    measurement = measured(*(TimedTask(1 + n % 2, n, n + 1, 1) for n in range(1000)))
    first, second = worker_lanes(measurement, [str(n) for n in range(1000)], 10)
    assert len(first.spans) + len(second.spans) <= 12
    assert first.spans[0].item == "0 … 198"
    assert second.spans[-1].ended == 1000
    for lane in (first, second):  # each worker had 500 tasks of 1 ns, and 499 gaps of the same length
        assert sum(span.busy or span.ended - span.started for span in lane.spans) == 500
        assert sum(span.ended - span.started for span in lane.spans) > 900
    records = [*lane_records((first,), 0, 1000, lane="2", actor="w{}")]
    assert [record.busy for record in records if isinstance(record, Span)] == [span.busy for span in first.spans]
    (whole,) = worker_lanes(measured(TimedTask(1, 0, 1, 1), workers=(1,)), None, 10)
    assert (whole.spans[0].item, whole.spans[0].busy) == ("", None)


def test_a_worker_without_a_task_comes_last_and_ended_as_the_map_began() -> None:
    measurement = measured(TimedTask(2, 400, 900, 500))
    assert [lane.worker for lane in worker_lanes(measurement, ["a"], 10)] == [2, 1]
    summary = trace_summary(measurement, PoolUse("thread", 2))
    assert summary.worker_ends_s == (0.0, 900 / 1e9)
    assert (summary.workers_used, summary.tasks_cpu_s) == (1, 500 / 1e9)


def test_what_threads_use_between_their_tasks_is_no_tasks_cpu_time() -> None:
    """Of 1000 ns the main thread used 100, the tasks 60, one worker 550 to take items, and other threads 290."""
    tasks = (
        TimedTask(1, 0, 20, 20, thread_cpu=5020),
        TimedTask(1, 500, 520, 20, thread_cpu=5400),
        TimedTask(1, 800, 810, 10, thread_cpu=5600),
        TimedTask(2, 0, 10, 10, thread_cpu=7010),
        TimedTask(3, 0, 10, 0, thread_cpu=9000),
    )
    used = CpuUse(thread=100, process=1000, children=0, ready=0)
    summary = trace_summary(replace(measured(*tasks), cpu=used), PoolUse("thread", 3))
    seconds = (summary.tasks_cpu_s, summary.between_cpu_s, summary.native_cpu_s, summary.cost_s)
    assert seconds == pytest.approx((60 / 1e9, 550 / 1e9, 290 / 1e9, 350 / 1e9))


def test_a_worker_that_is_a_thread_tells_what_it_used_in_its_whole_life(context: RunContext) -> None:
    work = Work(square, range(200))
    for kind in ("thread", "process"):
        measurement = measure(context, PoolUse(kind, 2), work, traced=True)
        if kind == "process":
            assert {task.thread_cpu for task in measurement.tasks} == {0}
            assert measurement.between_cpu == 0
            continue
        assert all(task.thread_cpu >= (task.cpu or 0) > 0 for task in measurement.tasks)
        assert measurement.cpu is not None
        assert measurement.tasks_cpu + measurement.between_cpu <= measurement.cpu.process


def test_items_are_counted_as_queued_running_and_back() -> None:
    tasks = TimedTask(1, 100, 500, 1), TimedTask(1, 500, 900, 1)
    handed = HandedChunk(0, 1), HandedChunk(0, 1)
    measurement = replace(measured(*tasks), sent=handed, back=(HandedChunk(600, 1), HandedChunk(1000, 1)))
    counts = items_under_way(measurement)
    assert counts is not None
    by_stamp = dict(zip(counts.at, zip(counts.queued, counts.running, counts.back, strict=True), strict=True))
    expected = {0: (2, 0, 0), 200: (1, 1, 0), 550: (0, 1, 0), 700: (0, 1, 1), 950: (0, 0, 1), 1000: (0, 0, 2)}
    assert {stamp: by_stamp[stamp] for stamp in expected} == expected


def test_a_map_is_replayed_as_sent_one_by_one_and_the_longest_first() -> None:
    lengths = [1.0] * 6 + [4.0, 4.0]
    assert replayed_map(lengths, PoolUse("process", 2, chunksize=4)) == ReplayedMap(10.0, 7.0, 7.0)
    assert replayed_map([1.0] * 8 + [8.0], PoolUse("process", 2)) == ReplayedMap(12.0, 12.0, 8.0)
    assert replayed_map(lengths, PoolUse("asyncio", 2)) is None
