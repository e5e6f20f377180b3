"""The state of a shared-list run: counters, who did what, the steps of the log; and the fold that gathers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from poolscope.experiments.shared_list.params import SharedListParams
from poolscope.experiments.shared_list.payloads import (
    ControlsInForce,
    ListCounts,
    LockStatistics,
    LockTimes,
    OperationCounts,
)
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Actor, Contents, End, Opening, Progress, Record, Result
from poolscope.stats.histogram import Durations

WINDOW_S = 10.0  # how far back the lanes reach
LATELY = Lanes(WINDOW_S)
LOG_LINES = 300  # newest steps kept for the log


@dataclass(frozen=True, slots=True)
class LockUse:
    """The lock as it was seen last, and how long it was waited for and held so far."""

    seen: LockStatistics = field(default_factory=LockStatistics)
    wait: Durations = field(default_factory=Durations)
    hold: Durations = field(default_factory=Durations)

    @property
    def share_contended(self) -> float | None:
        """The share of acquisitions that had to wait; None before the first one."""
        return self.seen.contended / self.seen.acquisitions if self.seen.acquisitions else None


@dataclass(frozen=True, slots=True)
class SharedListState:
    """A shared-list run up to one record. Stamps are perf_counter nanoseconds, `t0` is the run's first."""

    params: SharedListParams
    t0: int = 0
    t: int = 0
    lanes: Lanes = LATELY
    roles: Mapping[str, str] = field(default_factory=dict)
    counts: ListCounts = field(default_factory=ListCounts)
    lock: LockUse = LockUse()
    operations: Mapping[str, int] = field(default_factory=dict)
    items: tuple[int, ...] = ()  # the newest of …
    items_in_all: int = 0  # … so many, at the same moment
    steps: tuple[Contents, ...] = ()  # the newest that were recorded one by one
    lengths: tuple[tuple[int, int], ...] = ()
    longest: tuple[int, int] = (0, 0)  # length, stamp
    delay_min: float = 0
    delay_max: float = 0
    paused: bool = False
    ran_s: float = 0
    ended: bool = False

    @property
    def delays(self) -> dict[str, float]:
        """The delays in force, which the controls change."""
        return {"delay_min": self.delay_min, "delay_max": self.delay_max}

    @property
    def expected_length(self) -> int:
        return self.counts.added - self.counts.removed

    @property
    def all_steps(self) -> int:
        """Steps and polls of all threads, by the counters that no other thread can spoil."""
        counts = self.counts
        return counts.really_added + counts.really_removed + counts.empty_polls + counts.full_polls + counts.robbed

    @property
    def left_out(self) -> int:
        """Steps that are counted but were not recorded one by one."""
        return max(self.all_steps - self.counts.recorded, 0)

    @property
    def lost_updates(self) -> int:
        """Additions and removals that happened but are not in the shared counters."""
        counts = self.counts
        return max(counts.really_added - counts.added, 0) + max(counts.really_removed - counts.removed, 0)

    @property
    def consistent(self) -> bool:
        counts = self.counts
        gap = abs(self.expected_length - counts.length)
        return self.lost_updates <= counts.in_flight and gap <= counts.in_flight and counts.robbed == 0


def initial(params: SharedListParams) -> SharedListState:
    return SharedListState(params, delay_min=params.delay_min, delay_max=params.delay_max)


def fold(state: SharedListState, record: Record) -> SharedListState:
    """The state after one more record; records of kinds that say nothing here leave it as it is."""
    match record:
        case Opening():
            return replace(state, t0=record.t, t=record.t)
        case Actor():
            roles = {**state.roles, record.actor: record.role} if record.role else state.roles
            return replace(state, lanes=state.lanes.fold(record), roles=roles, t=max(record.t, state.t))
        case Contents():
            return _step(state, record)
        case Result():
            return _result(state, record)
        case Progress():
            return replace(state, ran_s=record.done, t=max(record.t, state.t))
        case End():
            return replace(state, ended=True, paused=False, t=max(record.t, state.t))
        case _:
            lanes = state.lanes.fold(record)
            return state if lanes is state.lanes else replace(state, lanes=lanes, t=max(record.t, state.t))


def _step(state: SharedListState, step: Contents) -> SharedListState:
    lengths = (*state.lengths, (step.t, step.length))
    if len(lengths) % 256 == 0:
        lengths = tuple(point for point in lengths if point[0] >= step.t - WINDOW_S * 1.5e9)
    steps = state.steps if step.change == "end" else (*state.steps[-LOG_LINES:], step)
    longest = (step.length, step.t) if step.length > state.longest[0] else state.longest
    return replace(
        state,
        items=tuple(step.items),
        items_in_all=step.length,
        steps=steps,
        lengths=lengths,
        longest=longest,
        t=max(step.t, state.t),
    )


def _result(state: SharedListState, result: Result) -> SharedListState:
    state = replace(state, t=max(result.t, state.t))
    match result.payload:
        case ListCounts() as counts:
            longest = (counts.length, result.t) if counts.length > state.longest[0] else state.longest
            return replace(state, counts=counts, longest=longest)
        case OperationCounts(by_thread):
            return replace(state, operations=by_thread)
        case LockStatistics() as seen:
            return replace(state, lock=replace(state.lock, seen=seen))
        case LockTimes(wait, hold):
            return replace(state, lock=replace(state.lock, wait=Durations(wait), hold=Durations(hold)))
        case ControlsInForce(delay_min, delay_max, paused):
            return replace(state, delay_min=delay_min, delay_max=delay_max, paused=paused)
        case _:
            return state


def state_of(state: SharedListState, name: str) -> str:
    """The state that a thread is in now; 'done' once it has ended. Who does not rest is at work between two looks."""
    if not state.ended and name == state.lock.seen.owner:
        return "holding"
    span = state.lanes.now.get(name)
    if span:
        return span.state
    return "done" if state.ended else "running" if state.delay_max == 0 and not state.paused else "sleeping"
