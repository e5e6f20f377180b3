"""The plan of a run: which configurations it compares, why one of them can't do this work, how long each will take, and
in how many rounds.

The estimates are rough, before anything was timed: for the time left and for refusing absurd plans, never for a result.
Pure, standard library only: the server plans with it before a run is admitted, the body once it knows the Pythons; the
body counts rounds by it, and the judge allows by it for having looked at the samples so often.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean

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
# Seconds, from measurements on one 2-CPU machine: one message to a worker, and the start of one worker.
MESSAGE_S = 1e-4
WORKER_S = {"fork": 0.01, "forkserver": 0.03, "spawn": 0.08}
UNKNOWN_WORKER_S = 0.05  # where the start method is the platform's own
# Clusters of dask and ray stay for the run, which pays once for them: a repetition connects, and each worker of dask
# imports what it needs, while ray starts new ones.
ENGINE_WORKER_S = {"loky": 0.2, "joblib": 0.4, "dask": 0.1, "ray": 0.8}
IN_PROCESS_WORKER_S = {"interpreter": 0.05, "thread": 0.0005}


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


@dataclass(frozen=True, slots=True)
class WorkCost:
    """What is assumed of a work: how many items, the seconds of one call, of pickling one item and its result, and
    of pickling the function, which every message carries."""

    items: int
    call_s: float
    waits: bool
    pickle_s: float = 0.0
    function_s: float = 0.0

    @classmethod
    def of_trial(cls, trial: TrialReport) -> WorkCost:
        call_s, cpu_s = (fmean(times) if times else 0.0 for times in (trial.call_s, trial.cpu_s))
        return cls(
            trial.count,
            call_s,
            waits=cpu_s < call_s / 2,
            pickle_s=trial.pickle_s or 0.0,
            function_s=trial.parcel.seconds if trial.parcel else 0.0,
        )


def shortest_call_s(trial: TrialReport) -> float:
    """Seconds of the shortest call that did its work: the very first one may have been long for other reasons."""
    remembered = trial.remembered is not None and trial.remembered.how in ("per item", "per object")
    return min(trial.call_s if remembered else (*trial.call_s, *trial.again_s))


def keeps_one_cpu_busy(trial: TrialReport) -> bool:
    """Whether the calls of a trial computed all the time, and did nothing beside that on another CPU."""
    least, most = ONE_CPU_BUSY
    return bool(trial.call_s) and least <= sum(trial.cpu_s) / sum(trial.call_s) <= most


def repetition_s(config: PlannedConfiguration, cost: WorkCost, *, gil: bool, cpus: int) -> float:
    """Seconds of one repetition, start-up and shutdown included."""
    map_s = -(-cost.items // _at_once(config, cost, gil, cpus)) * cost.call_s
    if config.kind in (SERIAL, "asyncio"):
        return map_s
    carried_s = cost.function_s if config.kind in COPIES_ITEMS else 0.0
    messages_s = cost.items / config.chunk_used * (MESSAGE_S + carried_s)
    if config.kind in IN_PROCESSES:
        worker_s = ENGINE_WORKER_S.get(config.kind) or WORKER_S.get(config.start_method, UNKNOWN_WORKER_S)
        replaced = cost.items // (config.chunk_used * config.max_tasks) if config.max_tasks else 0
        return map_s + messages_s + cost.items * cost.pickle_s + (config.size + replaced) * worker_s
    return map_s + messages_s + config.size * IN_PROCESS_WORKER_S[config.kind]


def _at_once(config: PlannedConfiguration, cost: WorkCost, gil: bool, cpus: int) -> int:
    """How many items are in work at the same time."""
    if config.kind == SERIAL or (config.kind == "asyncio" and not cost.waits):
        return 1
    if cost.waits:
        return config.size
    return 1 if config.kind == "thread" and gil else min(config.size, cpus)


def run_s(
    configs: Iterable[PlannedConfiguration], cost: WorkCost, repeats: int, *, gil: bool = True, cpus: int
) -> float:
    """Seconds of a whole run."""
    return sum(repetition_s(config, cost, gil=gil, cpus=cpus) for config in configs) * (repeats + UNCOUNTED)


def alike(config: PlannedConfiguration) -> tuple[object, ...]:
    """What configurations have in common that are likely to end their process in the same way."""
    return config.python, config.kind, config.start_method, config.native_threads, bool(config.max_tasks)


def hardly_ahead(
    configs: Sequence[PlannedConfiguration], cpus: int
) -> dict[PlannedConfiguration, PlannedConfiguration]:
    """Of pools for work that computes, those that can hardly be ahead of the same with another number of workers.

    They have one worker, or more than there are CPUs; each comes with the one that has as many as there are.
    """
    here = [config for config in configs if config.kind in POOL_KINDS]  # engines may have workers elsewhere
    likely = [config for config in here if 1 < config.size <= cpus]
    found = {}
    for config in here:
        same = [other for other in likely if _but_for_size(other) == _but_for_size(config)]
        if config not in likely and same:
            found[config] = max(same, key=lambda other: other.size)
    return found


def _but_for_size(config: PlannedConfiguration) -> tuple[object, ...]:
    return *alike(config), config.chunksize, config.max_tasks


# How many rounds a run makes that was given no number of them, and when it looks whether it may end

FEWEST_TO_SETTLE = 3  # an interval takes so many
SAMPLE_S = 0.05  # what is timed in one sample lasts so long: the scheduler's turns and the clock are small beside it

# Before three rounds nothing is settled and, where a round is short, nobody drops out: three samples have an interval.
# A round that takes longer than this part of the time is repeated by those alone that may still win; what the others
# lost by is then told with less certainty, so this is for rounds of which few fit.
LONG_ROUND = 1 / 8

# A repetition of a pool that lasts so long is traced as it warms up, and needs no traced one beside the counted ones:
# what is slower the first time, some milliseconds, is little beside it.
TRACED_WARM_UP_S = 0.1
# What has lost is traced as well where that is quicker than reading why it was not.
ALWAYS_TRACED_S = 0.1

# A run has no warm-up round where a warm-up, the two rounds before the first look, and what then still repeats would
# take longer than its time.
HURRIED_ROUNDS = 3.5
# Where fewer rounds than these fit in the time, some configurations of work that computes are repeated no more after
# the first.
ROUNDS_TO_SPARE = 5
# Of a call's time, on the CPUs, where it computes in one thread; what waits for more gains by workers beyond the CPUs.
ONE_CPU_BUSY = (0.8, 1.2)

# One that lasts beyond this part of the time, for calls took longer than those of the trial, is ended.
WARM_UP_SHARE = 0.5

# The most that a run may take beyond its time, as a part of it, to have the fewest rounds that say anything.
GRACE = 0.1

# After these rounds the samples are looked at. Each look is a chance to be wrong, so their distance grows with what
# another round can still change.
LOOKS = (2, 3, 5, 8, 12, 18, 27, 41, 62, 93, 140, 210, 315, 473, 710, 1000)
MOST_ROUNDS = LOOKS[-1]


def is_look(rounds: int) -> bool:
    """Whether the samples are looked at after so many rounds."""
    return rounds in LOOKS


def looks(rounds: int) -> int:
    """How often the samples of so many rounds have been looked at, the last time at the end of them; at least once."""
    return bisect_left(LOOKS, max(1, rounds)) + 1
