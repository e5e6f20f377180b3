"""What may be asked of both experiments: how many workers pay off, and which pool suits a piece of work."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from poolscope.experiments.demand import (
    DASK_CLUSTER,
    DASK_THREADS,
    DASK_WORKER,
    ENGINE_WORKER,
    HOST,
    INTERPRETER,
    NOTHING,
    RAY_CLUSTER,
    RAY_THREADS,
    RAY_WORKER,
    RAY_WORKER_THREADS,
    RUNNER,
    THREAD,
    WORKER,
    Demand,
)
from poolscope.experiments.parameters import (
    InvalidParameter,
    Numbers,
    Params,
    RunLength,
    names,
    parameter,
    quoted,
    start_method_of_this_platform,
    value_of,
)
from poolscope.experiments.pool_benchmark.plan import (
    FEWEST_TO_SETTLE,
    WorkCost,
    configurations,
    limits_of_native_threads,
    run_s,
)
from poolscope.protocol.arguments import BenchmarkArguments, BenchmarkWork, InterpreterPath
from poolscope.protocol.kinds import ENGINES, IN_PROCESSES, POOL_KINDS, SERIAL, STARTED_BY_METHOD, chunk_used
from poolscope.protocol.payloads import PlannedConfiguration
from poolscope.protocol.work_names import OWN_WORK
from poolscope.text.numbers import duration
from poolscope.text.sentences import format_list
from poolscope.workloads.catalog import OF_POOL_SIZES, OF_WHICH_POOL, WAITING, WORK_MS, WORKLOADS

ALL = "all"
# The words that people use for the kinds of pools; the plain loop is measured always.
SYNONYMS = {name: name for name in (*POOL_KINDS, *ENGINES)} | {f"{name}s": name for name in POOL_KINDS}
SYNONYMS |= {"processes": "process", "distributed": "dask"}
SYNONYMS |= {
    ALL: ALL,
    SERIAL: SERIAL,
    "threadpoolexecutor": "thread",
    "processpoolexecutor": "process",
    "multiprocessing.pool": "pool",
    "interpreterpoolexecutor": "interpreter",
}

LABEL = re.compile(r"[\w.+-]{1,40}", re.ASCII)
LONGEST_NAME = 1000

LARGEST_POOL = 64
MOST_ITEMS = 100_000
MOST_SIZES = 16
MOST_CHUNKSIZES = 8
MOST_MAX_TASKS = 8
MOST_NATIVE_THREADS = 256
MOST_LIMITS = 8
MOST_REPEATS = 50
MOST_REPEATS_OF_SIZES = 100
MOST_PYTHONS = 8
MOST_CONFIGURATIONS = 200
LARGEST_FACTORIAL = 5_000
LONGEST_RUN_S = 3600

# Of one call where its length can be chosen.
LENGTHS = {name: WORK_MS[name] for name in OF_WHICH_POOL if name in WORK_MS}
LENGTHS_OF_SIZES = {name: WORK_MS[name] for name in OF_POOL_SIZES if name in WORK_MS}

SIZES = Numbers("sizes", 1, LARGEST_POOL, MOST_SIZES, "'1, 2, 4, 8' or '1-4, 8'")
MAX_TASKS = Numbers("max_tasks", 0, MOST_ITEMS, MOST_MAX_TASKS, "'0, 10, 100'")
CHUNKSIZES = Numbers("chunksizes", 0, MOST_ITEMS, MOST_CHUNKSIZES, "'0, 1, 16'")
NATIVE_THREADS = Numbers("native_threads", 0, MOST_NATIVE_THREADS, MOST_LIMITS, "'1, 2'")
WorkloadOfSizes = Literal["square", "square-sleep", "sum-of-squares", "factorial", "sha256", "read-files"]
Method = Literal["map", "imap", "imap_unordered", "apply_async"]
KINDS_ALLOWED = f"'{ALL}' or names out of {', '.join((*POOL_KINDS, *ENGINES))}"
REPEATS_HELP = "Repetitions, after one warm-up; empty = as many as the answer needs."
SECONDS_HELP = "Time for the whole run, if the number of repetitions is left open."
WORK_MS_HELP = "How long one item computes or waits; empty = default."
SIZES_RANGE = f"1–{LARGEST_POOL}, up to {MOST_SIZES} values"
CHUNKSIZE_HELP = "Items per message (chunk) to a worker process; 0 is the pool's own choice."
MEMORY_OF_WORKER = {
    "thread": THREAD,
    "asyncio": THREAD,
    "interpreter": INTERPRETER,
    "loky": ENGINE_WORKER,
    "joblib": ENGINE_WORKER,
    "dask": DASK_WORKER,
    "ray": RAY_WORKER,
}
OPENING_S = 3.0  # before the repetitions that are asked for: starting the Pythons, trying the work
LONGEST_ROUNDS_S = 3600
LABELS_ALLOWED = "labels of Pythons, such as '3.13, 3.13t'"


class WhichPoolParams(Params):
    amounts: ClassVar[tuple[str, ...]] = ("sizes", "items")

    workload: str = parameter(
        "sum-of-squares",
        "work",
        width=24,
        help="Built-in work, or your own function where the server was started with POOLSCOPE_WORKLOADS.",
    )
    work_ms: float | None = parameter(
        None, "time per item", unit="ms", ge=0.01, le=60_000, width=6, none="default", help=WORK_MS_HELP
    )
    items: int = parameter(
        0,
        "items",
        advanced=True,
        range="0 = default",
        ge=0,
        le=MOST_ITEMS,
        limit="most_items",
        help="How many; 0 = as many as suit the built-in work, all of your own.",
    )
    kinds: list[str] = parameter(
        [],
        "kinds",
        advanced=True,
        choices={kind: kind for kind in (*POOL_KINDS, *ENGINES)},
        none="all of the standard library",
        help=f"Kinds of pools; none ticked means all that this Python's standard library has. {format_list(ENGINES)} "
        "are measured where they are installed.",
    )
    sizes: list[Annotated[int, Field(ge=1, le=LARGEST_POOL)]] = parameter(
        [1, 2, 4, 8],
        "workers",
        advanced=True,
        width=12,
        range=SIZES_RANGE,
        limit="most_workers",
        min_length=1,
        max_length=MOST_SIZES,
        help="Workers in a pool, comma-separated, with ranges: 1, 2, 4-8.",
    )
    chunksizes: list[Annotated[int, Field(ge=0, le=MOST_ITEMS)]] = parameter(
        [0],
        "chunk sizes",
        advanced=True,
        width=8,
        range="0 = pool’s choice",
        min_length=1,
        max_length=MOST_CHUNKSIZES,
        help=CHUNKSIZE_HELP,
    )
    repeats: int | None = parameter(
        None,
        "repetitions",
        advanced=True,
        ge=1,
        le=MOST_REPEATS,
        limit="most_repeats",
        width=6,
        none="as needed",
        help=REPEATS_HELP,
    )
    seconds: float = parameter(
        30.0,
        "time",
        unit="s",
        advanced=True,
        ge=1,
        le=LONGEST_ROUNDS_S,
        limit="most_seconds",
        width=6,
        help=SECONDS_HELP,
    )
    max_tasks: list[Annotated[int, Field(ge=0, le=MOST_ITEMS)]] = parameter(
        [0],
        "tasks per worker",
        width=8,
        range="0 = no limit",
        min_length=1,
        max_length=MOST_MAX_TASKS,
        advanced=True,
        help="After so many messages a worker process is replaced by a new one; 0 = never.",
    )
    star: bool = parameter(
        False,
        "spread items",
        advanced=True,
        help="Call your function with an item's entries: f(*item), or f(**item) where it is a mapping.",
    )
    start_methods: list[str] = parameter(
        [],
        "start methods",
        advanced=True,
        choices={method: method for method in multiprocessing.get_all_start_methods()},
        none="default",
        help="How processes start; none ticked means the platform's default.",
    )
    executor: str = parameter(
        "",
        "executor",
        width=24,
        max_length=LONGEST_NAME,
        advanced=True,
        help="For the kind executor: a name that this installation offers, or module:factory, whose call with a number "
        "of workers gives a concurrent.futures.Executor.",
    )
    native_threads: list[Annotated[int, Field(ge=0, le=MOST_NATIVE_THREADS)]] = parameter(
        [],
        "native threads",
        advanced=True,
        width=8,
        range=f"up to {MOST_LIMITS} values",
        limit="most_threads",
        max_length=MOST_LIMITS,
        help="Limits to the threads of BLAS, OpenMP and the like: 1, 2; 0 or empty = as the environment has it.",
    )
    pythons: list[str] = parameter(
        [],
        "Pythons",
        advanced=True,
        none="this one",
        help="Pythons of this machine to compare; none ticked means the one that Poolscope runs in.",
    )
    limit_s: float = parameter(
        60.0,
        "limit",
        unit="s",
        ge=0.1,
        le=3600,
        limit="most_seconds",
        width=6,
        advanced=True,
        help="How long one call, or one pass over the items, may take before it is given up.",
    )

    item_limit_s: float | None = parameter(
        None,
        "item limit",
        unit="s",
        ge=0.01,
        le=3600,
        width=6,
        none="none",
        advanced=True,
        help="How long the call of one item of your own may take: each is called once, slower ones are left out.",
    )

    @field_validator("workload", mode="before")
    @classmethod
    def work_has_a_name(cls, value: Any) -> Any:
        text = value.strip() if isinstance(value, str) else ""
        if text in OF_WHICH_POOL or (len(text) <= LONGEST_NAME and OWN_WORK.fullmatch(text)):
            return text
        raise ValueError(
            f"`workload` must be one of {', '.join(OF_WHICH_POOL)}, or your own as module:function@items+setup (+setup "
            f"may be left out); {quoted(value)} is not."
        )

    @field_validator("kinds", mode="before")
    @classmethod
    def kinds_from_words(cls, value: Any) -> Any:
        found = names("kinds", value, KINDS_ALLOWED, lambda word: SYNONYMS.get(word.lower()))
        if found == [SERIAL]:
            raise ValueError(f"`kinds` must be {KINDS_ALLOWED}; the plain loop is measured anyway.")
        if ALL in found:
            engines = [kind for kind in found if kind in ENGINES]
            return [*POOL_KINDS, *engines] if engines else []
        return [kind for kind in found if kind != SERIAL]

    @field_validator("sizes", mode="before")
    @classmethod
    def sizes_from_words(cls, value: Any) -> Any:
        return SIZES.of(cls).read(value)

    @field_validator("chunksizes", mode="before")
    @classmethod
    def chunksizes_from_words(cls, value: Any) -> Any:
        return CHUNKSIZES.of(cls).read(value)

    @field_validator("max_tasks", mode="before")
    @classmethod
    def max_tasks_from_words(cls, value: Any) -> Any:
        return MAX_TASKS.of(cls).read(value)

    @field_validator("start_methods", mode="before")
    @classmethod
    def start_methods_of_this_platform(cls, value: Any) -> Any:
        here = multiprocessing.get_all_start_methods()
        allowed = f"names out of {', '.join(sorted(here))}, or empty"
        return names("start_methods", value, allowed, lambda word: word if word in here else None)

    @field_validator("native_threads", mode="before")
    @classmethod
    def native_threads_from_words(cls, value: Any) -> Any:
        return NATIVE_THREADS.of(cls).read(value) if value or value == 0 else []

    @field_validator("pythons", mode="before")
    @classmethod
    def labels_of_pythons(cls, value: Any) -> Any:
        found = names("pythons", value, LABELS_ALLOWED, lambda word: word if LABEL.fullmatch(word) else None)
        if len(found) > MOST_PYTHONS:
            raise ValueError(f"`pythons` must be at most {MOST_PYTHONS} {LABELS_ALLOWED}; these are {len(found)}.")
        return found

    @model_validator(mode="after")
    def plan_is_possible(self) -> Self:
        work = value_of("workload", self.workload)
        if self.work_ms is not None and self.workload not in LENGTHS:
            others = ", ".join(value_of("workload", name) for name in LENGTHS)
            raise InvalidParameter(
                "work_ms", f"must stay empty for {work}, whose length can't be chosen; {others} have one."
            )
        if self.star and self.built_in:
            raise InvalidParameter("star", "must be false for built-in work, whose items have no entries.")
        if self.item_limit_s is not None and self.built_in:
            raise InvalidParameter("item_limit_s", "must stay empty for built-in work, whose items are alike.")
        most = most_items(self.workload)
        if self.items > most:
            raise InvalidParameter("items", f"must be at most {most:,} for {work}; {self.items:,} is not.")
        processes = not self.kinds or any(kind in IN_PROCESSES for kind in self.kinds)
        by_method = not self.kinds or any(kind in STARTED_BY_METHOD for kind in self.kinds)
        if not by_method and self.start_methods:
            raise InvalidParameter(
                "start_methods", "must stay empty where no kind has a start method: process and pool have one."
            )
        if not processes and self.chunksizes != [0]:
            raise InvalidParameter("chunksizes", "must be 0 where no kind takes chunks: those of worker processes do.")
        if not by_method and self.max_tasks != [0]:
            raise InvalidParameter("max_tasks", "must be 0 where no kind replaces workers: process and pool do.")
        if bool(self.executor) != ("executor" in self.kinds):
            wanted = "name a factory, module:factory, for" if "executor" in self.kinds else "be empty without"
            raise InvalidParameter("executor", f"must {wanted} the kind executor.")
        plan = self._largest_plan()
        settings = sum(config.kind != SERIAL for config in plan)
        if settings > MOST_CONFIGURATIONS:
            raise InvalidParameter(
                "sizes",
                "must be fewer, or `kinds`, `chunksizes`, `max_tasks`, `start_methods` or `pythons`: together they "
                f"make {settings} settings, and at most {MOST_CONFIGURATIONS} are allowed.",
            )
        # What one's own function takes is not known; there `limit_s` is what bounds a repetition.
        cost = WorkCost(self.count, (self.length_ms or 0.0) / 1000, waits=self.workload in WAITING)
        longest = self.within("run_s", LONGEST_RUN_S)
        check_length(plan, cost, self.repeats, "items" if self.work_ms is None else "work_ms", "settings", longest)
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
    def run_length(self) -> RunLength | None:
        if self.repeats is None:
            return RunLength(self.seconds, at_most=True)
        if not self.built_in:
            return None  # how long a call takes is found out by the run
        cost = WorkCost(self.count, (self.length_ms or 0.0) / 1000, waits=self.workload in WAITING)
        return RunLength(OPENING_S + run_s(self._largest_plan(), cost, self.repeats, cpus=os.cpu_count() or 1))

    def arguments(
        self,
        folder: str,
        path: Sequence[str],
        pythons: Sequence[InterpreterPath],
        working_folder: str = "",
        executor: str = "",
    ) -> BenchmarkArguments:
        """What the body is given, with the folder and the path that one's own work and executor are imported from."""
        if self.built_in and not executor:
            folder, path, working_folder = "", (), ""
        return BenchmarkArguments(
            work=BenchmarkWork(
                self.workload,
                folder,
                self.work_ms,
                self.items,
                path=tuple(path),
                working_folder=working_folder,
                star=self.star,
                executor=executor,
                packages=any(kind in ENGINES for kind in self.kinds),
            ),
            kinds=tuple(self.kinds),
            sizes=tuple(self.sizes),
            chunksizes=tuple(self.chunksizes),
            max_tasks=tuple(self.max_tasks),
            start_methods=tuple(self.start_methods),
            native_threads=tuple(self.native_threads),
            repeats=self.repeats,
            pythons=tuple(pythons),
            limit_s=self.limit_s,
            item_limit_s=self.item_limit_s,
            seconds=self.seconds,
        )

    @property
    def demand(self) -> Demand:
        """Of the largest pool; each Python and each limit of native threads has a process that holds the items."""
        hosts = max(1, len(self.pythons)) * max(1, len(self.native_threads))
        kinds = self.kinds or POOL_KINDS
        pool = max(
            (memory_of_pool(self.workload, kind, max(self.sizes), self.count, max(self.chunksizes)) for kind in kinds),
            default=0,
        )
        row = WORKLOADS.get(self.workload)
        items = self.count * row.bytes_an_item * hosts if row else 0
        workers = max(self.sizes)
        return Demand(workers, workers + 12 + 8 * hosts, RUNNER + HOST * hosts + items + pool) + self.clusters * hosts

    @property
    def clusters(self) -> Demand:
        """Of dask's clusters, one a size, and of ray's, which stay for the whole run."""
        dask = ray = NOTHING
        if "dask" in self.kinds:
            workers, clusters = sum(self.sizes), len(self.sizes)
            dask = Demand(0, DASK_THREADS * (workers + clusters), DASK_WORKER * workers + DASK_CLUSTER * clusters)
        if "ray" in self.kinds:
            ray = Demand(0, RAY_THREADS + RAY_WORKER_THREADS * max(self.sizes), RAY_CLUSTER)
        return dask + ray

    def planned(self) -> tuple[PlannedConfiguration, ...]:
        """What is known of the plan beforehand: nothing, for which kinds there are is found out by the run."""
        return ()

    @property
    def repetitions(self) -> int:
        """How many there will be, the warm-up and the traced ones included; 0 while that is not known."""
        return 0

    def _largest_plan(self) -> list[PlannedConfiguration]:
        """All that the run may compare; kinds that this work or a Python lacks will not be measured."""
        kinds = list(self.kinds or POOL_KINDS)
        labels = self.pythons or ["this"]
        arguments = self.arguments("", (), [InterpreterPath(label, "") for label in labels])
        return [
            config
            for label in labels
            for limit in limits_of_native_threads(arguments)
            for config in configurations(arguments, label, kinds, "", self.count or 1, limit)
        ]


