"""What results, conditions and reports carry: one frozen dataclass a payload, grouped by who sends it.

Standard library only. Times are in seconds and sizes in bytes; None means that it could not be found out.
"""

from __future__ import annotations

from dataclasses import dataclass

# The machine


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """The machine at one moment, as the process that reads it may use it; the fields are named as in `conditions`.

    `usable_cpus` is the whole number of workers that can run at once, at least 1, and `usable_cpus_why` says so in a
    sentence. `logical_cpus` counts hyper-threads, `physical_cpus` cores, `affinity_cpus` the CPUs that the scheduler
    may place us on; `siblings` are those CPUs core by core (empty: not known), and `smt` says what that means.
    `cpu_quota` is the smallest quota of a cgroup (2.5: two and a half CPUs' time), from the file `cpu_quota_source`.
    `cpu` names the model, else the architecture. `load_before` is the load average of the minute before.
    """

    usable_cpus: int
    usable_cpus_why: str
    logical_cpus: int
    physical_cpus: int | None
    affinity_cpus: int
    siblings: tuple[tuple[int, ...], ...]
    smt: str | None
    cpu_quota: float | None
    cpu_quota_source: str | None
    cpu: str
    cpu_frequency_mhz: float | None
    memory_available: int | None
    load_before: float | None


# A traced repetition


@dataclass(frozen=True, slots=True)
class LaneSpan:
    """A worker was at one task, or at neighbouring ones that are drawn as one; stamps of perf_counter_ns."""

    started: int
    ended: int
    item: str


@dataclass(frozen=True, slots=True)
class WorkerLane:
    """What one worker did in a traced map. `worker` is a process id, a native thread id or a place under a limit."""

    worker: int
    spans: tuple[LaneSpan, ...]


@dataclass(frozen=True, slots=True)
class TaskSeconds:
    """How long the tasks of a traced map took, each as its worker saw it."""

    min: float
    median: float
    p90: float
    max: float


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """What a traced repetition's time went into.

    `asked_ns` is the stamp at which the map began, `worker_ends_s` count from there; a worker without a task ended
    then. `tasks_wall_s` and `tasks_cpu_s` are sums over all tasks; under asyncio the CPU time is the process's.
    """

    asked_ns: int
    start_s: float
    map_s: float
    stop_s: float
    tasks: int
    tasks_wall_s: float
    tasks_cpu_s: float
    workers_used: int
    worker_ends_s: tuple[float, ...]
    task_s: TaskSeconds


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """Bytes after a traced map and before the shutdown: `what` is 'pss' or 'rss', for all of the numbers the same.

    Workers within the parent process can't be told apart: each then stands for an equal part of the process's rise.
    """

    what: str
    per_worker: tuple[int, ...]
    total: int
    parent: int
