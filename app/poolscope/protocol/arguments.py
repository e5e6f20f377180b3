"""What an experiment's body is given: one frozen dataclass an experiment, made from its validated parameters.

Its tag is the experiment's name. Fields are named as the parameters of the contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from poolscope.protocol.codec import Tagged


class Arguments(Tagged):
    """Family of everything that a body may be given."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SharedListArguments(Arguments):
    tag: ClassVar[str] = "shared-list"
    producers: int
    consumers: int
    delay_min: float
    delay_max: float
    guard: Literal["lock", "rlock", "condition", "queue", "none"]
    capacity: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FactorialsArguments(Arguments):
    tag: ClassVar[str] = "factorials"
    first: int
    last: int
    workers: int
    kind: Literal["thread", "process"]
    time_limit: float


@dataclass(frozen=True, slots=True)
class SharingArguments(Arguments):
    """`start_method` None is the platform's default."""

    tag: ClassVar[str] = "sharing"
    tools: tuple[str, ...]
    operations: int
    workers: int
    start_method: str | None
    repeats: int


@dataclass(frozen=True, slots=True)
class FailuresArguments(Arguments):
    tag: ClassVar[str] = "failures"
    scenarios: tuple[str, ...]
    task: float
    limit: float


# The pool benchmark


@dataclass(frozen=True, slots=True)
class PoolSizesArguments(Arguments):
    """`work_ms` None is the workload's own length, `start_method` None the platform's default."""

    tag: ClassVar[str] = "pool-sizes"
    sizes: tuple[int, ...]
    first: int
    last: int
    workload: str
    work_ms: float | None
    repeats: int
    start_method: str | None
    chunksize: int
    method: str


@dataclass(frozen=True, slots=True)
class WorkloadSource:
    """A built-in workload by its name, or a user's own, module:function@items, to be imported from `folder`."""

    name: str
    folder: str | None


@dataclass(frozen=True, slots=True)
class InterpreterPath:
    """A Python that takes part: its label and its executable."""

    label: str
    executable: str


@dataclass(frozen=True, slots=True)
class WhichPoolArguments(Arguments):
    """Empty `kinds` and `start_methods` mean all that a Python has; `items` 0 means as many as the workload brings."""

    tag: ClassVar[str] = "which-pool"
    workload: WorkloadSource
    work_ms: float | None
    items: int
    kinds: tuple[str, ...]
    sizes: tuple[int, ...]
    chunksizes: tuple[int, ...]
    repeats: int
    start_methods: tuple[str, ...]
    pythons: tuple[InterpreterPath, ...]
    limit_s: float
