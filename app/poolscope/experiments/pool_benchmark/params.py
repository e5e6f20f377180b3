"""What may be asked about which pool suits a piece of work."""

from __future__ import annotations

import multiprocessing
import os
import re
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from poolscope.experiments.lists import Numbers, names
from poolscope.experiments.parameters import InvalidParameter, Params, parameter, quoted
from poolscope.workloads.catalog import OF_WHICH_POOL, WAITING, WORK_MS, WORKLOADS

# The kinds of pools, and the words that people use for them; the plain loop is measured always.
KINDS = ("thread", "process", "pool", "interpreter", "asyncio")
SAID = {name: name for name in KINDS} | {f"{name}s": name for name in KINDS} | {"processes": "process"}
SAID |= {
    "threadpoolexecutor": "thread",
    "processpoolexecutor": "process",
    "multiprocessing.pool": "pool",
    "interpreterpoolexecutor": "interpreter",
}
SERIAL = "serial"
ALL = "all"
# Those that have workers of their own interpreter: they start processes, and take items in chunks.
IN_PROCESSES = ("process", "pool")

NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
OWN_WORK = re.compile(rf"{NAME}:{NAME}@(?:{NAME}:)?{NAME}(?:\+(?:{NAME}:)?{NAME})?")
LABEL = re.compile(r"[\w.+-]{1,40}", re.ASCII)
LONGEST_NAME = 300

LARGEST_POOL = 64
MOST_ITEMS = 100_000
MOST_SIZES = 16
MOST_CHUNKSIZES = 8
MOST_REPEATS = 50
MOST_PYTHONS = 8
MOST_SETTINGS = 200
LONGEST_RUN_S = 3600

# Of one call where its length can be chosen.
LENGTHS = {name: WORK_MS[name] for name in OF_WHICH_POOL if name in WORK_MS}

# Rough costs in seconds, for refusing absurd plans only: of one message to a worker and of one worker.
MESSAGE_S = 1e-4
WORKER_S = 0.03

SIZES = Numbers("sizes", 1, LARGEST_POOL, MOST_SIZES, "'1, 2, 4, 8' or '1-4, 8'")
CHUNKSIZES = Numbers("chunksizes", 0, MOST_ITEMS, MOST_CHUNKSIZES, "'0, 1, 16'")
KINDS_ALLOWED = f"'{ALL}' or names out of {', '.join(KINDS)}"
LABELS_ALLOWED = "labels of Pythons, such as '3.13, 3.13t'"


