"""Turns a traced measurement into lanes, who worked when on what, few enough spans to be looked at, and a summary."""

from __future__ import annotations

import heapq
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from poolscope.protocol.kinds import PoolUse, chunk_used
from poolscope.protocol.payloads import ItemsUnderWay, LaneSpan, ReplayedMap, TaskTimes, TraceSummary, WorkerLane
from poolscope.protocol.records import Actor, Record, Span
from poolscope.runner.pools.measurement import HandedChunk, Measurement

MOST_COUNTS = 200  # places on the axis of a map at which its items are counted


def worker_lanes(measurement: Measurement, words: Sequence[str] | None, budget: int) -> tuple[WorkerLane, ...]:
    """A lane for each worker, in the order of their first tasks, those without one last.

    `words` name the items; None where results come in no order. More tasks than `budget` are merged with neighbours.
    Clocks of two hosts are not comparable: another host's stamps are moved so that its first task starts as the map
    begins here, and its lanes come behind ours, host by host.
    """
    here, hosts = os.uname().nodename, measurement.worker_hosts or ("",) * len(measurement.workers)
    firsts: dict[str, int] = {}
    for task in measurement.tasks:
        firsts[task.host] = min(task.started, firsts.get(task.host, task.started))
    moved = {host: 0 if host in ("", here) else measurement.asked - first for host, first in firsts.items()}
    tasks: dict[tuple[str, int], list[LaneSpan]] = {
        (host, worker): [] for host, worker in zip(hosts, measurement.workers, strict=True)
    }
    for number, task in enumerate(measurement.tasks):
        word = "" if words is None else words[number]
        span = LaneSpan(task.started + moved[task.host], task.ended + moved[task.host], word)
        tasks.setdefault((task.host, task.worker), []).append(span)
    for spans in tasks.values():
        spans.sort(key=lambda span: span.started)
    got = measurement.asked + measurement.map
    in_order = sorted(
        tasks.items(),
        key=lambda lane: (lane[0][0] not in ("", here), lane[0][0], lane[1][0].started if lane[1] else got),
    )
    width = 0 if len(measurement.tasks) <= budget else measurement.map * len(tasks) // max(1, budget)
    return tuple(WorkerLane(worker, tuple(merged(spans, width)), host) for (host, worker), spans in in_order)


