"""The failures as pages show them: a row a scenario, its story and lanes case by case, the matrix, what was left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from operator import attrgetter, itemgetter
from typing import Any, ClassVar

from poolscope.examples import program_with
from poolscope.experiments.failures import messages
from poolscope.experiments.failures.catalogue import (
    BY_HAND,
    BY_LIMIT,
    BY_TIME,
    ENGINES,
    EVERY,
    FAULTS,
    POOLED,
    SCENARIOS,
    SIDE_BY_SIDE,
    TOOLS,
    too_long,
)
from poolscope.experiments.failures.export import NOWHERE, left
from poolscope.experiments.failures.messages import case_sentence
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.failures.payloads import CaseEnding
from poolscope.experiments.failures.state import Case, FailuresState, Moment
from poolscope.runs.run import Run
from poolscope.text import numbers
from poolscope.text.sentences import capital, format_list
from poolscope.web import timeline
from poolscope.web.table import Button, Cell, Column, Table, alone, table
from poolscope.web.views.view import Columns, PageBlock, Shortcut, Timeline, Timelines, View

EDGE = 40  # pixels of one arrow of a wait-for graph
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
KINDS = {
    "ThreadPoolExecutor": "thread",
    "Pool": "pool",
    "ProcessPoolExecutor": "process",
    "InterpreterPoolExecutor": "interpreter",
    **{engine: engine for engine in ENGINES},
}
KEYS = (
    ("running", "running"),
    ("holding", "holding a lock"),
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
    """One arrow of a wait-for graph, `top` pixels from its top."""

    top: int
    waiter: str
    lock: str
    owner: str


@dataclass(frozen=True, slots=True)
class WaitGraph:
    """Who waits for whom; `cycle` names those of a deadlock, '' where there is none."""

    edges: tuple[Edge, ...]
    height: int
    cycle: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """One case: `case` is '' where a scenario has one; `picture` is None while nobody has appeared.

    `settled` says whether it is known what became of its tasks, and `unknown` stands where it is not; `share` is how
    many results were kept, '7 of 8', nothing where there were no tasks or it is not known. `silence` stands where no
    exception has surfaced. `origin` says when the times of the story began.
    """

    case: str
    mark: str
    outcome: str
    sentence: str
    surfaced_in: str
    exception: str
    noticed: str
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    settled: bool
    unknown: str
    silence: str
    cleaned: str
    orphans: tuple[str, ...]
    took: str
    moments: tuple[MomentLine, ...]
    picture: timeline.Picture | None
    keys: tuple[tuple[str, str], ...]
    tracebacks: tuple[Stack, ...]
    stacks: tuple[Stack, ...]
    waits: WaitGraph | None
    stderr: str
    share: str
    origin: str

    @property
    def lost_mark(self) -> str:
        return "failed" if self.lost else self._well

    @property
    def kept_mark(self) -> str:
        return "stopped" if self.took and not self.kept else self._well

    @property
    def surfaced_mark(self) -> str:
        return "failed" if self.noticed == "never" else self._well

    @property
    def _well(self) -> str:
        """The mark where nothing is amiss, or not yet."""
        return "done" if self.took else "stopped" if self.mark == "stopped" else "running"


@dataclass(frozen=True, slots=True)
class ScenarioFacts:
    """One scenario; `cases` are those that have begun, `first` the first of them, `word` where it stands.

    `endings` says how those that are over ended, each once, and `mark` is that of one that went unreported, where one
    did, and that of what runs while any is to come.

    `compared` has a row a case, and `counted` says how many of them there are, where a scenario has several. `alone`
    says that the run has no other scenario.
    `code` is the few lines of Python that it stands for.
    """

    name: str
    slug: str
    title: str
    explanation: str
    chosen: bool
    alone: bool
    word: str
    cases: tuple[CaseFacts, ...]
    compared: Table | None
    first: CaseFacts | None
    mark: str
    outcome: str
    endings: str
    counted: str
    code: str


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """A scenario on the bench; '' and None where there is nothing to say of it yet."""

    title: str
    href: str = ""
    mark: str = ""
    outcome: str = ""
    sentence: str = ""
    cases: str = ""
    noticed: str = ""
    share: str = ""
    button: Button | None = None

    @property
    def wraps(self) -> str:
        """The sentence is shown in full once the run has ended; until then no row grows, which would move the page."""
        return "long wrap" if self.button else ""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One fault under each kind of pool; pools under which it has not been made are left out."""

    fault: str
    cases: Mapping[str, Case]


