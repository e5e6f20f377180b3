"""What a failures run has told so far: the cases of every scenario with their facts; and the fold that gathers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from poolscope.experiments.failures.catalogue import SCENARIOS, chosen
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Actor, End, Failure, Opening, Record, Result, Span

# Outcomes after which nobody who waited was told; the others reach somebody, or are the cure.
UNTOLD = ("silent", "never answered", "waits for ever", "deadlock")
NOT_TRIED = ("not in this Python", "stopped")  # nothing was seen, so there is nothing to count
MANY = ("log", "computes")  # facts that come several times
MOST_MOMENTS = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of the story: `t` is its stamp, `state` the mark beside it, `actor` who it happened to."""

    t: int
    text: str
    state: str
    actor: str


@dataclass(frozen=True, slots=True)
class Case:
    """One case as its records tell it. `facts` holds what was noted, by name; `seconds` is None while it runs."""

    scenario: str
    case: str
    began: int
    moments: tuple[Moment, ...] = ()
    failures: tuple[Failure, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    lanes: Lanes = field(default_factory=Lanes)
    t: int = 0
    stopped: bool = False

    @property
    def seconds(self) -> float | None:
        exit_ = self.facts.get("exit")
        return None if exit_ is None else float(exit_["seconds"])

    @property
    def outcome(self) -> str:
        """The word for how it ended: said by the case itself, or else seen by the runner that outlived it."""
        told, exit_ = self.facts.get("outcome"), self.facts.get("exit")
        if told is not None:
            return str(told["word"])
        if exit_ is None:
            return "stopped" if self.stopped else "running"
        if "broken" in self.facts:
            return "broken"
        if exit_["ended_by_us"]:
            return "stopped" if self.stopped else "ended by us"
        return "process died"

    @property
    def sentence(self) -> str:
        told, exit_ = self.facts.get("outcome"), self.facts.get("exit")
        if told is not None:
            return str(told["sentence"])
        if "broken" in self.facts:
            return f"The case itself failed: {str(self.facts['broken']).strip().splitlines()[-1]}"
        if exit_ is None:
            return ""
        if exit_["ended_by_us"]:
            return "It had not ended when its time was over or the run was stopped, so it was ended from outside."
        return f"The whole process {exit_['manner']}, with all its threads and results."

    @property
    def kept(self) -> list[str]:
        return list(self.facts.get("kept", ()))

    @property
    def lost(self) -> list[str]:
        if "lost" not in self.facts and self.outcome == "process died":
            return ["everything that the process had"]
        return list(self.facts.get("lost", ()))

    @property
    def surfaced(self) -> Failure | None:
        return self.failures[0] if self.failures else None

    @property
    def orphans(self) -> list[str]:
        return list(self.facts.get("left", {}).get("processes", ()))

    @property
    def left(self) -> dict[str, list[str]]:
        """What the sentinel found, by kind; empty when it found nothing."""
        return {kind: list(found) for kind, found in self.facts.get("left", {}).items() if found}

    @property
    def noticed_s(self) -> float | None:
        """From the first fault to its being noticed; None where nobody noticed, or the fault's moment is not known."""
        if self.surfaced is None:
            return None
        wrong = next((moment.t for moment in self.moments if moment.state in ("failed", "killed")), None)
        fault = self.facts.get("fault_t", wrong)
        return None if fault is None or fault > self.surfaced.t else (self.surfaced.t - fault) / 1e9


@dataclass(frozen=True, slots=True)
class State:
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
        return sum(len(SCENARIOS[name].cases) for name in self.scenarios)

    @property
    def done(self) -> int:
        return sum(case.seconds is not None for case in self.cases.values())

    def of(self, scenario: str) -> list[Case]:
        return [case for case in self.cases.values() if case.scenario == scenario]


def initial(params: FailuresParams) -> State:
    return State(params)


def fold(state: State, record: Record) -> State:
    """The state after one more record: records of a case belong to the one that began last."""
    match record:
        case Opening():
            return replace(state, t0=record.t, t=record.t, python=record.python.python)
        case Result(name="case"):
            made = Case(record.value["scenario"], record.value["case"], record.t, t=record.t)
            return replace(state, cases={**state.cases, record.config: made}, current=record.config, t=record.t)
        case End():
            cases = {
                key: case if case.seconds is not None and record.outcome != "stopped" else _stopped(case)
                for key, case in state.cases.items()
            }
            return replace(state, cases=cases, outcome=record.outcome, t=max(record.t, state.t))
        case _ if state.current:
            case = _told(state.cases[state.current], record)
            return replace(state, cases={**state.cases, state.current: case}, t=max(record.t, state.t))
        case _:
            return state


def _stopped(case: Case) -> Case:
    """A case that was under way when the run was stopped."""
    return replace(case, stopped=case.seconds is None or bool(case.facts["exit"]["ended_by_us"]))


def _told(case: Case, record: Record) -> Case:
    match record:
        case Result(name="moment"):
            told = Moment(record.t, record.value["text"], record.value["state"], record.value["actor"])
            # Processes write as they get to it, so a moment may come after a later one.
            told_so_far = sorted((*case.moments, told), key=lambda moment: moment.t)
            return replace(case, moments=tuple(told_so_far[:MOST_MOMENTS]), t=max(case.t, record.t))
        case Result():
            value = [*case.facts.get(record.name, ()), record.value] if record.name in MANY else record.value
            more = {"fault_t": case.facts.get("fault_t", record.t)} if record.name == "fault" else {}
            return replace(case, facts={**case.facts, record.name: value, **more})
        case Failure():
            return replace(case, failures=(*case.failures, record), t=max(case.t, record.t))
        case Actor(actor="main", event="started"):
            # The story begins here: what came before was the start of its interpreter.
            return replace(case, lanes=case.lanes.fold(record), began=record.t, t=max(case.t, record.t))
        case Actor() | Span():
            return replace(case, lanes=case.lanes.fold(record), t=max(case.t, record.t))
        case _:
            return case
