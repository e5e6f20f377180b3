"""What this machine measured for the guide: each figure from the newest finished run in the journal that has it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poolscope.errors import UnknownRun
from poolscope.experiments.disturbance import reason_in_words
from poolscope.experiments.failures.catalogue import EVERY, SCENARIOS
from poolscope.experiments.failures.messages import endings
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.findings.validity import judge_disturbance
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.experiments.sharing.catalog import CATALOG, Tool
from poolscope.experiments.sharing.findings import disturbed
from poolscope.runs.journal import StoredRun
from poolscope.runs.run import Run
from poolscope.text import numbers
from poolscope.web.app_state import AppState
from poolscope.web.guide.topics import PRESETS, Preset

LOOKED_AT = 50  # finished runs of an experiment, newest first

State = Mapping[str, Any]
Fits = Callable[[Mapping[str, Any]], bool]
Word = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row's figures: `what` was measured for threads and for processes, in which run ('' for none), how to again.

    A figure that nobody has measured is an en dash. `disturbed` says what else spoiled that run, '' where nothing did.
    """

    what: str
    threads: str
    processes: str
    run: str
    preset: Preset
    disturbed: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of the comparison, a field a row."""

    use: Figure
    memory: Figure
    messages: Figure
    gil: Figure
    isolation: Figure
    overhead: Figure
    scaling: Figure


@dataclass(frozen=True, slots=True)
class PoolFigure:
    """The pool of three as it was measured here, in seconds, and the five processes' ids; empty: not yet.

    `disturbed` says what else spoiled the run of the three, '' where nothing did.
    """

    run: str
    disturbed: str
    loop: float | None
    pool: float | None
    speedup: float | None
    five_run: str
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ToolFigure:
    """One tool of sharing, what is said of it, what it did here, and what disturbed that run, '' where nothing did."""

    tool: Tool
    rate: float | None
    mark: str
    word: str
    disturbed: str = ""


@dataclass(frozen=True, slots=True)
class ScenarioFigure:
    """One scenario of failure and how its first case ended here."""

    name: str
    title: str
    explanation: str
    outcome: str


@dataclass(frozen=True, slots=True)
class EngineFigure:
    """What one kind of pool gained and cost here, in words: with computing work, and with large arguments.

    Something else disturbed the run that the first two are from, or that of the third: what, '' where nothing did.
    """

    computing: str
    start: str
    arguments: str
    computing_disturbed: str
    arguments_disturbed: str


class Kept:
    """The finished runs of the journal while one page is made: each experiment's list is read once.

    With an `owner`, of his runs and the host's own: the guide must not lead a visitor to what a stranger has started.
    """

    def __init__(self, app_state: AppState, owner: str = "") -> None:
        self._app_state, self._owner = app_state, owner
        self._rows: dict[str, list[StoredRun]] = {}

    async def newest(self, experiment: str, fits: Fits) -> Run | None:
        """The newest finished run of an experiment whose parameters fit."""
        if experiment not in self._rows:
            self._rows[experiment] = await self._app_state.scheduler.journal.runs(
                experiment=experiment, status="finished", visitor=self._owner, and_nobodys=True, limit=LOOKED_AT
            )
        for row in self._rows[experiment]:
            if fits(row.params):
                with contextlib.suppress(UnknownRun):  # deleted meanwhile
                    return await self._app_state.store.run(row.id)
        return None


def state_as_json(run: Run | None) -> State:
    return run.experiment.meaning.as_json(run.state) if run else {}


def spoiled(run: Run | None) -> str:
    """What else disturbed a measured run, as far as it could be told; '' where nothing did."""
    if run is None:
        return ""
    if run.experiment.name == "sharing":
        judged = disturbed(run.state, run.usable_cpus)
    else:
        judged = judge_disturbance(run.state, run.state.usable_cpus or run.usable_cpus)
    return reason_in_words(judged)


def id_of(run: Run | None) -> str:
    return run.id if run else ""


def showing(parameter: str, *wanted: str) -> Fits:
    """Runs that were asked for all that is wanted; an empty list and 'all' stand for everything."""

    def fits(params: Mapping[str, Any]) -> bool:
        names = params[parameter]
        return not names or "all" in names or set(wanted) <= set(names)

    return fits


def mapping(workload: str) -> Fits:
    """Runs of which-pool that map this work in threads and processes."""
    in_both = showing("kinds", "thread", "process")
    return lambda params: params["workload"] == workload and in_both(params)


async def figures(kept: Kept) -> Figures:
    """Everything that the comparison of threads and processes shows."""
    waiting = await kept.newest("which-pool", mapping("sleep"))
    computing = await kept.newest("which-pool", mapping("sum-of-squares"))
    sharing = await kept.newest("sharing", showing("tools", "queue", "mp-queue"))
    crashes = await kept.newest("failures", showing("scenarios", "side-by-side"))

    def of_cells(what: str, run: Run | None, word: Word, preset: str, alike: bool = False) -> Figure:
        cells = state_as_json(run).get("cells", ())
        pools = [best(cells, "thread"), best(cells, "process")]
        if alike:  # as many threads as processes, and several: one alone has no company
            many = [cell for cell in cells if cell["size"] > 1] or cells
            pools[1] = best(many, "process")
            pools[0] = best([cell for cell in cells if cell["size"] == pools[1].get("size")], "thread") or pools[0]
        threads, processes = map(word, pools)
        return figure_of(what, threads, processes, run, preset)

    rates = {tool["tool"]: tool["operations_per_s"]["median"] for tool in state_as_json(sharing).get("tools", ())}
    ends = {entry["tool"]: entry for entry in state_as_json(crashes).get("matrix", ()) if entry["fault"] == "exits"}
    return Figures(
        use=of_cells("speed-up over the loop while each item waits", waiting, speedup, "waiting"),
        memory=of_cells("memory that a worker adds", computing, memory, "computing", alike=True),
        messages=figure_of(
            "items through a queue, per second",
            numbers.whole(rates.get("queue")),
            numbers.whole(rates.get("mp-queue")),
            sharing,
            "messages",
        ),
        gil=of_cells("a worker's time on a CPU while each item computes", computing, on_cpu, "computing", alike=True),
        isolation=Figure(
            "a task calls exit: what becomes of the other tasks",
            ending(ends.get("ThreadPoolExecutor")),
            ending(ends.get("ProcessPoolExecutor")),
            id_of(crashes),
            PRESETS["crashes"],
        ),
        overhead=of_cells("until all workers answered", computing, start_up, "computing", alike=True),
        scaling=of_cells("best speed-up over the loop while each item computes", computing, speedup, "computing"),
    )


def figure_of(what: str, threads: str, processes: str, run: Run | None, preset: str) -> Figure:
    """What a run measured, whatever it is about."""
    return Figure(what, threads, processes, id_of(run), PRESETS[preset], spoiled(run))


def best(cells: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    """The fastest cell of a kind in the run's first Python, {} where none has been timed."""
    timed = [
        cell
        for cell in cells
        if cell["kind"] == kind and cell["wall_s"]["median"] is not None and cell["python"] == cells[0]["python"]
    ]
    return min(timed, key=lambda cell: float(cell["wall_s"]["median"]), default={})