@dataclass(frozen=True, slots=True)
class FailuresFacts:
    """Everything that the failures' blocks show; `matrix` is None where it was not asked for.

    `without` says of each pool that has no column in it why it has none.
    """

    scenarios: Mapping[str, ScenarioFacts]
    on_bench: Table
    matrix: Table | None
    without: tuple[str, ...]
    left: Table


def _scenario(facts: FailuresFacts, name: str) -> ScenarioFacts:
    return facts.scenarios[name]


def _kind(case: str) -> str:
    """The kind of pool of a case, 'raises / Pool', whose mark it has; '' of one that names none."""
    return next((KINDS[word] for word in case.split() if word in KINDS), "")


def _outcome(row: MatrixRow, tool: str) -> Cell:
    """How a fault ended under one kind of pool, which a narrow screen names in the cell, for it shows no heads."""
    case = row.cases.get(tool)
    if case is None:
        return Cell("not run yet", before=tool, state="queued")
    share = _share(case)
    note = ", ".join(filter(None, (case.surfaced.type if case.surfaced else "", f"{share} kept" if share else "")))
    return Cell(case.ending, before=tool, state=MARKS.get(case.ending, "done"), note=note)


def _share(case: Case) -> str:
    return f"{len(case.kept)} of {case.tasks}" if case.tasks and case.settled else ""


class FailuresView(View):
    """The failures: a row a scenario, its story and lanes case by case, the matrix, what was left."""

    idle = (
        "Each scenario breaks something for real, in a process of its own: an exception, a killed worker, a deadlock. "
        "You will see who noticed, after how long, what was kept and what was lost."
    )
    parts = (
        PageBlock("matrix"),
        *(PageBlock(scenario.slug, "story", partial(_scenario, name=name)) for name, scenario in SCENARIOS.items()),
        PageBlock("sentinel"),
    )
    group = "Who finds out when something breaks?"
    wide = True
    rows_known = True
    shortcuts = tuple(Shortcut("scenarios", scenario.name, scenario.title) for scenario in SCENARIOS.values())
    columns: ClassVar[Columns] = {
        "bench": (
            Column("scenario", lambda row: Cell(row.title, href=row.href), row_head=True),
            Column("ended", lambda row: Cell(row.outcome, state=row.mark)),
            Column("outcome", lambda row: Cell(row.sentence, small=row.cases, align=row.wraps), align="long"),
            Column("noticed after", lambda row: Cell(row.noticed, head="noticed after"), align="n"),
            Column("kept", lambda row: Cell(row.share, head="kept"), align="n"),
            Column("actions", lambda row: Cell(button=row.button), hidden=True),
        ),
        "cases": (
            Column("case", lambda case: Cell(case.case, kind=_kind(case.case)), align="keep", row_head=True),
            Column("outcome", lambda case: Cell(case.outcome, state=case.mark)),
            Column("surfaced in", attrgetter("surfaced_in")),
            Column("exception", attrgetter("exception"), code=True),
            Column("noticed after", lambda case: Cell(case.noticed, head="noticed after"), align="n"),
            Column("kept", lambda case: Cell(case.share, head="kept"), align="n"),
        ),
        "matrix": (
            Column("task 5", attrgetter("fault"), align="keep", row_head=True),
            *(Column(tool, partial(_outcome, tool=tool), kind=KINDS.get(tool, tool)) for tool in (*TOOLS, *ENGINES)),
        ),
        "left": (
            Column("of the runner and its session", itemgetter(0), row_head=True),
            Column("left", lambda row: "" if row[1] is None else len(row[1]), align="n"),
            Column("named", itemgetter(2)),
        ),
    }
    timelines: ClassVar[Timelines] = {"case": Timeline("Who did what when", KEYS)}

    def title(self, params: FailuresParams) -> str:
        names = FailuresState(params).scenarios
        return SCENARIOS[names[0]].title if len(names) == 1 else f"{len(names)} scenarios of failure"

    def facts(self, params: FailuresParams) -> list[str]:
        if params.scenarios == [BY_HAND]:
            return [f"waits for up to {params.wait:g}{numbers.GAP}s"]
        names = {*FailuresState(params).scenarios}
        tasks = ((names.intersection(BY_TIME), params.task), (SIDE_BY_SIDE in names, too_long(params.task)))
        lengths = [f"{seconds:g}{numbers.GAP}s" for used, seconds in tasks if used]
        found = [f"long task {format_list(lengths)}"] if lengths else []
        limit = f"limit {params.limit:g}{numbers.GAP}s"
        if names.intersection(POOLED):
            return [*found, f"{limit}, longer where workers start"]
        return [*found, limit] if names.intersection(BY_LIMIT) else found

    def progress(self, run: Run) -> str:
        return f"{run.state.done} of {numbers.count(run.state.total, 'case')}"

    def invitation(self, run: Run) -> str:
        left = run.progress.seconds_left if run.progress and run.state.current == BY_HAND else None
        return "" if left is None else messages.invitation(left)

    def view(self, run: Run, state: Any = None) -> FailuresFacts:
        state = state or run.state
        now = run.moment(state.t)
        scenarios = {name: scenario_facts(state, name, now, run.status.live) for name in SCENARIOS}
        without = _without(state)
        shown = [column for column in self.columns["matrix"] if column.title not in without]
        return FailuresFacts(
            scenarios=scenarios,
            on_bench=table(self.columns["bench"], _bench_rows(run, scenarios), style="stack"),
            matrix=table(shown, _matrix(state), style="matrix") if SIDE_BY_SIDE in state.scenarios else None,
            without=tuple(dict.fromkeys(without.values())),
            left=table(self.columns["left"], _left_rows(state)),
        )


