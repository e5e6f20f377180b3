"""The failures as pages show them: a row a scenario, its story and lanes case by case, the matrix, what was left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter_ns

from poolscope.examples import program_with
from poolscope.experiments.failures.catalogue import FAULTS, SCENARIOS, TOOLS
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.failures.samples import UNTOLD, Case, State
from poolscope.experiments.failures.state import left
from poolscope.runs.run import Run
from poolscope.runs.status import Status
from poolscope.text import language, numbers
from poolscope.web import timeline

IDLE = (
    "Each scenario breaks something for real, in a process of its own: an exception, a killed worker, a deadlock. "
    "You will see who noticed, after how long, what was kept and what was lost."
)
WIDE = True
PIECES = ("matrix", *(scenario.slug for scenario in SCENARIOS.values()), "sentinel")
REPLAY = False  # each story tells its own moments
SHORTCUTS = tuple(("scenarios", scenario.name, scenario.title) for scenario in SCENARIOS.values())

MARKS = {
    "running": "running",
    "stopped": "stopped",
    "silent": "failed",
    "broken": "failed",
    "process died": "killed",
    "pool broken": "killed",
    "ended by us": "killed",
    "timed out": "killed",
    "can't be ended": "blocked",
    "never answered": "blocked",
    "no answer in time": "blocked",
    "waits for ever": "blocked",
    "blocked": "blocked",
    "deadlock": "blocked",
    "not in this Python": "queued",
}
KEYS = (
    ("running", "running"),
    ("holding", "holding"),
    ("waiting", "waiting for a lock"),
    ("blocked", "blocked in result() or join()"),
    ("sleeping", "sleeping"),
    ("failed", "raising"),
    ("done", "done"),
    ("killed", "being killed"),
)


@dataclass(frozen=True, slots=True)
class MomentLine:
    at: str
    text: str
    state: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A thread or process that is stuck, and where."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow of a wait-for graph, `row` from the top."""

    row: int
    waiter: str
    lock: str
    owner: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case: `case` is '' where a scenario has one; `picture` is None while nobody has appeared."""

    case: str
    mark: str
    outcome: str
    sentence: str
    surfaced_in: str
    exception: str
    noticed: str
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    cleaned: str
    orphans: tuple[str, ...]
    took: str
    moments: tuple[MomentLine, ...]
    picture: timeline.Picture | None
    keys: tuple[tuple[str, str], ...]
    tracebacks: tuple[Stack, ...]
    stacks: tuple[Stack, ...]
    edges: tuple[Edge, ...]
    cycle: str
    stderr: str

    @property
    def share(self) -> str:
        """'7 of 8', nothing where there were no tasks."""
        total = len(self.kept) + len(self.lost)
        return f"{len(self.kept)} of {total}" if total else ""


@dataclass(frozen=True, slots=True)
class ScenarioView:
    """One scenario; `cases` are those that have begun, `first` the one that stands for all.

    `code` is the few lines of Python that it stands for.
    """

    name: str
    slug: str
    title: str
    explanation: str
    chosen: bool
    cases: tuple[CaseView, ...]
    first: CaseView | None
    total: int
    code: str


@dataclass(frozen=True, slots=True)
class Cell:
    mark: str
    outcome: str
    note: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    fault: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Left:
    kind: str
    things: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailuresView:
    """Everything that the failures' blocks show."""

    scenarios: tuple[ScenarioView, ...]
    tools: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]
    left: tuple[Left, ...]
    checked: int
    side_by_side: bool
    live: bool


def title(params: FailuresParams) -> str:
    names = State(params).scenarios
    return SCENARIOS[names[0]].title if len(names) == 1 else f"{len(names)} scenarios of failure"


def facts(params: FailuresParams) -> list[str]:
    return [f"long task {params.task:g}{numbers.GAP}s", f"limit {params.limit:g}{numbers.GAP}s"]


def progress(run: Run) -> str:
    return f"{run.state.done} of {language.count(run.state.total, 'case')}"