def speedup(cell: Mapping[str, Any]) -> str:
    value = (cell.get("speedup") or {}).get("value")
    return numbers.UNKNOWN if value is None else f"{numbers.times(value)} with {cell['size']}"


def memory(cell: Mapping[str, Any]) -> str:
    held = cell.get("memory_per_worker")
    return numbers.UNKNOWN if held is None else numbers.size(held)


def on_cpu(cell: Mapping[str, Any]) -> str:
    share = cell.get("cpu_share")
    return numbers.UNKNOWN if share is None else f"{numbers.percent(share)}% of each of {cell['size']}"


def start_up(cell: Mapping[str, Any]) -> str:
    seconds, cluster_s = (cell.get("start_s") or {}).get("median"), cell.get("cluster_start_s")
    if seconds is None:
        return numbers.UNKNOWN
    before = f", after {numbers.duration(cluster_s)} for the cluster" if cluster_s else ""
    return f"{numbers.duration(seconds)} for {cell['size']}{before}"


def ending(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return numbers.UNKNOWN
    total = entry["kept"] + entry["lost"]
    return f"{entry['outcome']}, {entry['kept']} of {total} kept" if total else str(entry["outcome"])


async def pool_figure(kept: Kept, three: Run | None) -> PoolFigure:
    """The pool of three, and the pids of the five workers that had a task each."""
    five = await kept.newest("pool-sizes", asked_as("five-processes"))
    state = state_as_json(three)
    sizes = state.get("sizes") or [{}]
    return PoolFigure(
        run=id_of(three),
        disturbed=spoiled(three),
        loop=(state.get("serial") or {}).get("median"),
        pool=(sizes[0].get("map_s") or {}).get("median"),
        speedup=sizes[0].get("speedup"),
        five_run=id_of(five),
        pids=tuple(five.state.lanes.pids.values()) if five else (),
    )


def asked_as(preset: str) -> Fits:
    """Runs with a preset's parameters, however often it was repeated."""
    wanted = PRESETS[preset]
    asked = parse(EXPERIMENTS[wanted.experiment].params, wanted.params).model_dump(
        mode="json", exclude={"repeats", "seconds"}
    )
    return lambda params: all(params.get(name) == value for name, value in asked.items())


async def pool_of_three(kept: Kept) -> Run | None:
    return await kept.newest("pool-sizes", asked_as("pool-of-three"))


async def tool_figures(kept: Kept) -> tuple[ToolFigure, ...]:
    """Every tool with its rate in the newest run that showed it."""
    return tuple([tool_figure(tool, await kept.newest("sharing", showing("tools", tool.name))) for tool in CATALOG])


def tool_figure(tool: Tool, run: Run | None) -> ToolFigure:
    shown = next((each for each in state_as_json(run).get("tools", ()) if each["tool"] == tool.name), None)
    if shown is None:
        return ToolFigure(tool, None, "queued", "not run yet")
    rate = shown["operations_per_s"]["median"]
    if shown["correct"]:
        return ToolFigure(tool, rate, "done", "right", spoiled(run))
    lost = shown["lost"] / shown["expected"] if shown["lost"] and shown["expected"] else None
    return ToolFigure(tool, rate, "failed", f"lost {numbers.percent(lost)}%" if lost else "wrong", spoiled(run))


async def scenario_figures(kept: Kept) -> tuple[ScenarioFigure, ...]:
    """Every scenario that waits for nobody, with the outcome of its newest run."""
    found = []
    for name in EVERY:
        scenario = SCENARIOS[name]
        run = await kept.newest("failures", showing("scenarios", name))
        outcomes = {
            each["scenario"]: endings([case["outcome"] for case in each["cases"]])
            for each in state_as_json(run).get("scenarios", ())
            if each["cases"]
        }
        found.append(
            ScenarioFigure(name, scenario.title, scenario.explanation, str(outcomes.get(name, numbers.UNKNOWN)))
        )
    return tuple(found)


async def engine_figures(kept: Kept) -> dict[str, EngineFigure]:
    """By kind: the newest runs that compared all of them."""
    computing_run = await kept.newest("which-pool", asked_as("engines-computing"))
    arguments_run = await kept.newest("which-pool", asked_as("engines-arguments"))
    computing = state_as_json(computing_run).get("cells", ())
    arguments = state_as_json(arguments_run).get("cells", ())
    return {
        kind: EngineFigure(
            speedup(best(computing, kind)),
            start_up(best(computing, kind)),
            speedup(best(arguments, kind)),
            spoiled(computing_run),
            spoiled(arguments_run),
        )
        for kind in PRESETS["engines-computing"].params["kinds"]
    }
