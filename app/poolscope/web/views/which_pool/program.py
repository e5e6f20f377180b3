"""The setting that a which-pool run speaks for, as the values of its standalone script."""

from __future__ import annotations

from dataclasses import dataclass

from poolscope.experiments.pool_benchmark.catalog import BUILT_IN
from poolscope.experiments.pool_benchmark.naming import FAMILIES, setting
from poolscope.experiments.pool_benchmark.params import IN_PROCESSES, KINDS, OWN_WORK, SERIAL, WAITING, WhichPoolParams
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.runs.run import Run

# Before a run has found out how many rounds make a call as long as was asked: of the work itself, and of the others.
GUESSED_ROUNDS = {"zlib": 20, "sha256": 500, "primes": 100, "shared-object": 500}
OF_OTHERS = 100_000
DOES = {
    "square": "Squares",
    "sum-of-squares": "Sums of squares",
    "primes": "Counts of primes",
    "sha256": "SHA-256 digests",
    "zlib": "Packing and unpacking",
    "sleep": "Waiting",
    "http": "Requests to a slow HTTP server",
    "read-files": "Reading files",
    "large-arguments": "Large lists turned around",
    "uneven": "Sums of squares, one in ten much longer",
    "shared-object": "Additions to one number",
    "memory-hungry": "64 MiB blocks",
    "gone": "Work that is not known any more",
}


@dataclass(frozen=True, slots=True)
class Program:
    """What the script's template is given. What somebody may have typed is here as its `repr`, so it can't become code.

    `work` is the built-in work's name, 'own' or 'gone'; `function`, `items` and `setup` are dotted names in `modules`.
    `decided`: the run speaks for this setting; else it is the fastest of a run without a clear winner, or only planned.
    """

    work: str
    does: str
    kind: str
    setting: str
    decided: bool
    size: str
    chunk: int
    start_method: str
    count: str
    rounds: int
    calibrated: bool
    work_ms: str
    coroutine: bool
    modules: tuple[str, ...]
    function: str
    items: str
    setup: str


def program(run: Run) -> Program:
    """The winner's program; without one that of the fastest setting, or of the first pool that was asked for."""
    params: WhichPoolParams = run.params
    state: State = run.state
    choice = recommend(state)
    planned = (choice.config or choice.best) if choice else next(iter(state.pools), None)
    config = planned or Configuration("", "", first_kind(params), params.sizes[0])
    python = state.python(config.python)
    work = params.workload if params.workload in BUILT_IN else "own" if OWN_WORK.fullmatch(params.workload) else "gone"
    own = names(params.workload if work == "own" else "")
    return Program(
        work=work,
        does=DOES.get(work) or f"{own['function']} over {own['items']}",
        kind=config.kind,
        setting=setting(state, config).replace("\N{NO-BREAK SPACE}", " ") if planned else FAMILIES[config.kind],
        decided=bool(choice and choice.config),
        size=repr(config.size),
        chunk=(config.chunk_used or config.chunksize or 1) if config.kind in IN_PROCESSES else 1,
        start_method=repr(config.start_method or None),
        count=repr(params.count),
        rounds=int(state.calibration.get("rounds") or GUESSED_ROUNDS.get(work, OF_OTHERS)),
        calibrated=bool(state.calibration),
        work_ms=repr(params.length_ms),
        coroutine=bool(work == "own" and python and python.preflight.get("coroutine")),
        modules=tuple(sorted({own[part].rpartition(".")[0] for part in own if own[part]})),
        **own,
    )


def first_kind(params: WhichPoolParams) -> str:
    """The first kind that was asked for and can do the work; the plain loop without one."""
    able = [
        kind for kind in KINDS if kind != "asyncio" or params.workload not in BUILT_IN or params.workload in WAITING
    ]
    return next((kind for kind in able if kind in params.kinds), SERIAL)


def names(workload: str) -> dict[str, str]:
    """The parts of 'module:function@items+setup' as dotted names; items and setup may name a module of their own."""
    module, _, rest = workload.partition(":")
    function, _, rest = rest.partition("@")
    items, _, setup = rest.partition("+")

    def dotted(text: str) -> str:
        where, _, what = text.rpartition(":")
        return f"{where or module}.{what}" if what else ""

    return {"function": dotted(function), "items": dotted(items), "setup": dotted(setup)}