def _bench_rows(run: Run, scenarios: Mapping[str, ScenarioFacts]) -> list[ScenarioRow]:
    """A row a scenario and one for all of them: what the run has first, and the others in their usual order below it;
    while nothing runs with a button each."""
    idle = not run.status.live
    every = ScenarioRow(
        f"all {len(EVERY)} of them",
        sentence="one after the other, with the matrix of outcomes",
        button=alone("failures", "scenarios", "all", "all scenarios", "Run all") if idle else None,
    )
    rows = {
        name: replace(
            _bench_row(run, scenario), button=alone("failures", "scenarios", name, scenario.title) if idle else None
        )
        for name, scenario in scenarios.items()
    }
    ran = [row for name, row in rows.items() if scenarios[name].chosen]
    others = [row for name, row in rows.items() if not scenarios[name].chosen]
    return [*ran, every, *others] if others else [every, *ran]


def _bench_row(run: Run, scenario: ScenarioFacts) -> ScenarioRow:
    first = scenario.first
    if first is None:
        waits = scenario.chosen and run.status.live
        idle = messages.BY_HAND if scenario.name == BY_HAND else ""
        return ScenarioRow(scenario.title, sentence="waits for its turn" if waits else idle)
    single = not scenario.counted
    return ScenarioRow(
        title=scenario.title,
        href=f"/runs/{run.id}#run-{scenario.slug}",
        mark=scenario.mark,
        outcome=scenario.outcome,
        sentence=first.sentence if single else f"{capital(scenario.endings)}." if scenario.endings else "",
        cases=scenario.counted,
        noticed=first.noticed if single else "",
        share=first.share if single else "",
    )


def scenario_facts(state: FailuresState, name: str, now: int, live: bool) -> ScenarioFacts:
    scenario = SCENARIOS[name]
    unknown = _unknown(state)
    cases = tuple(
        _case(case, now if case.seconds is None and state.current else case.t, unknown, state.t0)
        for case in state.of(name)
    )
    chosen = state.cases_of(name)
    several = len(chosen) > 1
    done = [case for case in cases if case.took]  # as the run's progress counts them
    outcomes = [case.outcome for case in (done if live else cases)]
    endings = messages.endings(outcomes) if outcomes else ""
    if live and cases and len(done) < len(chosen):
        outcome = mark = CaseEnding.RUNNING.value
    else:
        outcome = outcomes[0] if len(set(outcomes)) == 1 else "differs by case" if outcomes else ""
        mark = next((case.mark for case in cases if case.noticed == "never"), cases[0].mark if cases else "")
    counted = f"{len(done)} of {len(chosen)} cases" if several else ""
    if cases:
        word = " · ".join(filter(None, (endings or outcome, counted or cases[0].took)))
    else:
        word = "waits for its turn" if live else "not run"
    return ScenarioFacts(
        name=name,
        slug=scenario.slug,
        title=scenario.title,
        explanation=scenario.explanation,
        chosen=name in state.scenarios,
        alone=len(state.scenarios) == 1,
        word=word,
        cases=cases,
        compared=table(FailuresView.columns["cases"], cases, style="stack") if several and cases else None,
        first=cases[0] if cases else None,
        mark=mark,
        outcome=outcome,
        endings=endings,
        counted=counted,
        code=code(scenario.slug, state.params.wait if name == BY_HAND else state.params.task, state.params.limit),
    )


@lru_cache(64)
def code(slug: str, task: float, limit: float) -> str:
    """The program that a scenario stands for, with the seconds of its run."""
    return program_with(slug, TASK=task, LIMIT=limit)


def _unknown(state: FailuresState) -> str:
    """What stands for what is not known: a run that is over will not tell any more."""
    return "not known" if state.outcome else "not known yet"


