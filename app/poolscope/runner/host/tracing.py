"""A traced pass as spans few enough to be looked at, and what its time went into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poolscope.runner.host.pickling import short
from poolscope.runner.pools.kinds import Measurement
from poolscope.runner.tracing import Stamped, merged


def by_worker(measurement: Measurement, items: Sequence[Any]) -> list[tuple[int, list[Stamped]]]:
    """Each worker's tasks in the order of time; workers in the order of their first task, those without one last."""
    workers: dict[int, list[Stamped]] = {worker: [] for worker in measurement.workers}
    for task, item in zip(measurement.tasks, items, strict=True):
        word = short(item, 30)
        workers.setdefault(task.worker, []).append((task.started, task.ended, task.cpu or 0, word))
    for tasks in workers.values():
        tasks.sort()
    got = measurement.asked + measurement.map
    return sorted(workers.items(), key=lambda worker: worker[1][0][0] if worker[1] else got)


def lanes(measurement: Measurement, items: Sequence[Any], budget: int) -> dict[str, Any]:
    """`workers`: [id, [[started, ended, item], …]], neighbours as one where there are more tasks than the budget."""
    found = by_worker(measurement, items)
    width = 0 if len(measurement.tasks) <= budget else measurement.map * len(found) // max(1, budget)
    return {
        "asked": measurement.asked,
        "got": measurement.asked + measurement.map,
        "workers": [[worker, [list(span) for span in merged(tasks, width)]] for worker, tasks in found],
    }


def summary(measurement: Measurement) -> dict[str, Any]:
    """In seconds; a worker that got no task ended as the map began."""
    ends = dict.fromkeys(measurement.workers, measurement.asked)
    for task in measurement.tasks:
        ends[task.worker] = max(ends.get(task.worker, 0), task.ended)
    lengths = sorted((task.ended - task.started) / 1e9 for task in measurement.tasks)
    last = len(lengths) - 1
    return {
        "map_s": measurement.map / 1e9,
        "start_s": measurement.start / 1e9,
        "stop_s": measurement.stop / 1e9,
        "tasks": len(lengths),
        "tasks_wall_s": sum(lengths),
        "tasks_cpu_s": measurement.tasks_cpu / 1e9,
        "workers_used": len({task.worker for task in measurement.tasks}),
        "worker_ends_s": [(end - measurement.asked) / 1e9 for end in ends.values()],
        "task_s": {
            "min": lengths[0],
            "median": lengths[round(last * 0.5)],
            "p90": lengths[round(last * 0.9)],
            "max": lengths[last],
        },
    }