class PoolSizesParams(Params):
    amounts: ClassVar[tuple[str, ...]] = ("sizes",)

    sizes: list[Annotated[int, Field(ge=1, le=LARGEST_POOL)]] = parameter(
        [2, 4, 6, 8],
        "pool sizes",
        width=12,
        range=SIZES_RANGE,
        limit="most_workers",
        min_length=1,
        max_length=MOST_SIZES,
        help="Processes in the pool, comma-separated, with ranges: 2, 4-8.",
    )
    first: int = parameter(1, "numbers from", ge=-1_000_000, le=1_000_000, help="First number of the items.")
    last: int = parameter(10, "to", ge=-1_000_000, le=1_000_000, help=f"Last number; at most {MOST_ITEMS:,} items.")
    workload: WorkloadOfSizes = parameter(
        "square",
        "work per item",
        help="square-sleep waits, sum-of-squares computes in Python, sha256 computes without the GIL.",
    )
    work_ms: float | None = parameter(
        None, "time per item", unit="ms", ge=0.01, le=60_000, width=6, none="default", help=WORK_MS_HELP
    )
    repeats: int | None = parameter(
        None,
        "repetitions",
        ge=1,
        le=MOST_REPEATS_OF_SIZES,
        limit="most_repeats",
        width=6,
        none="as needed",
        help=REPEATS_HELP,
    )
    seconds: float = parameter(
        30.0, "time", unit="s", ge=1, le=LONGEST_ROUNDS_S, limit="most_seconds", width=6, help=SECONDS_HELP
    )
    start_method: str | None = parameter(
        None, "start method", advanced=True, width=11, help="How processes start; default is the platform's."
    )
    chunksize: int = parameter(
        0,
        "chunk size",
        range="0 = pool’s choice",
        ge=0,
        le=100_000,
        advanced=True,
        help=CHUNKSIZE_HELP,
    )
    method: Method = parameter("map", "method", advanced=True, help="Which method of the pool hands out the items.")

    @field_validator("sizes", mode="before")
    @classmethod
    def sizes_from_words(cls, value: Any) -> Any:
        return SIZES.of(cls).read(value)

    _start_method = field_validator("start_method", mode="before")(start_method_of_this_platform)

    @model_validator(mode="after")
    def plan_is_possible(self) -> Self:
        if self.last < self.first:
            raise InvalidParameter("last", f"must not be less than `first`; {self.last:,} is less than {self.first:,}.")
        most = self.within("most_items", MOST_ITEMS)
        if self.items > most:
            raise InvalidParameter(
                "last", f"must leave at most {most:,} items; from {self.first:,} on there are {self.items:,}."
            )
        if self.workload == "factorial" and self.first < 0:
            raise InvalidParameter("first", f"must be 0 or more for factorial; {self.first:,} has none.")
        if self.workload == "factorial" and self.last > LARGEST_FACTORIAL:
            raise InvalidParameter(
                "last", f"must be at most {LARGEST_FACTORIAL:,} for factorial; {self.last:,} is not."
            )
        if self.work_ms is not None and self.workload not in LENGTHS_OF_SIZES:
            lengths = ", ".join(LENGTHS_OF_SIZES)
            raise InvalidParameter(
                "work_ms", f"must stay empty for {self.workload}, which has no length; {lengths} have one."
            )
        if self.chunksize and self.method == "apply_async":
            raise InvalidParameter("chunksize", "must be 0 for apply_async, which hands out one item a message.")
        name = "work_ms" if self.workload in LENGTHS_OF_SIZES else "repeats"
        longest = self.within("run_s", LONGEST_RUN_S)
        check_length(self.planned(), self._cost, self.repeats, name, "items, sizes", longest)
        return self

    @property
    def run_length(self) -> RunLength:
        if self.repeats is None:
            return RunLength(self.seconds, at_most=True)
        return RunLength(1.0 + run_s(self.planned(), self._cost, self.repeats, cpus=os.cpu_count() or 1))

    @property
    def _cost(self) -> WorkCost:
        call_s = (self.length_ms or 1000 * WORKLOADS[self.workload].call_s) / 1000
        return WorkCost(self.items, call_s, waits=self.workload in WAITING)

    @property
    def worker_processes(self) -> int:
        return max(self.sizes)

    @property
    def demand(self) -> Demand:
        workers = max(self.sizes)
        pool = memory_of_pool(self.workload, "pool", workers, self.items, self.chunksize)
        return Demand(workers, workers + 16, RUNNER + pool)

    @property
    def items(self) -> int:
        return self.last - self.first + 1

    @property
    def length_ms(self) -> float | None:
        """The length of one call in ms, as asked or the workload's own; None where it has none."""
        return self.work_ms if self.work_ms is not None else LENGTHS_OF_SIZES.get(self.workload)

    # The same questions as WhichPoolParams answers.

    @property
    def built_in(self) -> bool:
        return True

    @property
    def count(self) -> int:
        """The items to map."""
        return self.items

    @property
    def kinds(self) -> list[str]:
        return ["pool"]

    @property
    def chunksizes(self) -> list[int]:
        return [self.chunksize]

    @property
    def max_tasks(self) -> list[int]:
        """A worker is never replaced."""
        return [0]

    @property
    def start_methods(self) -> list[str]:
        """Those that were asked for: none is the platform's own."""
        return [self.start_method] if self.start_method else []

    def arguments(self) -> BenchmarkArguments:
        """What the body is given: no Pythons, so that it measures in its own process."""
        return BenchmarkArguments(
            work=BenchmarkWork(self.workload, work_ms=self.work_ms, items=self.items, first=self.first),
            kinds=("pool",),
            sizes=tuple(self.sizes),
            chunksizes=(self.chunksize,),
            start_methods=tuple(self.start_methods),
            method=self.method,
            repeats=self.repeats,
            seconds=self.seconds,
        )

    def planned(self) -> tuple[PlannedConfiguration, ...]:
        """The whole plan, which is known before the run begins."""
        return tuple(configurations(self.arguments(), "", ["pool"], self.start_method or "", self.items))

    @property
    def repetitions(self) -> int:
        """How many there will be, the warm-up and the traced ones included; the plain loop is not traced.

        The fewest where their number is left open.
        """
        rounds = FEWEST_TO_SETTLE if self.repeats is None else self.repeats
        return (1 + len(self.sizes)) * (rounds + 1) + len(self.sizes)


