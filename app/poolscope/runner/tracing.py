"""Turns the stamps of a traced repetition into lanes: who worked when on what, few enough spans to be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from poolscope.protocol.payloads import Untyped
from poolscope.protocol.records import Actor, Record, Result, Span
from poolscope.runner.pools.mp_pool import Measurement, lane

Stamped = tuple[int, int, int, str]  # started, ended, CPU time, the item in words


def traced_records(size: int, measurement: Measurement, items: Sequence[int] | None, budget: int) -> Iterator[Record]:
    """The records of one traced repetition: a `traced` result, and an actor with its spans for each worker.

    Items is None where results come in no order, so that they can't be named. More tasks than `budget` are merged.
    """
    workers: dict[int, list[Stamped]] = {pid: [] for pid in measurement.pids}
    for number, (_, pid, started, ended, cpu) in enumerate(measurement.results):
        word = "" if items is None else str(items[number])
        workers[pid].append((started, ended, cpu, word))
    for tasks in workers.values():
        tasks.sort()
    got = measurement.asked + measurement.map
    in_order = sorted(workers.items(), key=lambda worker: worker[1][0][0] if worker[1] else got)
    yield Result(measurement.asked, Untyped("traced", summary(measurement, list(workers.values()))), str(size))
    width = 0 if len(measurement.results) <= budget else measurement.map * len(workers) // max(1, budget)
    for number, (pid, tasks) in enumerate(in_order, start=1):
        name = lane(size).format(number)
        yield Actor(measurement.asked, name, "started", "process", "worker", pid)
        for started, ended, word in merged(tasks, width):
            yield Span(name, "running", started, ended, word, str(size))
        yield Actor(got, name, "ended", "process", "worker", pid)


def merged(tasks: list[Stamped], width: int) -> Iterator[tuple[int, int, str]]:
    """The tasks of one worker as (started, ended, item), neighbours that start within `width` ns as one."""
    if not tasks:
        return
    first = last = tasks[0]
    for task in tasks[1:]:
        if task[0] - first[0] >= width:
            yield first[0], last[1], words(first[3], last[3])
            first = task
        last = task
    yield first[0], last[1], words(first[3], last[3])


def words(first: str, last: str) -> str:
    return first if first == last else f"{first} … {last}"


def summary(measurement: Measurement, workers: list[list[Stamped]]) -> dict[str, Any]:
    """What the traced map's time went into, in seconds; a worker that got no task ended as the map began."""
    tasks = [task for worker in workers for task in worker]
    return {
        "asked_ns": measurement.asked,
        "map_s": measurement.map / 1e9,
        "tasks": len(tasks),
        "tasks_wall_s": sum(ended - started for started, ended, _, _ in tasks) / 1e9,
        "tasks_cpu_s": sum(cpu for _, _, cpu, _ in tasks) / 1e9,
        "workers_used": sum(bool(worker) for worker in workers),
        "worker_ends_s": [(worker[-1][1] - measurement.asked) / 1e9 if worker else 0.0 for worker in workers],
    }
