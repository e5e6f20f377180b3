"""What a shared-list run has told so far: its numbers, who did what, the log in words; and the fold that gathers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from poolscope.experiments.shared_list.params import SharedListParams
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Actor, Contents, Count, End, Opening, Progress, Record
from poolscope.stats.histogram import Durations

WINDOW_S = 10.0  # how far back the lanes reach
LOG_LINES = 300  # newest steps kept for the log


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counters as they stood at one moment; `really_*` are the threads' own, which no other thread can spoil."""

    added: int = 0
    removed: int = 0
    empty_polls: int = 0
    full_polls: int = 0
    length: int = 0
    really_added: int = 0
    really_removed: int = 0
    robbed: int = 0  # consumers that found the list emptied between their check and their pop
    in_flight: int = 0  # steps that had begun and were not yet counted
    told: int = 0  # steps that were recorded one by one

    @property
    def expected_length(self) -> int:
        return self.added - self.removed

    @property
    def steps(self) -> int:
        return self.really_added + self.really_removed + self.empty_polls + self.full_polls + self.robbed

    @property
    def lost_updates(self) -> int:
        """Additions and removals that happened but are not in the shared counters."""
        return max(self.really_added - self.added, 0) + max(self.really_removed - self.removed, 0)

    @property
    def consistent(self) -> bool:
        gap = abs(self.expected_length - self.length)
        return self.lost_updates <= self.in_flight and gap <= self.in_flight and self.robbed == 0


@dataclass(frozen=True, slots=True)
class LockCounts:
    owner: str = ""
    waiting: tuple[str, ...] = ()
    acquisitions: int = 0
    contended: int = 0
    wait: Durations = field(default_factory=Durations)
    hold: Durations = field(default_factory=Durations)

    @property
    def share_contended(self) -> float | None:
        return self.contended / self.acquisitions if self.acquisitions else None


@dataclass(frozen=True, slots=True)
class State:
    """A shared-list run up to one record. Stamps are perf_counter nanoseconds, `t0` is the run's first."""

    params: SharedListParams
    t0: int = 0
    t: int = 0
    lanes: Lanes = field(default_factory=lambda: Lanes(WINDOW_S))
    roles: Mapping[str, str] = field(default_factory=dict)
    ledger: Ledger = Ledger()
    lock: LockCounts = LockCounts()
    operations: Mapping[str, int] = field(default_factory=dict)
    items: tuple[int, ...] = ()  # the newest of …
    items_in_all: int = 0  # … so many, at the same moment
    log: tuple[tuple[int, str], ...] = ()
    lengths: tuple[tuple[int, int], ...] = ()
    longest: tuple[int, int] = (0, 0)  # length, stamp
    delay_min: float = 0
    delay_max: float = 0
    paused: bool = False
    ran_s: float = 0
    ended: bool = False

    @property
    def left_out(self) -> int:
        """Steps that are counted but were not recorded one by one."""
        return max(self.ledger.steps - self.ledger.told, 0)


def initial(params: SharedListParams) -> State:
    return State(params, delay_min=params.delay_min, delay_max=params.delay_max)


def fold(state: State, record: Record) -> State:
    """The state after one more record; records of kinds that say nothing here leave it as it is."""
    match record:
        case Opening():
            return replace(state, t0=record.t, t=record.t)
        case Actor():
            roles = {**state.roles, record.actor: record.role} if record.role else state.roles
            return replace(state, lanes=state.lanes.fold(record), roles=roles, t=max(record.t, state.t))
        case Contents():
            return _step(state, record)
        case Count():
            return _count(state, record)
        case Progress():
            return replace(state, ran_s=record.done, t=max(record.t, state.t))
        case End():
            return replace(state, ended=True, paused=False, t=max(record.t, state.t))
        case _:
            lanes = state.lanes.fold(record)
            return state if lanes is state.lanes else replace(state, lanes=lanes, t=max(record.t, state.t))


def _step(state: State, step: Contents) -> State:
    lengths = (*state.lengths, (step.t, step.length))
    if len(lengths) % 256 == 0:
        lengths = tuple(point for point in lengths if point[0] >= step.t - WINDOW_S * 1.5e9)
    log = state.log
    if step.change in WORDS:
        log = (*log[-LOG_LINES:], (step.t, in_words(step)))
    longest = (step.length, step.t) if step.length > state.longest[0] else state.longest
    return replace(
        state,
        items=tuple(step.items),
        items_in_all=step.length,
        log=log,
        lengths=lengths,
        longest=longest,
        t=max(step.t, state.t),
    )


WORDS = {
    "added": "Added: {number} | Current List: {items}",
    "removed": "Removed: {number} | Current List: {items}",
    "empty": "List is empty, nothing to remove.",
    "full": "List is full, nothing added.",
    "lost": "Lost: the list was emptied between the check and the pop.",
}


def in_words(step: Contents) -> str:
    """One line of the log, as the program would have printed it; a long list names its newest and counts the rest."""
    older = step.length - len(step.items)
    shown = ", ".join(map(str, step.items))
    items = f"[… {older} older …, {shown}]" if older > 0 else f"[{shown}]"
    return WORDS[step.change].format(number=step.number, items=items)


def _count(state: State, count: Count) -> State:
    values, t = count.values, max(count.t, state.t)
    match count.name:
        case "ledger":
            ledger = Ledger(**values)
            longest = (ledger.length, count.t) if ledger.length > state.longest[0] else state.longest
            return replace(state, ledger=ledger, longest=longest, t=t)
        case "work":
            return replace(state, operations=values, t=t)
        case "lock":
            told = {**values, "waiting": tuple(values["waiting"])}
            return replace(state, lock=replace(state.lock, **told), t=t)
        case "times":
            wait, hold = (Durations.from_json(values[name]) for name in ("wait", "hold"))
            return replace(state, lock=replace(state.lock, wait=wait, hold=hold), t=t)
        case "controls":
            return replace(state, **values, t=t)
        case _:
            return state
