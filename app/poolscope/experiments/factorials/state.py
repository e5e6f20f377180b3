"""The state of a factorials run: what became of each number, and when; and the fold that gathers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from poolscope.experiments.factorials.params import FactorialsParams
from poolscope.experiments.factorials.payloads import FactorialComputed
from poolscope.experiments.timeline import WHOLE_RUN, Lanes
from poolscope.protocol.records import End, Opening, Record, Result, Span, TaskEvent, TaskFailure, TaskOutcome


@dataclass(frozen=True, slots=True)
class Number:
    """One n and what became of it. None: not known, or not yet.

    `seconds` is the time in its worker, `cpu_s` the share of it on a CPU, `queue_wait` the time before; `collected`
    its place as `as_completed` handed it over. Stamps are perf_counter nanoseconds.
    """

    n: int
    status: Literal["queued", "running", "done", "failed", "cancelled"] = "queued"
    value: str | None = None
    digits: int | None = None
    worker: str = ""
    seconds: float | None = None
    cpu_s: float | None = None
    queue_wait: float | None = None
    started: int | None = None
    ended: int | None = None
    collected: int | None = None
    failure: TaskFailure | None = None

    @property
    def complete(self) -> bool:
        return self.status in ("done", "failed")


@dataclass(frozen=True, slots=True)
class FactorialsState:
    """A factorials run up to one record. `numbers` are in rising order; `done` counts failed ones too.

    Stamps: `opened` of the run, `begun` of the first submission (0: not yet), `t` of the newest record. `outcome` and
    `reason` are the run's end, '' before it.
    """

    params: FactorialsParams
    numbers: tuple[Number, ...]
    opened: int = 0
    begun: int = 0
    t: int = 0
    gil: bool = True
    done: int = 0
    lanes: Lanes = WHOLE_RUN
    outcome: str = ""
    reason: str = ""

    @property
    def t0(self) -> int:
        """Where the time axis begins: at the first submission, once there is one."""
        return self.begun or self.opened

    @property
    def total(self) -> int:
        return len(self.numbers)

    @property
    def completed(self) -> tuple[Number, ...]:
        """Done and failed numbers in order of completion: by the stamp in the worker, not by `as_completed`."""
        return tuple(sorted((n for n in self.numbers if n.complete), key=lambda n: (n.ended or 0, n.n)))

    @property
    def others(self) -> tuple[Number, ...]:
        """The numbers without a result: running ones, queued ones, cancelled ones."""
        ranks = ("running", "queued", "cancelled")
        left = [n for n in self.numbers if not n.complete]
        return tuple(sorted(left, key=lambda n: (ranks.index(n.status), n.started or 0, n.n)))

    def at(self, number: Number) -> float | None:
        """Seconds from the first submission to the number's end."""
        return None if number.ended is None else (number.ended - self.t0) / 1e9


def initial(params: FactorialsParams) -> FactorialsState:
    return FactorialsState(params, tuple(Number(n) for n in range(params.first, params.last + 1)))


def fold(state: FactorialsState, record: Record) -> FactorialsState:
    """The state after one more record; records of kinds that say nothing here leave it as it is."""
    match record:
        case Opening():
            return replace(state, opened=record.t, t=record.t, gil=record.python.gil)
        case TaskEvent(event="submitted") if state.begun:
            return state  # every number is queued from the first
        case TaskEvent(event="submitted"):
            return replace(state, begun=record.t, t=max(record.t, state.t))
        case TaskEvent(event="started"):
            return _started(state, record)
        case TaskEvent(event="ended", outcome=TaskOutcome() as outcome):
            return _ended(state, record, outcome)
        case Result(payload=FactorialComputed(n, digits)):
            return _change(state, str(n), record.t, value=digits, digits=len(digits))
        case End():
            left = tuple(n if n.complete else replace(n, status="cancelled") for n in state.numbers)
            return replace(state, numbers=left, outcome=record.outcome, reason=record.reason, t=max(record.t, state.t))
        case _:
            lanes = state.lanes.fold(record)
            return state if lanes is state.lanes else replace(state, lanes=lanes, t=max(record.t, state.t))


def _started(state: FactorialsState, task: TaskEvent) -> FactorialsState:
    # The lane shows from here on what runs; the span itself comes when it is over.
    lanes = state.lanes.fold(Span(task.actor, "running", task.t, None, task.task))
    state = replace(state, lanes=lanes)
    return _change(state, task.task, task.t, status="running", worker=task.actor, started=task.t)


def _ended(state: FactorialsState, task: TaskEvent, outcome: TaskOutcome) -> FactorialsState:
    if outcome.status == "cancelled":
        return _change(state, task.task, task.t, status="cancelled", worker=task.actor)
    return _change(
        replace(state, done=state.done + 1),
        task.task,
        task.t,
        status=outcome.status,
        worker=task.actor,
        ended=task.t,
        seconds=outcome.seconds,
        cpu_s=outcome.cpu_s,
        queue_wait=outcome.queue_wait,
        collected=outcome.order,
        failure=outcome.failure,
    )


def _change(state: FactorialsState, task: str, t: int, **changes: Any) -> FactorialsState:
    """The state with one number changed; only the tuple is copied, never the long values."""
    place = int(task) - state.params.first
    changed = replace(state.numbers[place], **changes)
    numbers = (*state.numbers[:place], changed, *state.numbers[place + 1 :])
    return replace(state, numbers=numbers, t=max(t, state.t))
