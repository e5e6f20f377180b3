"""The setting that a which-pool run speaks for, as the values of its standalone script."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from poolscope.experiments.pool_benchmark.findings.dispatch import chunks_too_small
from poolscope.experiments.pool_benchmark.naming import FAMILIES, config_name
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import ENGINES, IN_PROCESSES, POOL_KINDS, SERIAL
from poolscope.protocol.native import variables
from poolscope.protocol.payloads import ImportedPlace
from poolscope.protocol.work_names import FACTORY, OWN_WORK, WorkNames, is_file, path_of
from poolscope.runs.run import Run
from poolscope.text.sentences import format_list
from poolscope.workloads.catalog import OF_WHICH_POOL, WORKLOADS
from poolscope.workloads.source import Source, source

# What the script of a kind needs beside the standard library.
NEEDED = {"loky": ("loky",), "joblib": ("joblib",), "dask": ("dask[distributed]",), "ray": ("ray",)}
NEEDED |= {"executor": ("your executor",)}
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

    `work` is the built-in work's name, 'own' or 'gone'. `code` is a built-in work's own, `call` what is mapped, and
    `rounds` None where it has none. `decided`: the run speaks for this setting; else it is the fastest of a run without
    a clear winner, or only planned. `calling` is 'item', 'positional' for entries that a method of the pool can hand
    over, else 'spread'. `needs` names what is not in the standard library; `factory` is the line that imports the
    factory of a user's executor as `make_executor`, '' where it is known by another name only. `fresh`: calls change
    their items, of which each way then gets copies. `larger_chunk` is a chunk size to try where the setting's own, one
    item a message, was seen to cost much; 0 without one.
    """

    work: str
    does: str
    kind: str
    setting: str
    decided: bool
    size: str
    chunk: int
    start_method: str
    max_tasks: int
    native_threads: Mapping[str, str]
    count: str
    rounds: int | None
    code: Source | None
    call: str
    calibrated: bool
    work_ms: str
    coroutine: bool
    own: Imports
    calling: str
    needs: str
    factory: str
    fresh: bool = False
    larger_chunk: int = 0


def program(run: Run) -> Program:
    """The winner's program; without one that of the fastest setting, or of the first pool that was asked for."""
    params: WhichPoolParams = run.params
    state: State = run.state
    choice = recommend(state)
    planned = (choice.config or choice.best) if choice else next(iter(state.pools), None)
    config = planned or Configuration("", "", first_kind(params), params.sizes[0])
    python = state.python(config.python)
    work = work_name = params.workload
    if work not in OF_WHICH_POOL:
        work = "own" if OWN_WORK.fullmatch(work) else "gone"
    tried = python.trial.imports if python and python.trial else ()
    own = own_imports(work_name, tried) if work == "own" else Imports()
    row = WORKLOADS.get(work)
    coroutine = config.kind == "asyncio" or bool(work == "own" and python and python.trial and python.trial.coroutine)
    code = source(work, EXTRA.get(work, ()), coroutine=coroutine) if row else None
    calling = python.trial.calling if python and python.trial else "mixed" if params.star else "item"
    hands_entries_over = calling == "positional" and not coroutine and config.kind not in ENGINES
    spreads = work == "own" and calling != "item" and not hands_entries_over
    usual = "partial({}, ROUNDS)" if row and row.rounds else "{}"
    call = CALLS.get(work, usual).format(code.function if code else own.function or "work")
    return Program(
        work=work,
        does=row.title if row else f"{own.function} over {own.items}" if own.function else UNKNOWN,
        kind=config.kind,
        setting=config_name(state, config).replace("\N{NO-BREAK SPACE}", " ") if planned else FAMILIES[config.kind],
        decided=bool(choice and choice.config),
        size=repr(config.size),
        chunk=(config.chunk_used or config.chunksize or 1) if config.kind in IN_PROCESSES else 1,
        start_method=repr(config.start_method or None),
        max_tasks=config.max_tasks,
        native_threads=variables(config.native_threads) if config.native_threads else {},
        count=repr(params.count),
        rounds=state.calibration.rounds if state.calibration else row.rounds if row else None,
        code=code,
        call="spread" if spreads else call,
        calibrated=bool(state.calibration),
        work_ms=repr(params.length_ms),
        coroutine=coroutine and config.kind in ("asyncio", SERIAL),
        own=own,
        calling="spread" if spreads else calling,
        needs=format_list([*(["your module"] if work == "own" else []), *NEEDED.get(config.kind, ())]) or "nothing",
        factory=factory_line(params.executor),
        fresh=bool(python and python.trial and python.trial.changed and python.trial.changed.copied),
        larger_chunk=larger_chunk(state, config, run.usable_cpus),
    )


def larger_chunk(state: State, config: Configuration, usable_cpus: int) -> int:
    """The chunk size of another pool beside which this configuration lost by sending one item a message; 0 without."""
    found = chunks_too_small(state, usable_cpus)
    lost = found.code == "one item a message" and found.facts["config"] is config
    return int(found.facts["other_chunk"]) if lost else 0


def factory_line(executor: str) -> str:
    """The import of a factory that is named as module:name; '' for one that is offered by another name, or a file's."""
    place, _, name = executor.rpartition(":")
    if not place or not FACTORY.fullmatch(executor) or is_file(place) or "." in name:
        return ""
    return f"from {place} import {name} as make_executor"


def first_kind(params: WhichPoolParams) -> str:
    """The first kind that was asked for and can do the work; the plain loop without one."""
    row = WORKLOADS.get(params.workload)
    able = [kind for kind in (*POOL_KINDS, *ENGINES) if kind != "asyncio" or row is None or row.coroutine]
    return next((kind for kind in able if kind in params.kinds), SERIAL)


@dataclass(frozen=True, slots=True)
class Imports:
    """A user's own work in a script: what stands at its top, and the parts of the work as expressions.

    `roots` are folders that the modules are imported from, `files` modules by the paths that they are read from, under
    the names that follow from them, all of them as `repr`; `items` and `setup` are as `function` is, setup '' without.
    """

    function: str = ""
    items: str = ""
    setup: str = ""
    modules: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def own_imports(workload: str, found: Sequence[ImportedPlace]) -> Imports:
    """By what the run found of the places; before it has, a file passes for a script of its own folder."""
    work, known = WorkNames.of(workload), {each.place: each for each in found}
    places = {place: known.get(place) or guessed(place) for place in work.places}
    files = {each.module: repr(path_of(each.place)) for each in places.values() if each.stand_in}

    def dotted(part: tuple[str, str] | None) -> str:
        return f"{places[part[0]].module}.{part[1]}" if part else ""

    return Imports(
        function=dotted(work.function),
        items=dotted(work.items),
        setup=dotted(work.setup),
        modules=tuple(sorted({each.module for each in places.values()} - files.keys())),
        roots=tuple(repr(root) for root in dict.fromkeys(each.root for each in places.values()) if root),
        files=files,
    )


def guessed(place: str) -> ImportedPlace:
    """A place as it will be imported, where nobody has tried."""
    if not is_file(place):
        return ImportedPlace(place, place, None)
    file = PurePosixPath(path_of(place))
    named = file.stem.isidentifier() and not keyword.iskeyword(file.stem)
    name = file.stem if named else re.sub(r"\W", "_", f"_{file.stem}")
    return ImportedPlace(place, name, str(file.parent), stand_in=not named)
