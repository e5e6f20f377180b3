"""The state of a sharing run: what each tool showed and how long its rounds took; and the fold that gathers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from poolscope.experiments.sharing.catalog import SEPARATOR, TOOLS, Tool
from poolscope.experiments.sharing.params import SharingParams
from poolscope.experiments.sharing.payloads import DemonstrationBegan, StepLine, ToolFailed, ToolOutcome
from poolscope.experiments.timeline import WHOLE_RUN, Lanes
from poolscope.protocol.payloads import NoiseReading, Seed
from poolscope.protocol.records import Actor, End, Failure, Opening, Progress, Record, Result, Sample, Span


@dataclass(frozen=True, slots=True)
class ToolState:
    """One tool. It is 'running' while it is being shown, and 'missing' where this Python has none.

    `outcome` is what the demonstration found, None before it; `rounds` the seconds of each counted round, `failed` what
    ended it, None while nothing has.
    """

    tool: Tool
    phase: Literal["queued", "running", "timing", "done", "failed", "missing"] = "queued"
    outcome: ToolOutcome | None = None
    repetitions: tuple[int, ...] = ()
    rounds: tuple[float, ...] = ()
    lanes: Lanes = WHOLE_RUN
    step_line: StepLine | None = None
    failed: ToolFailed | None = None

    @property
    def missing(self) -> str | None:
        """Why this Python has no such tool; None where it has, or before it was tried."""
        return self.outcome.missing if self.outcome else None

    @property
    def correct(self) -> bool | None:
        """Whether the result was right; None before the demonstration and where there is no such tool."""
        return None if self.outcome is None or self.missing else self.outcome.correct

    @property
    def as_it_should(self) -> bool | None:
        """Whether it came out as it should: right, or wrong where that is what the row is there to show."""
        return None if self.correct is None else self.correct is not self.tool.wrong

    @property
    def rates(self) -> tuple[float, ...]:
        """Operations per second of each counted round."""
        outcome = self.outcome
        return tuple(outcome.operations / seconds for seconds in self.rounds) if outcome else ()

    @property
    def costs(self) -> tuple[float, ...]:
        """Seconds of one operation in each counted round."""
        outcome = self.outcome
        return tuple(seconds / outcome.operations for seconds in self.rounds) if outcome else ()

    @property
    def lost(self) -> float | None:
        """The share of updates that were lost, None where none can be."""
        match self.outcome:
            case ToolOutcome(expected=int(expected), lost=int(lost)) if expected:
                return lost / expected
        return None


@dataclass(frozen=True, slots=True)
class SharingState:
    """A run up to one record; `order` names (tool, repetition) as they landed, `outcome` and `reason` its end."""

    params: SharingParams
    rows: tuple[ToolState, ...]
    order: tuple[tuple[str, int], ...] = ()
    done: float = 0
    total: float = 0
    seconds_left: float | None = None
    note: str = ""
    start_method: str = ""
    python: str = ""
    gil: bool | None = None
    seed: int | None = None
    noise: NoiseReading | None = None
    failure: str = ""
    outcome: str = ""
    reason: str = ""

    def row(self, name: str) -> ToolState | None:
        return next((row for row in self.rows if row.tool.name == name), None)


def initial(params: SharingParams) -> SharingState:
    """Before the first record: every tool is there, none has been shown."""
    names = params.chosen
    return SharingState(
        params, tuple(ToolState(TOOLS[name]) for name in names), total=len(names) * (params.repeats + 2)
    )


def fold(state: SharingState, record: Record) -> SharingState:
    """The state after one more record; records that say nothing here leave it as it is."""
    match record:
        case Opening():
            about = record.python
            return replace(state, start_method=about.start_method, python=about.python, gil=about.gil)
        case Sample(name="round"):
            return _sample(state, record)
        case Result():
            return _result(state, record)
        case Actor() | Span():
            return _seen(state, record)
        case Progress():
            return replace(
                state, done=record.done, total=record.total, seconds_left=record.seconds_left, note=record.note
            )
        case Failure():
            return replace(state, failure=record.message)
        case End():
            return replace(state, outcome=record.outcome, reason=record.reason, seconds_left=None)
        case _:
            return state


def _sample(state: SharingState, sample: Sample) -> SharingState:
    row = state.row(sample.config)
    if row is None or sample.repetition == 0 or sample.seconds <= 0:
        return state
    complete = sample.repetition >= state.params.repeats
    row = replace(
        row,
        phase="done" if complete else "timing",
        rounds=(*row.rounds, sample.seconds),
        repetitions=(*row.repetitions, sample.repetition),
    )
    return replace(_with(state, row), order=(*state.order, (sample.config, sample.repetition)))


def _result(state: SharingState, result: Result) -> SharingState:
    match result.payload:
        case Seed(seed):
            return replace(state, seed=seed)
        case NoiseReading() as noise:
            return replace(state, noise=noise)
    row = state.row(result.config)
    if row is None:
        return state
    match result.payload:
        case DemonstrationBegan():
            return _with(state, replace(row, phase="running"))
        case ToolOutcome() as outcome:
            return _with(state, replace(row, outcome=outcome, phase="missing" if outcome.missing else "timing"))
        case ToolFailed() as failed:
            return _with(state, replace(row, failed=failed, phase="failed"))
        case StepLine() as line:
            return _with(state, replace(row, step_line=line))
        case _:
            return state


def _seen(state: SharingState, record: Actor | Span) -> SharingState:
    row = state.row(record.actor.partition(SEPARATOR)[0])
    return state if row is None else _with(state, replace(row, lanes=row.lanes.fold(record)))


def _with(state: SharingState, row: ToolState) -> SharingState:
    return replace(state, rows=tuple(row if old.tool is row.tool else old for old in state.rows))
