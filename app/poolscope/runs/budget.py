"""What all live runs together may take of this machine, and whether one more fits beside the others.

Pure but for `ResourceBudget.of_machine`, which looks at the CPUs, memory and process limit that are really there,
cgroups included. Estimates are the parameters' own (`Params.demand`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Any, Literal

from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.demand import NOTHING, Demand
from poolscope.experiments.parameters import Params
from poolscope.machine import cgroups, memory
from poolscope.machine.facts import read_machine
from poolscope.protocol.payloads import FailureCode
from poolscope.text.numbers import size

Resource = Literal["busy", "processes", "memory"]
COUNTED = {"busy": "busy threads and processes", "processes": "processes and threads"}
RESOURCES: tuple[Resource, ...] = ("busy", "processes", "memory")

# Each thread that is runnable makes all others wait a little longer for their CPU, the server's too. One run may have
# 64, and a smaller one must find room beside it.
BUSY_PER_CPU = 48
LEAST_BUSY = 96
# The server and the prewarmed runner; beyond that the system keeps something for itself and for what estimates miss.
SERVER_MEMORY = 256 * 1024 * 1024
SHARE_OF_MEMORY = 0.75
LEAST_MEMORY = 256 * 1024 * 1024  # a small run is always possible
# Of processes and threads the server has up to 64: its event loop's pool, numpy's threads.
SERVER_PROCESSES = 64
MOST_PROCESSES = 1024
LEAST_PROCESSES = 64


@dataclass(frozen=True, slots=True)
class Shortage:
    """What a run lacks: it would take `wanted` of a resource, of which `free` is left and there is `total` in all."""

    resource: Resource
    wanted: int
    free: int
    total: int

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "sentence": self.sentence}

    @property
    def sentence(self) -> str:
        if self.resource == "memory":
            return (
                f"It would take about {size(self.wanted)} of memory, and of the {size(self.total)} that runs may have "
                f"{size(self.free)} is free now."
            )
        return (
            f"It would have {self.wanted:,} {COUNTED[self.resource]}, and of the {self.total:,} that runs may have "
            f"{self.free:,} are free now."
        )


@dataclass(frozen=True, slots=True)
class Breach:
    """Why a run ended that did not end itself: the kind, where programs can tell, and a sentence."""

    code: FailureCode | None
    sentence: str


@dataclass(frozen=True, slots=True)
class ResourceBudget:
    """What there is for all live runs; see Demand. None is without a bound."""

    busy: int | None = None
    processes: int | None = None
    memory: int | None = None

    @classmethod
    def of_machine(
        cls,
        busy: int = 0,
        processes: int = 0,
        memory_mib: int = 0,
        *,
        proc: Path = Path("/proc"),
        sys: Path = Path("/sys"),
    ) -> ResourceBudget:
        """As much as this machine and our cgroup have room for; what is given, and not 0, counts instead."""
        there = memory.total(proc, sys)
        limit = cgroups.process_limit(proc, sys)
        rest = None if there is None else min(int(there * SHARE_OF_MEMORY), there - SERVER_MEMORY)
        return cls(
            busy or max(LEAST_BUSY, BUSY_PER_CPU * read_machine(proc, sys).usable_cpus),
            processes or (MOST_PROCESSES if limit is None else max(LEAST_PROCESSES, limit - SERVER_PROCESSES)),
            memory_mib * 1024 * 1024 or (None if rest is None else max(LEAST_MEMORY, rest)),
        )

    def shortage(self, demand: Demand, beside: Iterable[Demand] = ()) -> Shortage | None:
        """What a run lacks beside others, None where it fits."""
        taken = reduce(add, beside, NOTHING)
        for resource in RESOURCES:
            total: int | None = getattr(self, resource)
            wanted, used = getattr(demand, resource), getattr(taken, resource)
            if total is not None and wanted + used > total:
                return Shortage(resource, wanted, max(total - used, 0), total)
        return None

    def check(self, params: Params) -> None:
        """Raises BadParameters for a run that would not fit even alone, naming the amount to lower, and to what."""
        lacking = self.shortage(params.demand)
        if lacking is not None:
            name, most = self._most(params)
            raise BadParameters((ParameterError(name, _refusal(name, most, lacking)),))

    def _most(self, params: Params) -> tuple[str, int]:
        """The first amount that is enough to lower, and the most that it may be; ('', 0) where none is enough alone."""
        for name in params.amounts:
            most = _largest(partial(self._fits, params, name), max(_numbers(getattr(params, name))))
            if most:
                return name, most
        return "", 0

    def _fits(self, params: Params, name: str, amount: int) -> bool:
        """Whether the same parameters fit with another amount, which is not checked otherwise."""
        listed = isinstance(getattr(params, name), list)
        other = params.model_copy(update={name: [amount] if listed else amount})
        return self.shortage(other.demand) is None


def _numbers(value: Any) -> list[int]:
    return value if isinstance(value, list) else [value]


def _largest(fits: Callable[[int], bool], beyond: int) -> int:
    """The largest number below `beyond` that fits, where all smaller ones do too; 0 where not even 1 does."""
    low, high = 0, max(beyond, 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _refusal(name: str, most: int, lacking: Shortage) -> str:
    if lacking.resource == "memory":
        cost = f"this would take about {size(lacking.wanted)} of memory, and runs may have {size(lacking.total)} here"
    else:
        what = COUNTED[lacking.resource]
        cost = f"this would have {lacking.wanted:,} {what}, and runs may have {lacking.total:,} here"
    return f"`{name}` must be at most {most:,}: {cost}." if name else f"It is too large for this machine: {cost}."
