"""The plan of a run: which configurations it compares, and why one of them can't do this work.

Pure, standard library only: the server plans with it before a run is admitted, the body once it knows the Pythons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from poolscope.protocol.arguments import BenchmarkArguments
from poolscope.protocol.kinds import (
    BY_CLOUDPICKLE,
    COPIES_ITEMS,
    ENGINES,
    IN_PROCESSES,
    POOL_KINDS,
    SERIAL,
    STARTED_BY_METHOD,
    chunk_used,
)
from poolscope.protocol.payloads import InterpreterFacts, PlannedConfiguration, TrialReport

NAMES = {
    SERIAL: "the plain loop",
    "pool": "multiprocessing.Pool({})",
    "asyncio": "asyncio with {} at once",
    **{kind: f"{kind} with {{}} workers" for kind in ENGINES},
}
UNCOUNTED = 2  # repetitions of a pool beside the counted ones: the warm-up and the traced one


def planned(
    python: str,
    kind: str,
    size: int = 1,
    start_method: str = "",
    chunksize: int = 0,
    *,
    items: int,
    method: str = "map",
    max_tasks: int = 0,
    native_threads: int = 0,
) -> PlannedConfiguration:
    """One configuration of a map over so many items."""
    used = chunk_used(kind, chunksize, items, size, method)
    return PlannedConfiguration(
        key=_key(python, kind, size, start_method, chunksize, max_tasks, native_threads),
        python=python,
        kind=kind,
        size=size,
        start_method=start_method,
        chunksize=chunksize,
        chunk_used=used,
        spare_workers=max(0, size - -(-items // used)),
        method=method,
        max_tasks=max_tasks,
        native_threads=native_threads,
    )


def _key(
    python: str, kind: str, size: int, start_method: str, chunksize: int, max_tasks: int, native_threads: int
) -> str:
    """The name of a configuration in records and lanes: '3.11 process fork 2 c0', '3.11 serial native1'; '2 workers'
    in the run's own Python, which measures one kind alone."""
    if not python:
        return SERIAL if kind == SERIAL else f"{size} workers"
    words = [python, kind]
    if kind != SERIAL:
        words += [start_method, str(size), *([f"c{chunksize}"] if kind in IN_PROCESSES else [])]
        words += [f"t{max_tasks}"] if max_tasks else []
    return " ".join(filter(None, [*words, f"native{native_threads}" if native_threads else ""]))


def limits_of_native_threads(arguments: BenchmarkArguments) -> list[int]:
    """Each of them takes host processes of its own; as the user has it comes first, whose loop is the baseline."""
    return sorted({0, *arguments.native_threads})


def configurations(
    arguments: BenchmarkArguments,
    python: str,
    kinds: Sequence[str],
    own_start_method: str,
    items: int,
    native_threads: int = 0,
) -> Iterator[PlannedConfiguration]:
    """Those of one Python with so many native threads: the plain loop first, then kind by kind.

    `own_start_method` is used where none was asked.
    """
    yield planned(python, SERIAL, items=items, native_threads=native_threads)
    for kind in kinds if native_threads in (arguments.native_threads or (0,)) else ():
        by_method = kind in STARTED_BY_METHOD
        methods = (arguments.start_methods or (own_start_method,)) if by_method else ("",)
        limits = arguments.max_tasks if by_method else (0,)
        spawned = kind == "process" and not arguments.start_methods and own_start_method == "fork" and any(limits)
        for start_method, max_tasks, chunksize, size in product(
            (*methods, "spawn") if spawned else methods,
            limits,
            arguments.chunksizes if kind in IN_PROCESSES else [0],
            arguments.sizes,
        ):
            # An executor that replaces its workers spawns them, where nothing is said, and is compared with its like.
            if not (spawned and max_tasks and start_method == "fork"):
                yield planned(
                    python,
                    kind,
                    size,
                    start_method,
                    chunksize,
                    items=items,
                    method=arguments.method,
                    max_tasks=max_tasks,
                    native_threads=native_threads,
                )


def kinds_to_measure(arguments: BenchmarkArguments, facts: InterpreterFacts, trial: TrialReport) -> list[str]:
    """In the order in which they are named everywhere; one that was asked for by name is there even if it can't."""
    if arguments.kinds:
        return [kind for kind in (*POOL_KINDS, *ENGINES) if kind in arguments.kinds]
    there = [kind for kind in POOL_KINDS if facts.kinds.get(kind) is None]
    return [kind for kind in there if kind != "asyncio" or trial.coroutine]


def why_unfit(config: PlannedConfiguration, facts: InterpreterFacts, trial: TrialReport) -> str | None:
    """Why a configuration can't do this work, in a sentence; None where nothing speaks against it."""
    kind = config.kind
    if missing := facts.kinds.get(kind):
        return missing
    if config.start_method and config.start_method not in facts.start_methods:
        return f"This Python has no start method {config.start_method}."
    if kind == "process" and config.max_tasks and (why := why_not_replaced(config, facts, trial.count)):
        return why
    if kind == "asyncio" and not trial.coroutine:
        return (
            f"{trial.function} has no form as an async def: in asyncio's one thread it would be the plain loop again."
        )
    if trial.is_async and kind not in (SERIAL, "asyncio"):
        return f"{trial.function} is an async def: called by a pool's worker it makes a coroutine that nobody awaits."
    if kind in COPIES_ITEMS:
        # Some functions without a name go to an interpreter by their code, and to others by value: it is tried.
        tries = kind == "interpreter" or kind in BY_CLOUDPICKLE
        parts = [part for part in trial.unpicklable if part != "function" or not tries]
        return " ".join(trial.unpicklable[part] for part in parts) or None
    return None


def why_not_replaced(config: PlannedConfiguration, facts: InterpreterFacts, items: int) -> str | None:
    """Why an executor can't replace its workers as the configuration asks; None where it can."""
    if config.start_method == "fork":
        return (
            "A ProcessPoolExecutor with max_tasks_per_child refuses fork, since it would fork while its threads run. "
            "It takes spawn and forkserver; a multiprocessing.Pool replaces forked workers too."
        )
    messages = -(-items // config.chunk_used)
    if not facts.executor_replaces and 1 < config.max_tasks <= messages:
        return (
            f"In Python {facts.version} a ProcessPoolExecutor with max_tasks_per_child={config.max_tasks} stops for "
            "ever once its workers have done so many tasks each: it does not notice that they are gone (gh-115634). "
            "Use multiprocessing.Pool with maxtasksperchild, or a release in which that is mended."
        )
    return None


def in_words(config: PlannedConfiguration) -> str:
    """'the plain loop', '2 interpreters': as sentences about one Python name a configuration."""
    if config.kind in NAMES:
        return NAMES[config.kind].format(config.size)
    plural = "" if config.size == 1 else "es" if config.kind == "process" else "s"
    return f"{config.size} {config.kind}{plural}"