class WhichPoolParams(Params):
    workload: str = parameter(
        "sum-of-squares",
        "work",
        width=24,
        help="Built-in work of one shape, or your own as module:function@items if this installation offers it.",
    )
    work_ms: float | None = parameter(
        None, "length", unit="ms", ge=0.01, le=60_000, width=6, help="Of one item's work or wait; empty: as usual."
    )
    items: int = parameter(
        0, "items", ge=0, le=MOST_ITEMS, help="How many; 0: as many as suit the built-in work, all of your own."
    )
    kinds: list[str] = parameter(
        [], "kinds", width=18, help=f"Names by commas: {', '.join(KINDS)}; empty or all: what this Python has."
    )
    sizes: list[Annotated[int, Field(ge=1, le=LARGEST_POOL)]] = parameter(
        [1, 2, 4, 8], "sizes", width=12, min_length=1, max_length=MOST_SIZES, help="Workers in a pool, such as 2, 4-8."
    )
    chunksizes: list[Annotated[int, Field(ge=0, le=MOST_ITEMS)]] = parameter(
        [0],
        "chunk sizes",
        width=8,
        min_length=1,
        max_length=MOST_CHUNKSIZES,
        help="Items a message to a process; 0 is the pool's own choice.",
    )
    repeats: int = parameter(5, "repetitions", ge=1, le=MOST_REPEATS, help="Counted rounds, after one that is not.")
    start_methods: list[str] = parameter(
        [],
        "start methods",
        advanced=True,
        width=16,
        help="fork, forkserver, spawn, by commas; empty: the platform's default.",
    )
    pythons: list[str] = parameter(
        [], "Pythons", advanced=True, width=12, help="Labels by commas, such as 3.13, 3.13t; empty: this one."
    )
    limit_s: float = parameter(
        60.0,
        "limit",
        unit="s",
        ge=0.1,
        le=3600,
        width=6,
        advanced=True,
        help="How long one call, or one pass over the items, may take before it is given up.",
    )

    @field_validator("workload", mode="before")
    @classmethod
    def work_has_a_name(cls, given: Any) -> Any:
        text = given.strip() if isinstance(given, str) else ""
        if text in OF_WHICH_POOL or (len(text) <= LONGEST_NAME and OWN_WORK.fullmatch(text)):
            return text
        raise ValueError(
            f"workload must be one of {', '.join(OF_WHICH_POOL)}, or your own as module:function@items+setup (+setup "
            f"may be left out); {quoted(given)} is not."
        )

    @field_validator("kinds", mode="before")
    @classmethod
    def kinds_from_words(cls, given: Any) -> Any:
        found = names("kinds", given, KINDS_ALLOWED, lambda word: {**SAID, ALL: ALL, SERIAL: SERIAL}.get(word.lower()))
        if found == [SERIAL]:
            raise ValueError(f"kinds must be {KINDS_ALLOWED}; the plain loop is measured anyway.")
        return [] if ALL in found else [kind for kind in found if kind != SERIAL]

    @field_validator("sizes", mode="before")
    @classmethod
    def sizes_from_words(cls, given: Any) -> Any:
        return SIZES.read(given)

    @field_validator("chunksizes", mode="before")
    @classmethod
    def chunksizes_from_words(cls, given: Any) -> Any:
        return CHUNKSIZES.read(given)

    @field_validator("start_methods", mode="before")
    @classmethod
    def start_methods_of_this_platform(cls, given: Any) -> Any:
        here = multiprocessing.get_all_start_methods()
        allowed = f"names out of {', '.join(sorted(here))}, or empty"
        return names("start_methods", given, allowed, lambda word: word if word in here else None)

    @field_validator("pythons", mode="before")
    @classmethod
    def labels_of_pythons(cls, given: Any) -> Any:
        found = names("pythons", given, LABELS_ALLOWED, lambda word: word if LABEL.fullmatch(word) else None)
        if len(found) > MOST_PYTHONS:
            raise ValueError(f"pythons must be at most {MOST_PYTHONS} {LABELS_ALLOWED}; these are {len(found)}.")
        return found

    @model_validator(mode="after")
    def plan_is_possible(self) -> Self:
        if self.work_ms is not None and self.workload not in LENGTHS:
            raise InvalidParameter(
                "work_ms",
                f"must stay empty for {self.workload}, whose length can't be chosen; {', '.join(LENGTHS)} have one.",
            )
        most = most_items(self.workload)
        if self.items > most:
            raise InvalidParameter("items", f"must be at most {most:,} for {self.workload}; {self.items:,} is not.")
        processes = not self.kinds or any(kind in IN_PROCESSES for kind in self.kinds)
        if not processes and self.start_methods:
            raise InvalidParameter(
                "start_methods", "must stay empty where no kind starts processes: process and pool do."
            )
        if not processes and self.chunksizes != [0]:
            raise InvalidParameter("chunksizes", "must be 0 where no kind takes chunks: process and pool do.")
        settings = self.settings
        if settings > MOST_SETTINGS:
            raise InvalidParameter(
                "sizes",
                f"must be fewer, or kinds, chunksizes, start_methods or pythons: together they make {settings} "
                f"settings, and at most {MOST_SETTINGS} are allowed.",
            )
        seconds = estimated_s(self)
        if seconds > LONGEST_RUN_S:
            raise InvalidParameter(
                "items" if self.work_ms is None else "work_ms",
                f"must be less for so many settings and repetitions: "
                f"together they would take about {seconds / 3600:,.1f} hours, and at most {LONGEST_RUN_S // 3600} is "
                "allowed.",
            )
        return self

    @property
    def built_in(self) -> bool:
        return self.workload in OF_WHICH_POOL

    @property
    def count(self) -> int:
        """The items to map, as asked; 0 for all of the user's own."""
        return self.items or (WORKLOADS[self.workload].count if self.built_in else 0)

    @property
    def length_ms(self) -> float | None:
        """The length of one call in ms, as asked or the work's own; None where it has none."""
        return self.work_ms if self.work_ms is not None else WORK_MS.get(self.workload)

    @property
    def settings(self) -> int:
        """How many settings are compared at most, the plain loops left out."""
        kinds = self.kinds or KINDS
        each = {kind: len(self.start_methods or [""]) * len(self.chunksizes) for kind in IN_PROCESSES}
        return sum(each.get(kind, 1) for kind in kinds) * len(self.sizes) * len(self.pythons or [""])


def most_items(workload: str) -> int:
    """How many items may be asked for."""
    row = WORKLOADS.get(workload)
    return (row and row.most) or MOST_ITEMS


def estimated_s(params: WhichPoolParams) -> float:
    """About how long a run takes in seconds, good to a factor of a few: only plans that are absurd are refused.

    What one's own function takes is not known; there `limit_s` is what bounds a pass.
    """
    item_s = (params.length_ms or 0.0) / 1000
    waits = params.workload in WAITING
    methods = len(params.start_methods or [""])
    round_s = params.count * item_s
    for kind in params.kinds or KINDS:
        if kind == "asyncio" and not waits:
            continue  # only work that waits has a coroutine
        for size in params.sizes:
            at_once = size if waits else 1 if kind == "thread" else min(size, os.cpu_count() or 1)
            map_s = -(-params.count // at_once) * item_s
            if kind not in IN_PROCESSES:
                round_s += map_s + params.count * MESSAGE_S
                continue
            for chunksize in params.chunksizes:
                messages = params.count / (
                    chunksize or (1 if kind == "process" else -(-params.count // (4 * size)) or 1)
                )
                round_s += methods * (map_s + messages * MESSAGE_S + size * WORKER_S)
    # The warm-up and the traced repetition are the two.
    return round_s * (params.repeats + 2) * len(params.pythons or [""])
