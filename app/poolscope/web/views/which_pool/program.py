"""The setting that a which-pool run speaks for, as the values of its standalone script."""

from __future__ import annotations

from dataclasses import dataclass

from poolscope.experiments.pool_benchmark.naming import FAMILIES, config_name
from poolscope.experiments.pool_benchmark.params import OWN_WORK, WhichPoolParams
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import IN_PROCESSES, POOL_KINDS, SERIAL
from poolscope.runs.run import Run
from poolscope.workloads.catalog import OF_WHICH_POOL, WORKLOADS
from poolscope.workloads.source import Source, source

UNKNOWN = "Work that is not known any more"

# How a workload's function is called where it is given more than the item and perhaps its rounds …
CALLS = {
    "sleep": "partial({}, SECONDS)",
    "http": "partial({}, server.server_port)",
    "read-files": "partial({}, write_files(Path(folder)))",
    "shared-object": "partial({}, shared, ROUNDS)",
}
# … and what makes its items, or what it is given.
EXTRA = {"read-files": ("write_files",), "large-arguments": ("large_lists",)}


@dataclass(frozen=True, slots=True)
class Program:
    """What the script's template is given. What somebody may have typed is here as its `repr`, so it can't become code.

    `work` is the built-in work's name, 'own' or 'gone'; `function`, `items` and `setup` are dotted names in `modules`.
    `code` is a built-in work's own, `call` what is mapped, and `rounds` None where it has none.
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
    rounds: int | None
    code: Source | None
    call: str
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
    work = params.workload
    if work not in OF_WHICH_POOL:
        work = "own" if OWN_WORK.fullmatch(work) else "gone"
    own = names(params.workload if work == "own" else "")
    row = WORKLOADS.get(work)
    coroutine = config.kind == "asyncio" or bool(work == "own" and python and python.trial and python.trial.coroutine)
    code = source(work, EXTRA.get(work, ()), coroutine=coroutine) if row else None
    usual = "partial({}, ROUNDS)" if row and row.rounds else "{}"
    return Program(
        work=work,
        does=row.title if row else f"{own['function']} over {own['items']}" if own["function"] else UNKNOWN,
        kind=config.kind,
        setting=config_name(state, config).replace("\N{NO-BREAK SPACE}", " ") if planned else FAMILIES[config.kind],
        decided=bool(choice and choice.config),
        size=repr(config.size),
        chunk=(config.chunk_used or config.chunksize or 1) if config.kind in IN_PROCESSES else 1,
        start_method=repr(config.start_method or None),
        count=repr(params.count),
        rounds=state.calibration.rounds if state.calibration else row.rounds if row else None,
        code=code,
        call=CALLS.get(work, usual).format(code.function if code else own["function"] or "work"),
        calibrated=bool(state.calibration),
        work_ms=repr(params.length_ms),
        coroutine=coroutine and config.kind in ("asyncio", SERIAL),
        modules=tuple(sorted({own[part].rpartition(".")[0] for part in own if own[part]})),
        **own,
    )


def first_kind(params: WhichPoolParams) -> str:
    """The first kind that was asked for and can do the work; the plain loop without one."""
    row = WORKLOADS.get(params.workload)
    able = [kind for kind in POOL_KINDS if kind != "asyncio" or row is None or row.coroutine]
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
