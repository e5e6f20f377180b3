"""What may be asked of the pool sizes."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from poolscope.experiments.lists import Numbers
from poolscope.experiments.parameters import InvalidParameter, Params, parameter, start_method_of_this_platform
from poolscope.workloads.catalog import OF_POOL_SIZES, WAITING, WORK_MS, WORKLOADS

Workload = Literal["square", "square-sleep", "sum-of-squares", "factorial", "sha256", "read-files"]
Method = Literal["map", "imap", "imap_unordered", "apply_async"]

LARGEST_POOL = 64
MOST_SIZES = 16
MOST_ITEMS = 100_000
MOST_REPEATS = 100
LARGEST_FACTORIAL = 5_000
LONGEST_RUN_S = 3600
# Of one call where its length can be chosen.
LENGTHS = {name: WORK_MS[name] for name in OF_POOL_SIZES if name in WORK_MS}

# Rough costs, for refusing absurd plans only: of one message to a worker, of one worker.
MESSAGE_S = 1e-4
WORKER_S = {"fork": 0.002, "forkserver": 0.012, "spawn": 0.03}

SIZES = Numbers("sizes", 1, LARGEST_POOL, MOST_SIZES, "'2, 4, 6, 8' or '1-4, 8'")


class PoolSizesParams(Params):
    sizes: list[Annotated[int, Field(ge=1, le=LARGEST_POOL)]] = parameter(
        [2, 4, 6, 8],
        "pool sizes",
        width=12,
        min_length=1,
        max_length=MOST_SIZES,
        help="Processes in the pool, such as 2, 4-8.",
    )
    first: int = parameter(1, "numbers from", ge=-1_000_000, le=1_000_000, help="First number of the items.")
    last: int = parameter(10, "to", ge=-1_000_000, le=1_000_000, help=f"Last number; at most {MOST_ITEMS:,} items.")
    workload: Workload = parameter(
        "square",
        "work per item",
        help="square-sleep waits, sum-of-squares computes in Python, sha256 computes without the GIL.",
    )
    work_ms: float | None = parameter(
        None,
        "length",
        unit="ms",
        ge=0.01,
        le=60_000,
        width=6,
        help="How long one item waits or works; empty: as usual.",
    )
    repeats: int = parameter(5, "repetitions", ge=1, le=MOST_REPEATS, help="Counted rounds, after one that is not.")
    start_method: str | None = parameter(
        None, "start method", advanced=True, width=11, help="fork, forkserver or spawn; empty: the platform's default."
    )
    chunksize: int = parameter(
        0,
        "chunk size",
        ge=0,
        le=100_000,
        advanced=True,
        help="Items a message to a worker; 0 is the pool's own choice.",
    )
    method: Method = parameter("map", "method", advanced=True, help="Which method of the pool hands out the items.")

    @field_validator("sizes", mode="before")
    @classmethod
    def sizes_from_words(cls, given: Any) -> Any:
        return SIZES.read(given)

    _start_method = field_validator("start_method", mode="before")(start_method_of_this_platform)

    @model_validator(mode="after")
    def plan_is_possible(self) -> Self:
        if self.last < self.first:
            raise InvalidParameter("last", f"must not be less than first; {self.last:,} is less than {self.first:,}.")
        if self.items > MOST_ITEMS:
            raise InvalidParameter(
                "last", f"must leave at most {MOST_ITEMS:,} items; from {self.first:,} on there are {self.items:,}."
            )
        if self.workload == "factorial" and self.first < 0:
            raise InvalidParameter("first", f"must be 0 or more for factorial; {self.first:,} has none.")
        if self.workload == "factorial" and self.last > LARGEST_FACTORIAL:
            raise InvalidParameter(
                "last", f"must be at most {LARGEST_FACTORIAL:,} for factorial; {self.last:,} is not."
            )
        if self.work_ms is not None and self.workload not in LENGTHS:
            lengths = ", ".join(LENGTHS)
            raise InvalidParameter(
                "work_ms", f"must stay empty for {self.workload}, which has no length; {lengths} have one."
            )
        if self.chunksize and self.method == "apply_async":
            raise InvalidParameter("chunksize", "must be 0 for apply_async, which hands out one item a message.")
        seconds = estimated_s(self)
        if seconds > LONGEST_RUN_S:
            raise InvalidParameter(
                "work_ms" if self.workload in LENGTHS else "repeats",
                f"must be less for so many items, sizes and "
                f"repetitions: together they would take about {seconds / 3600:,.1f} hours, and at most "
                f"{LONGEST_RUN_S // 3600} is allowed.",
            )
        return self

    @property
    def worker_processes(self) -> int:
        return max(self.sizes)

    @property
    def items(self) -> int:
        return self.last - self.first + 1

    @property
    def length_ms(self) -> float | None:
        """The length of one call in ms, as asked or the workload's own; None where it has none."""
        return self.work_ms if self.work_ms is not None else WORK_MS.get(self.workload)


def estimated_s(params: PoolSizesParams) -> float:
    """About how long a run takes in seconds, good to a factor of a few: only plans that are absurd are refused."""
    length = params.length_ms
    item_s = length / 1000 if length is not None else WORKLOADS[params.workload].call_s
    at_once = LARGEST_POOL if params.workload in WAITING else os.cpu_count() or 1
    worker_s = WORKER_S.get(params.start_method or "", WORKER_S["spawn"])
    round_s = params.items * item_s
    for size in params.sizes:
        chunk = params.chunksize or (1 if params.method != "map" else -(-params.items // (4 * size)))
        turns = -(-params.items // min(size, at_once))
        round_s += turns * item_s + params.items / chunk * MESSAGE_S + size * worker_s
    return round_s * (params.repeats + 2)  # the warm-up and the traced repetition are the two