def check_length(
    plan: Sequence[PlannedConfiguration], cost: WorkCost, repeats: int | None, name: str, others: str, longest: int
) -> None:
    """Refuse a plan that is absurdly long, by the parameter `name`; estimates are good to a factor of a few.

    Where the number of rounds is left open, the fewest must be possible. Raises InvalidParameter.
    """
    seconds = run_s(plan, cost, FEWEST_TO_SETTLE if repeats is None else repeats, cpus=os.cpu_count() or 1)
    if seconds > longest:
        raise InvalidParameter(
            name,
            f"must be less for so many {others} and repetitions: together they would take about "
            f"{duration(seconds)}, and at most {duration(longest)} is allowed.",
        )


def memory_of_pool(workload: str, kind: str, size: int, items: int, chunksize: int) -> int:
    """Bytes that a pool's workers hold at once; what a user's own function takes is not known, and left out."""
    row = WORKLOADS.get(workload)
    each = MEMORY_OF_WORKER.get(kind, WORKER)
    if row is None:
        return size * each
    under_way = min(items, size * chunk_used(kind, chunksize, items, size))
    return size * (each + row.bytes_a_worker) + under_way * row.bytes_an_item


def most_items(workload: str) -> int:
    """How many items may be asked for."""
    row = WORKLOADS.get(workload)
    return (row and row.most) or MOST_ITEMS
