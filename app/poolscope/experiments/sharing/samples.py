"""A sharing run so far: what each tool showed, how long its rounds took; the fold of its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from poolscope.experiments.sharing.catalog import SEPARATOR, TOOLS, Tool
from poolscope.experiments.sharing.params import SharingParams
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Actor, End, Failure, Opening, Progress, Record, Result, Sample, Span

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """One tool: `phase` is 'queued', 'running' (it is being shown), 'timing', 'done', 'failed' or 'missing' here.

    `outcome` is what the demonstration found, empty before it; `rounds` the seconds of each counted round of
    `outcome['round']` operations; `track` a step line below the lanes. `raised` is what ended it: type, message,
    traceback; empty while nothing has.
    """

    tool: Tool
    phase: str = "queued"
    outcome: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    repetitions: tuple[int, ...] = ()
    rounds: tuple[float, ...] = ()
    lanes: Lanes = field(default_factory=lambda: Lanes(None))
    track: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    raised: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    @property
    def error(self) -> str:
        """What it raised, in words; '' where it raised nothing."""
        return f"{self.raised['type']}: {self.raised['message']}" if self.raised else ""

    @property
    def missing(self) -> str:
        return str(self.outcome.get("missing", ""))

    @property
    def correct(self) -> bool | None:
        """Whether the result was right; None before the demonstration and where there is no such tool."""
        return None if not self.outcome or self.missing else bool(self.outcome["correct"])

    @property
    def as_it_should(self) -> bool | None:
        """Whether it came out as it should: right, or wrong where that is what the row is there to show."""
        return None if self.correct is None else self.correct is not self.tool.wrong

    @property
    def rates(self) -> tuple[float, ...]:
        """Operations per second of each counted round."""
        return tuple(self.outcome["round"] / seconds for seconds in self.rounds) if self.outcome else ()

    @property
    def costs(self) -> tuple[float, ...]:
        """Seconds of one operation in each counted round."""
        return tuple(seconds / self.outcome["round"] for seconds in self.rounds) if self.outcome else ()

    @property
    def lost(self) -> float | None:
        """The share of updates that were lost, None where none can be."""
        lost = self.outcome.get("lost")
        return None if lost is None or not self.outcome["expected"] else lost / self.outcome["expected"]


@dataclass(frozen=True, slots=True)
class State:
    """A run up to one record; `order` names (tool, repetition) as they landed, `outcome` and `reason` its end."""

    params: SharingParams
    rows: tuple[Row, ...]
    order: tuple[tuple[str, int], ...] = ()
    done: float = 0
    total: float = 0
    seconds_left: float | None = None
    note: str = ""
    start_method: str = ""
    python: str = ""
    seed: int | None = None
    noise: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    failure: str = ""
    outcome: str = ""
    reason: str = ""

    def row(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.tool.name == name), None)


def initial(params: SharingParams) -> State:
    """Before the first record: every tool is there, none has been shown."""
    names = params.chosen
    return State(params, tuple(Row(TOOLS[name]) for name in names), total=len(names) * (params.repeats + 2))


def fold(state: State, record: Record) -> State:
    """The state after one more record; records that say nothing here leave it as it is."""
    match record:
        case Opening():
            return replace(state, start_method=record.python.start_method, python=record.python.python)
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


def _sample(state: State, sample: Sample) -> State:
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


def _result(state: State, result: Result) -> State:
    row = state.row(result.config)
    match result.name:
        case "seed":
            return replace(state, seed=result.value)
        case "noise":
            return replace(state, noise=result.value)
        case "phase" if row:
            return _with(state, replace(row, phase="running"))
        case "outcome" if row:
            phase = "missing" if result.value.get("missing") else "timing"
            return _with(state, replace(row, outcome=result.value, phase=phase))
        case "raised" if row:
            return _with(state, replace(row, raised=result.value, phase="failed"))
        case "track" if row:
            return _with(state, replace(row, track=result.value))
        case _:
            return state


def _seen(state: State, record: Actor | Span) -> State:
    row = state.row(record.actor.partition(SEPARATOR)[0])
    return state if row is None else _with(state, replace(row, lanes=row.lanes.fold(record)))


def _with(state: State, row: Row) -> State:
    return replace(state, rows=tuple(row if old.tool is row.tool else old for old in state.rows))