def face(run: Run, state: State | None = None) -> FailuresView:
    shown: State = state or run.state
    now = perf_counter_ns() if run.status is Status.RUNNING else shown.t
    return FailuresView(
        scenarios=tuple(_scenario(shown, name, now) for name in SCENARIOS),
        tools=TOOLS,
        matrix=_matrix(shown),
        left=tuple(Left(kind, tuple(things)) for kind, things in left(shown).items()),
        checked=sum("left" in case.facts for case in shown.cases.values()),
        side_by_side="side-by-side" in shown.scenarios,
        live=run.status.live,
    )


def _scenario(state: State, name: str, now: int) -> ScenarioView:
    scenario = SCENARIOS[name]
    cases = tuple(_case(case, now if case.seconds is None and state.current else case.t) for case in state.of(name))
    return ScenarioView(
        name=name,
        slug=scenario.slug,
        title=scenario.title,
        explanation=scenario.explanation,
        chosen=name in state.scenarios,
        cases=cases,
        first=cases[0] if cases else None,
        total=len(scenario.cases),
        code=code(scenario.slug, state.params.task, state.params.limit),
    )


@lru_cache(64)
def code(slug: str, task: float, limit: float) -> str:
    """The program that a scenario stands for, with the seconds of its run."""
    return program_with(slug, TASK=task, LIMIT=limit)


def _case(case: Case, end: int) -> CaseView:
    seen = case.surfaced
    graph = case.facts.get("graph") or {}
    cycle = graph.get("cycle") or []
    states = {span.state for span in (*case.lanes.spans, *case.lanes.now.values())}
    ticks = timeline.since(max(end - case.began, 1) / 1e9)
    drawn = any(actor for actor in case.lanes.actors)
    return CaseView(
        case=case.case,
        mark=MARKS.get(case.outcome, "done"),
        outcome=case.outcome,
        sentence=case.sentence,
        surfaced_in=seen.surfaced_in if seen else "nowhere",
        exception=seen.type if seen else "",
        noticed=_noticed(case),
        kept=tuple(case.kept),
        lost=tuple(case.lost),
        cleaned=str(case.facts.get("cleaned", "")),
        orphans=tuple(case.orphans),
        took="" if case.seconds is None else numbers.duration(case.seconds),
        moments=tuple(MomentLine(f"{(m.t - case.began) / 1e9:.3f} s", m.text, m.state) for m in case.moments),
        picture=timeline.picture(case.lanes, case.began, max(end, case.began + 1), ticks) if drawn else None,
        keys=tuple(key for key in KEYS if key[0] in states),
        tracebacks=tuple(
            Stack(f"{f.type}, surfaced in {f.surfaced_in}", f.traceback) for f in case.failures if f.traceback
        ),
        stacks=tuple(Stack(name, text) for name, text in (case.facts.get("stacks") or {}).items()),
        edges=tuple(
            Edge(row, edge["from"], edge["lock"], edge["to"]) for row, edge in enumerate(graph.get("edges") or [])
        ),
        cycle=" → ".join([*cycle, cycle[0]]) if cycle else "",
        stderr=str(case.facts.get("stderr", "")),
    )


def _noticed(case: Case) -> str:
    if case.seconds is None:
        return ""
    if case.outcome in (*UNTOLD, "process died"):
        return "never"
    if case.noticed_s is not None:
        return numbers.duration(case.noticed_s)
    return ""


def _matrix(state: State) -> tuple[MatrixRow, ...]:
    cells = {case.case: case for case in state.of("side-by-side")}
    return tuple(MatrixRow(fault, tuple(_cell(cells.get(f"{fault} / {tool}")) for tool in TOOLS)) for fault in FAULTS)


def _cell(case: Case | None) -> Cell:
    if case is None:
        return Cell("queued", "not run yet", "")
    seen, total = case.surfaced, len(case.kept) + len(case.lost)
    note = seen.type if seen else ""
    if case.outcome not in ("not in this Python", "process died", "running") and total:
        note = f"{note}, {len(case.kept)} of {total} kept".lstrip(", ")
    return Cell(MARKS.get(case.outcome, "done"), case.outcome, note)
