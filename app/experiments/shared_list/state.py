"""What the records of a shared list mean: its numbers, whether they agree, who did what, and the log in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.experiments.lanes import Lanes
from app.experiments.shared_list.params import SharedListParams
from app.experiments.verdicts import Finding, Verdict
from app.measure.histogram import Durations
from app.records import Actor, Contents, Count, End, Opening, Progress, Record

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
    items: tuple[int, ...] = ()
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
    return replace(state, items=tuple(step.items), log=log, lengths=lengths, longest=longest, t=max(step.t, state.t))


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


def disagreements(state: State) -> tuple[str, ...]:
    """Which numbers disagree, and by how much; empty where all is well."""
    ledger, said = state.ledger, []
    for name, counted, really in (
        ("added", ledger.added, ledger.really_added),
        ("removed", ledger.removed, ledger.really_removed),
    ):
        if really - counted > ledger.in_flight:
            said.append(f"the counter of numbers {name} says {_whole(counted)}, the threads {name} {_whole(really)}")
    if abs(ledger.expected_length - ledger.length) > ledger.in_flight:
        said.append(f"added − removed is {_whole(ledger.expected_length)}, the list holds {_whole(ledger.length)}")
    if ledger.robbed:
        times = "once" if ledger.robbed == 1 else f"{ledger.robbed} times"
        said.append(f"{times} a consumer found the list emptied between its check and its pop")
    return tuple(said)


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """Whether the numbers agree, then how the lock was used, or why they do not agree."""
    ledger = state.ledger
    if not ledger.steps:
        return None
    if not ledger.consistent:
        why = (
            "Two threads read the same value, and each wrote its own result over the other's: a lost update."
            if ledger.lost_updates
            else "Another thread came in between a check and the act that rested on it."
        )
        said = "; ".join(disagreements(state))
        return Verdict("The numbers disagree:", f"{said}. {why}")
    if state.params.guard == "none":
        alone = state.params.producers == 1 and state.params.consumers == 1
        why = (
            "With one producer and one consumer no two threads write the same counter."
            if alone
            else "That is luck, not safety: nothing keeps the threads apart."
        )
        return Verdict(f"Nothing was lost in {_whole(ledger.steps)} steps, without any guard.", why)
    return Verdict("The invariant holds", f"after {_whole(ledger.steps)} steps. {_lock_in_words(state)}")


def _lock_in_words(state: State) -> str:
    lock = state.lock
    share, p99 = lock.share_contended, lock.wait.quantile(0.99)
    if share is None or p99 is None:
        return ""
    return (
        f"{share:.0%} of {_whole(lock.acquisitions)} acquisitions had to wait; "
        f"the 99th percentile of all waits is {_time(p99)}."
    )


def _whole(number: int) -> str:
    """Thousands apart by narrow no-break spaces."""
    return f"{number:,}".replace(",", "\u202f")


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} µs" if seconds < 1e-3 else f"{seconds * 1e3:.3g} ms"


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """What is worth knowing beside the verdict, each with a way to see more."""
    params, found = state.params, []
    if params.guard == "none" and params.producers == params.consumers == 1:
        found.append(
            Finding(
                "unguarded and alone",
                True,
                "To see a lost update, let several threads write the same counter.",
                remedy={**params.model_dump(), "producers": 4, "consumers": 4},
            )
        )
    if state.ledger.full_polls and not params.capacity:
        found.append(
            Finding(
                "outgrown",
                True,
                "The list reached 1 000 000 numbers and was held there: the producers outran the consumers, "
                "because taking the first of a long list moves all others.",
                remedy={**params.model_dump(), "capacity": 1000, "guard": "condition"},
            )
        )
    if params.guard == "lock" and state.ledger.empty_polls > state.ledger.removed > 0:
        found.append(
            Finding(
                "polling",
                True,
                f"Consumers asked an empty list {state.ledger.empty_polls} times for {state.ledger.removed} numbers; "
                "a condition lets them wait instead.",
                {"empty_polls": state.ledger.empty_polls, "removed": state.ledger.removed},
                {**params.model_dump(), "guard": "condition"},
            )
        )
    return tuple(found)


def as_json(state: State) -> dict[str, Any]:
    """The contract's `state` of a shared list, and a few fields more."""
    ledger, lock = state.ledger, state.lock
    return {
        "list": list(state.items),
        "length": ledger.length,
        "added": ledger.added,
        "removed": ledger.removed,
        "empty_polls": ledger.empty_polls,
        "expected_length": ledger.expected_length,
        "consistent": ledger.consistent,
        "lost": {
            "updates": ledger.lost_updates,
            "robbed": ledger.robbed,
            "really_added": ledger.really_added,
            "really_removed": ledger.really_removed,
            "disagreements": list(disagreements(state)),
        },
        "threads": [
            {
                "name": name,
                "role": state.roles.get(name, ""),
                "state": state_of(state, name),
                "operations": state.operations.get(name, 0),
            }
            for name in state.lanes.actors
        ],
        "lock": {
            "owner": lock.owner or None,
            "waiting": list(lock.waiting),
            "acquisitions": lock.acquisitions,
            "contended": lock.contended,
            "contended_share": lock.share_contended,
            "wait_s": {"median": lock.wait.quantile(0.5), "p99": lock.wait.quantile(0.99)},
            "hold_s": {"median": lock.hold.quantile(0.5), "p99": lock.hold.quantile(0.99)},
        },
        "log": [text for _, text in state.log],
        "steps": ledger.steps,
        "left_out": state.left_out,
        "controls": {"delay_min": state.delay_min, "delay_max": state.delay_max, "paused": state.paused},
        "ran_s": state.ran_s,
        "longest": {"length": state.longest[0], "at": (state.longest[1] - state.t0) / 1e9},
    }


def state_of(state: State, name: str) -> str:
    """The state that a thread is in now; 'done' once it has ended."""
    span = state.lanes.now.get(name)
    return span.state if span else ("done" if state.ended else "sleeping")


def rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The result as a table: a row a thread."""
    table: list[Sequence[object]] = [
        (name, state.roles.get(name, ""), state.operations.get(name, 0)) for name in state.lanes.actors
    ]
    return ("thread", "role", "operations"), table