def _left_rows(state: FailuresState) -> Iterable[tuple[str, list[str] | None, str]]:
    """What was left, by kind, and its names; None before it was looked for after any case."""
    looked = any(case.observed.leftovers is not None for case in state.cases.values())
    for kind, things in left(state).items():
        yield (kind, things, "; ".join(things) or numbers.UNKNOWN) if looked else (kind, None, _unknown(state))


def _silence(case: Case, unknown: str) -> str:
    """What stands for the exception where none has surfaced."""
    if not case.settled:
        return f"{capital(unknown)}."
    if case.unreported:
        return "Surfaced nowhere."
    return "Nothing failed: a task was only late." if case.late else "No exception."


def _surfaced_in(case: Case) -> str:
    if case.surfaced:
        return case.surfaced.surfaced_in
    if not case.settled:
        return ""
    return NOWHERE if case.unreported else "only late" if case.late else ""


def _case(case: Case, end: int, unknown: str, t0: int) -> CaseFacts:
    seen = case.surfaced
    ticks = timeline.since(max(end - case.began, 1) / 1e9)
    drawn = any(actor for actor in case.lanes.actors)
    keys = FailuresView.timelines["case"].legend(case.lanes)
    told = keys if case.settled else ()
    return CaseFacts(
        case=case.case,
        mark=MARKS.get(case.ending, "done"),
        outcome=case.ending,
        sentence=case_sentence(case),
        surfaced_in=_surfaced_in(case),
        exception=seen.type if seen else "",
        noticed=_noticed(case),
        kept=tuple(case.kept),
        lost=tuple(case.lost),
        settled=case.settled,
        unknown=unknown,
        silence=_silence(case, unknown),
        cleaned=case.observed.cleaned.sentence if case.observed.cleaned else "",
        orphans=tuple(case.orphans),
        took="" if case.seconds is None else numbers.duration(case.seconds),
        moments=tuple(_story(case)),
        picture=timeline.picture(case.lanes, case.began, max(end, case.began + 1), ticks, keys=told) if drawn else None,
        keys=keys,
        tracebacks=tuple(
            Stack(f"{f.type}, surfaced in {f.surfaced_in}", f.traceback) for f in case.failures if f.traceback
        ),
        stacks=tuple(Stack(name, text) for name, text in case.observed.stacks.items()),
        waits=_wait_graph(case),
        stderr=case.observed.stderr,
        share=_share(case),
        origin=f"Seconds since the case began, {numbers.duration((case.began - t0) / 1e9)} after the run did.",
    )


def _story(case: Case) -> Iterator[MomentLine]:
    """The moments, and that of the fault where none of them tells it: the time to notice counts from there."""
    moments, fault_t = list(case.moments), case.observed.fault_t
    if fault_t is not None and all(moment.t != fault_t for moment in moments):
        moments.append(Moment(fault_t, f"the fault, in {case.observed.fault_in}", "failed", case.observed.fault_in))
    for moment in sorted(moments, key=attrgetter("t")):
        yield MomentLine(f"{(moment.t - case.began) / 1e9:.3f} s", moment.text, moment.state)


def _noticed(case: Case) -> str:
    if case.seconds is None:
        return ""
    if case.unreported:
        return "never"
    if case.noticed_s is not None:
        return numbers.duration(case.noticed_s)
    return ""


def _wait_graph(case: Case) -> WaitGraph | None:
    graph = case.observed.graph
    if graph is None or not graph.edges:
        return None
    arrows = tuple(Edge(EDGE * row, edge.waiter, edge.lock, edge.owner) for row, edge in enumerate(graph.edges))
    cycle = " → ".join([*graph.cycle, graph.cycle[0]]) if graph.cycle else ""
    return WaitGraph(arrows, EDGE * len(graph.edges), cycle)


def _matrix(state: FailuresState) -> tuple[MatrixRow, ...]:
    cases = {case.case: case for case in state.of(SIDE_BY_SIDE)}
    return tuple(
        MatrixRow(fault, {tool: case for tool in (*TOOLS, *ENGINES) if (case := cases.get(f"{fault} / {tool}"))})
        for fault in FAULTS
    )


def _without(state: FailuresState) -> dict[str, str]:
    """The pools of other packages that have no column, each with the reason: not asked for, or not installed."""
    not_asked = [engine for engine in ENGINES if engine not in state.params.engines]
    missing = {
        case.case.rpartition(" / ")[2]: case_sentence(case)
        for case in state.of(SIDE_BY_SIDE)
        if case.ending is CaseEnding.NOT_IN_THIS_PYTHON
    }
    return {engine: messages.not_asked(not_asked) for engine in not_asked} | {
        engine: messages.no_column(engine, missing[engine]) for engine in ENGINES if engine in missing
    }
