"""The state of a failures run: the cases of every scenario with what was observed; and the fold that gathers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from poolscope.experiments.failures.catalogue import POOLED, TASKS, UNCOUNTED, cases_of, chosen
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.failures.payloads import (
    CaseBegan,
    CaseBroken,
    CaseEnding,
    CaseExited,
    CaseLeftovers,
    CaseMoment,
    CaseOutcome,
    CaseStderr,
    CleanedUp,
    ErrorCallbacks,
    FaultMade,
    InitializerTries,
    LockGraph,
    LoggedError,
    MemoryGrown,
    OutputRead,
    PoolUsable,
    StuckStacks,
    TaskComputed,
    TasksKept,
    TasksLost,
    WorkerExited,
    WorkerFramesShown,
)
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Actor, End, Failure, Opening, Record, Result, Span

# Endings after which nobody who waited was told; the others reach somebody, or are the cure.
UNTOLD = (CaseEnding.SILENT, CaseEnding.NEVER_ANSWERED, CaseEnding.WAITS_FOR_EVER, CaseEnding.DEADLOCK)
# Nothing failed, or nothing but the hurry: a task that is merely late would have answered, and so has not failed.
WELL = (CaseEnding.NOTHING_FAILED, CaseEnding.NO_DEADLOCK)
LATE = (CaseEnding.NO_ANSWER_IN_TIME, CaseEnding.CANT_BE_ENDED)
NOT_TRIED = (CaseEnding.NOT_IN_THIS_PYTHON, CaseEnding.STOPPED)  # nothing was seen, so there is nothing to count
MOST_MOMENTS = 200
EVERYTHING = "everything that the process had"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a case and its runner observed beside the story; None or empty where it was not looked at, or not yet."""

    outcome: CaseOutcome | None = None
    broken: CaseBroken | None = None
    exited: CaseExited | None = None
    leftovers: CaseLeftovers | None = None
    kept: tuple[str, ...] = ()
    lost: tuple[str, ...] | None = None
    cleaned: CleanedUp | None = None
    usable: bool | None = None
    exit_code: WorkerExited | None = None
    frames_shown: bool | None = None
    graph: LockGraph | None = None
    stacks: Mapping[str, str] = field(default_factory=dict)
    error_callbacks: tuple[str, ...] | None = None
    output: OutputRead | None = None
    grown: int | None = None
    initializer_tries: int | None = None
    stderr: str = ""
    logged: tuple[LoggedError, ...] = ()
    computed: tuple[str, ...] = ()
    fault_t: int | None = None  # of the first fault
    fault_in: str = ""  # in which actor


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of the story and its stamp."""

    t: int
    text: str
    state: str
    actor: str


@dataclass(frozen=True, slots=True)
class Case:
    """One case as its records tell it."""

    scenario: str
    case: str
    began: int
    moments: tuple[Moment, ...] = ()
    failures: tuple[Failure, ...] = ()
    observed: Observed = field(default_factory=Observed)
    lanes: Lanes = field(default_factory=Lanes)
    t: int = 0
    stopped: bool = False

    @property
    def seconds(self) -> float | None:
        """None while it runs."""
        return None if self.observed.exited is None else self.observed.exited.seconds

    @property
    def ending(self) -> CaseEnding:
        """How it ended: as the case itself says, or else as the runner saw it that outlived it."""
        outcome, exited = self.observed.outcome, self.observed.exited
        if outcome is not None:
            return outcome.ending
        if exited is None:
            return CaseEnding.STOPPED if self.stopped else CaseEnding.RUNNING
        if self.observed.broken is not None:
            return CaseEnding.BROKEN
        if exited.ended_by_us:
            return CaseEnding.STOPPED if self.stopped else CaseEnding.ENDED_FROM_OUTSIDE
        return CaseEnding.PROCESS_DIED

    @property
    def kept(self) -> tuple[str, ...]:
        return self.observed.kept

    @property
    def lost(self) -> tuple[str, ...]:
        if self.observed.lost is None:
            return (EVERYTHING,) if self.ending is CaseEnding.PROCESS_DIED else ()
        return self.observed.lost

    @property
    def tasks(self) -> int:
        """How many tasks there were, 0 where that is not known, or there were none: who dies tells of none."""
        if self.scenario in UNCOUNTED:
            return 0
        if EVERYTHING in self.lost:
            return TASKS if self.scenario in POOLED else 0
        return len(self.kept) + len(self.lost)

    @property
    def surfaced(self) -> Failure | None:
        return self.failures[0] if self.failures else None

    @property
    def unreported(self) -> bool:
        """Whether nobody who waited was told, since the process of all ended with it or for another reason."""
        return self.ending in UNTOLD or (self.ending is CaseEnding.PROCESS_DIED and self.surfaced is None)

    @property
    def settled(self) -> bool:
        """Whether it is known what became of its tasks: never where it was ended before it could say so."""
        seen = self.observed
        told = seen.outcome is not None or seen.lost is not None
        return told or (seen.exited is not None and self.ending is CaseEnding.PROCESS_DIED)

    @property
    def late(self) -> bool:
        return self.ending in LATE

    @property
    def well(self) -> bool:
        """Whether nothing failed; a flood that was contained is no failure, a worker that was is one."""
        return self.ending in WELL or (self.ending is CaseEnding.CONTAINED and self.surfaced is None)

    @property
    def orphans(self) -> tuple[str, ...]:
        return self.observed.leftovers.processes if self.observed.leftovers else ()

    @property
    def left(self) -> dict[str, tuple[str, ...]]:
        """What the sentinel found, by kind; empty when it found nothing."""
        if self.observed.leftovers is None:
            return {}
        found = {each.name: getattr(self.observed.leftovers, each.name) for each in fields(CaseLeftovers)}
        return {kind: things for kind, things in found.items() if things}

    @property
    def noticed_s(self) -> float | None:
        """From the first fault to its being noticed; None where nobody noticed, or the fault's moment is not known."""
        if self.surfaced is None:
            return None
        wrong = next((moment.t for moment in self.moments if moment.state in ("failed", "killed")), None)
        fault = wrong if self.observed.fault_t is None else self.observed.fault_t
        return None if fault is None or fault > self.surfaced.t else (self.surfaced.t - fault) / 1e9


