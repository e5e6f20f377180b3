"""What results, conditions and reports carry: one frozen dataclass a payload, grouped by who sends it.

Standard library only. Times are in seconds and sizes in bytes; None means that it could not be found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from poolscope.protocol.codec import Tagged


class Payload(Tagged):
    """Family of everything that a `Result` may carry."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Untyped(Payload):
    """A result that has no class of its own yet, by name."""

    tag: ClassVar[str] = "untyped"
    name: str
    value: Any


# The machine and the interpreter


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


@dataclass(frozen=True, slots=True)
class PythonFacts:
    """The interpreter of a run as it knows itself; the fields are named as in `conditions`.

    `gil` says whether threads take turns. `start_method` is the one that the run uses, `clock_resolution_s` that of
    `time.perf_counter`.
    """

    python: str
    implementation: str
    gil: bool
    start_method: str
    platform: str
    clock_resolution_s: float
    executable: str
