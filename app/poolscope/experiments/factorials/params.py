"""What may be asked of the factorials."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from poolscope.experiments.demand import RUNNER, THREAD, WORKER, Demand
from poolscope.experiments.parameters import InvalidParameter, Params, RunLength, parameter

MOST_NUMBERS = 1_000

Kind = Literal["thread", "process"]


class FactorialsParams(Params):
    amounts: ClassVar[tuple[str, ...]] = ("workers",)

    first: int = parameter(1, "from", ge=-10, le=5_000, help="The first n; a negative one fails, and the others go on.")
    last: int = parameter(10, "to", ge=-10, le=5_000, help=f"The last n; at most {MOST_NUMBERS:,} numbers a run.")
    workers: int = parameter(5, "workers", ge=1, le=64, limit="most_workers", help="Threads or processes in the pool.")
    kind: Kind = parameter("thread", "kind", help="ThreadPoolExecutor or ProcessPoolExecutor; threads share one GIL.")
    time_limit: float = parameter(
        10,
        "time limit",
        unit="s",
        ge=0.001,
        le=60,
        advanced=True,
        help="How long one number may take before it counts as failed.",
    )

    @model_validator(mode="after")
    def numbers_in_bounds(self) -> Self:
        if self.last < self.first:
            raise InvalidParameter("last", f"must not be less than `first`; {self.last} is less than {self.first}.")
        count = self.last - self.first + 1
        most = self.within("most_items", MOST_NUMBERS)
        if count > most:
            raise InvalidParameter(
                "last", f"must leave at most {most:,} numbers to do; {self.first} to {self.last} are {count:,}."
            )
        return self

    @property
    def run_length(self) -> RunLength:
        return RunLength(2.0 if self.kind == "process" else 1.0)

    @property
    def worker_processes(self) -> int:
        return self.workers if self.kind == "process" else 0

    @property
    def demand(self) -> Demand:
        workers = min(self.workers, self.last - self.first + 1)
        return Demand(workers, workers + 8, RUNNER + workers * (WORKER if self.kind == "process" else THREAD))