@dataclass(frozen=True, slots=True)
class FailuresState:
    """A failures run up to one record; `cases` in the order in which they ran, by the key that records use."""

    params: FailuresParams
    cases: Mapping[str, Case] = field(default_factory=dict)
    current: str = ""
    t0: int = 0
    t: int = 0
    outcome: str = ""
    python: str = ""

    @property
    def scenarios(self) -> list[str]:
        return chosen(self.params.scenarios)

    @property
    def total(self) -> int:
        return sum(len(self.cases_of(name)) for name in self.scenarios)

    def cases_of(self, scenario: str) -> tuple[str, ...]:
        """The cases that the run makes of a scenario."""
        return cases_of(scenario, self.params.engines)

    @property
    def done(self) -> int:
        return sum(case.seconds is not None for case in self.cases.values())

    def of(self, scenario: str) -> list[Case]:
        return [case for case in self.cases.values() if case.scenario == scenario]


def initial(params: FailuresParams) -> FailuresState:
    return FailuresState(params)


def fold(state: FailuresState, record: Record) -> FailuresState:
    """The state after one more record: records of a case belong to the one that began last."""
    match record:
        case Opening():
            return replace(state, t0=record.t, t=record.t, python=record.python.python)
        case Result(payload=CaseBegan(scenario, case_name)):
            begun = Case(scenario, case_name, record.t, t=record.t)
            return replace(state, cases={**state.cases, record.config: begun}, current=record.config, t=record.t)
        case End():
            cases = {
                key: case if case.seconds is not None and record.outcome != "stopped" else _stopped(case)
                for key, case in state.cases.items()
            }
            return replace(state, cases=cases, outcome=record.outcome, t=max(record.t, state.t))
        case _ if state.current:
            case = _with(state.cases[state.current], record)
            return replace(state, cases={**state.cases, state.current: case}, t=max(record.t, state.t))
        case _:
            return state


def _stopped(case: Case) -> Case:
    """A case that was under way when the run was stopped."""
    exited = case.observed.exited
    return replace(case, stopped=exited is None or exited.ended_by_us)


def _with(case: Case, record: Record) -> Case:
    match record:
        case Result(payload=CaseMoment(text, moment_state, actor)):
            # Processes write as they get to it, so a moment may come after a later one.
            moments = sorted((*case.moments, Moment(record.t, text, moment_state, actor)), key=lambda moment: moment.t)
            return replace(case, moments=tuple(moments[:MOST_MOMENTS]), t=max(case.t, record.t))
        case Result():
            return replace(case, observed=_observed(case.observed, record))
        case Failure():
            return replace(case, failures=(*case.failures, record), t=max(case.t, record.t))
        case Actor(actor="main", event="started"):
            # The story begins here: what came before was the start of its interpreter.
            return replace(case, lanes=case.lanes.fold(record), began=record.t, t=max(case.t, record.t))
        case Actor() | Span():
            return replace(case, lanes=case.lanes.fold(record), t=max(case.t, record.t))
        case _:
            return case


def _observed(seen: Observed, result: Result) -> Observed:
    match result.payload:
        case CaseOutcome() as outcome:
            return replace(seen, outcome=outcome)
        case CaseBroken() as broken:
            return replace(seen, broken=broken)
        case CaseExited() as exited:
            return replace(seen, exited=exited)
        case CaseLeftovers() as leftovers:
            return replace(seen, leftovers=leftovers)
        case TasksKept(tasks):
            return replace(seen, kept=tasks)
        case TasksLost(tasks):
            return replace(seen, lost=tasks)
        case CleanedUp() as cleaned:
            return replace(seen, cleaned=cleaned)
        case PoolUsable(usable):
            return replace(seen, usable=usable)
        case WorkerExited() as exit_code:
            return replace(seen, exit_code=exit_code)
        case WorkerFramesShown(shown):
            return replace(seen, frames_shown=shown)
        case LockGraph() as graph:
            return replace(seen, graph=graph)
        case StuckStacks(by_actor):
            return replace(seen, stacks=by_actor)
        case ErrorCallbacks(errors):
            return replace(seen, error_callbacks=errors)
        case OutputRead() as output:
            return replace(seen, output=output)
        case MemoryGrown(count):
            return replace(seen, grown=count)
        case InitializerTries(count):
            return replace(seen, initializer_tries=count)
        case CaseStderr(text):
            return replace(seen, stderr=text)
        case LoggedError() as error:
            return replace(seen, logged=(*seen.logged, error))
        case TaskComputed(task):
            return replace(seen, computed=(*seen.computed, task))
        case FaultMade(actor):
            return seen if seen.fault_t is not None else replace(seen, fault_t=result.t, fault_in=actor)
        case _:
            return seen