def items_under_way(measurement: Measurement) -> ItemsUnderWay | None:
    """How many items were queued, running and back when; None where the engine did not tell of every chunk.

    Which items were running is known of workers on this host alone.
    """
    total = sum(chunk.items for chunk in measurement.sent)
    if not total or sum(chunk.items for chunk in measurement.back) != total:
        return None
    sent, back = counted(measurement.sent), counted(measurement.back)
    here = not measurement.elsewhere
    started, ended = (
        counted([HandedChunk(stamp, 1) for stamp in stamps])
        for stamps in zip(*((task.started, task.ended) for task in measurement.tasks), strict=True)
    )
    last = max(measurement.asked + measurement.map, back[-1][0])
    stamps = [measurement.asked + (last - measurement.asked) * place // MOST_COUNTS for place in range(MOST_COUNTS + 1)]
    returned = [until(back, stamp) for stamp in stamps]
    begun = [until(started, stamp) for stamp in stamps] if here else returned
    return ItemsUnderWay(
        at=tuple(stamps),
        queued=tuple(until(sent, stamp) - done for stamp, done in zip(stamps, begun, strict=True)),
        running=tuple(done - until(ended, stamp) for stamp, done in zip(stamps, begun, strict=True)) if here else (),
        back=tuple(returned),
    )


def counted(chunks: Sequence[HandedChunk]) -> list[tuple[int, int]]:
    """(stamp, items until then), in order of time."""
    in_order = sorted(chunks, key=lambda chunk: chunk.at)
    return list(zip((chunk.at for chunk in in_order), accumulate(chunk.items for chunk in in_order), strict=True))


def until(counts: Sequence[tuple[int, int]], stamp: int) -> int:
    """The items up to a stamp and at it."""
    place = bisect_right(counts, stamp, key=lambda count: count[0])
    return counts[place - 1][1] if place else 0


def merged(spans: Sequence[LaneSpan], width: int) -> Iterator[LaneSpan]:
    """One worker's spans, neighbours that start within `width` ns as one."""
    alike: list[LaneSpan] = []
    for span in spans:
        if alike and span.started - alike[0].started >= width:
            yield joined(alike)
            alike = []
        alike.append(span)
    if alike:
        yield joined(alike)


def joined(spans: Sequence[LaneSpan]) -> LaneSpan:
    """The spans as one that knows how much of it they were."""
    first, last = spans[0], spans[-1]
    if len(spans) == 1:
        return first
    item = first.item if first.item == last.item else f"{first.item} … {last.item}"
    return LaneSpan(first.started, last.ended, item, sum(span.ended - span.started for span in spans))


def trace_summary(measurement: Measurement, use: PoolUse) -> TraceSummary:
    """What the traced map's time went into; a worker that got no task ended as the map began."""
    ends = dict.fromkeys(measurement.workers, measurement.asked)
    for task in measurement.tasks:
        ends[task.worker] = max(ends.get(task.worker, 0), task.ended)
    lengths = sorted((task.ended - task.started) / 1e9 for task in measurement.tasks)
    last = len(lengths) - 1
    return TraceSummary(
        start_s=measurement.start / 1e9,
        map_s=measurement.map / 1e9,
        stop_s=measurement.stop / 1e9,
        tasks=len(lengths),
        tasks_wall_s=sum(lengths),
        tasks_cpu_s=measurement.tasks_cpu / 1e9,
        native_cpu_s=measurement.native_cpu / 1e9,
        between_cpu_s=0.0 if measurement.in_one_thread else measurement.between_cpu / 1e9,
        children_cpu_s=measurement.children_cpu / 1e9,
        loop=measurement.loop,
        workers_used=len({task.worker for task in measurement.tasks}),
        worker_ends_s=tuple((end - measurement.asked) / 1e9 for end in ends.values()),
        task_s=TaskTimes(lengths[0], lengths[round(last * 0.5)], lengths[round(last * 0.9)], lengths[last]),
        replayed=replayed_map([(task.ended - task.started) / 1e9 for task in measurement.tasks], use),
    )


def replayed_map(lengths: Sequence[float], use: PoolUse) -> ReplayedMap | None:
    """The tasks of these lengths handed out in other ways; None for coroutines, which are at work side by side."""
    if use.kind == "asyncio":
        return None
    chunk = chunk_used(use.kind, use.chunksize, len(lengths), use.size, use.method)
    chunks = [sum(lengths[first : first + chunk]) for first in range(0, len(lengths), chunk)]
    return ReplayedMap(
        as_sent_s=last_end(chunks, use.size),
        one_by_one_s=last_end(lengths, use.size),
        longest_first_s=last_end(sorted(lengths, reverse=True), use.size),
    )


def last_end(lengths: Sequence[float], workers: int) -> float:
    """When the last of these is done, where each goes to the worker that is free first."""
    free = [0.0] * workers
    for length in lengths:
        heapq.heapreplace(free, free[0] + length)
    return max(free)


def lane_records(
    lanes: Sequence[WorkerLane], asked: int, got: int, *, lane: str, actor: str, what: str = "process"
) -> Iterator[Record]:
    """The lanes as records: `lane` is the picture that holds them, `actor` names each with a place for its number.

    `what` says what a worker is: process, thread, interpreter or task.
    """
    for number, worker in enumerate(lanes, start=1):
        name = actor.format(number)
        pid = worker.worker if what == "process" else None
        yield Actor(asked, name, "started", what, "worker", pid, worker.host)
        for span in worker.spans:
            yield Span(name, "running", span.started, span.ended, span.item, lane, span.busy)
        yield Actor(got, name, "ended", what, "worker", pid, worker.host)
