"""What each visitor gets of the server: the runs that wait take turns by visitors, and a client's starts are limited.

Measured runs and live ones wait for different things, and so in two lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapreplace, merge
from itertools import chain, zip_longest

from poolscope.errors import TooManyStarts
from poolscope.runs.run import Run, Visitor

Line = dict[str, list[Run]]  # by visitor, those first whose turn is next

UNKNOWN_S = 10.0  # what a run is taken to last of which nothing is known
WINDOW_S = 60  # over which the starts of a client are counted
MOST_CLIENTS = 1_000


class FairQueue:
    """A new visitor joins at the end of the line, and so does one whose run has started; his runs keep their order.

    Nobody is overtaken twice by the same visitor, and newcomers without end overtake nobody.
    """

    def __init__(self) -> None:
        self._lines: Mapping[bool, Line] = {True: {}, False: {}}
        self._seen: dict[str, float] = {}  # when visitors with runs in here last showed a sign of life

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Run]:
        return chain.from_iterable(chain.from_iterable(line.values() for line in self._lines.values()))

    def __contains__(self, run: Run) -> bool:
        return run in self._lines[run.experiment.measured].get(run.visitor.id, ())

    def add(self, run: Run, now: float) -> None:
        """Let a run wait behind those of its visitor."""
        self._lines[run.experiment.measured].setdefault(run.visitor.id, []).append(run)
        self._seen[run.visitor.id] = now

    def remove(self, run: Run, *, started: bool = False) -> None:
        """Take a run out; where it was started, the visitor's next one waits for all others' turns."""
        line, visitor = self._lines[run.experiment.measured], run.visitor.id
        line[visitor].remove(run)
        if started or not line[visitor]:
            rest = line.pop(visitor)
            if rest:
                line[visitor] = rest
        if not any(visitor in each for each in self._lines.values()):
            self._seen.pop(visitor, None)

    def in_order(self, *, measured: bool) -> list[Run]:
        """One of the two lines, the next first."""
        rounds = zip_longest(*self._lines[measured].values())
        return [run for each in rounds for run in each if run is not None]

    def of_visitor(self, visitor: Visitor) -> int:
        """How many runs of a visitor wait."""
        return sum(len(line.get(visitor.id, ())) for line in self._lines.values())

    def of_address(self, visitor: Visitor) -> int:
        """How many runs wait of all visitors who share this one's address."""
        return sum(run.visitor.address == visitor.address for run in self)

    def see(self, visitor: str, now: float) -> None:
        """Note a sign of life of a visitor."""
        if visitor in self._seen:
            self._seen[visitor] = now

    def deserted(self, before: float) -> list[Run]:
        """The runs whose visitor has shown no sign of life since `before`."""
        return [run for run in self if self._seen[run.visitor.id] < before]


def expected_waits(waiting: Sequence[Run], left_s: float, took_s: Mapping[str, float]) -> list[float]:
    """In how many seconds each of the measured runs that wait is likely to start, by order of their turns.

    `left_s` is what the present one still needs, `took_s` what runs of an experiment have taken lately.
    """
    waits = []
    for run in waiting:
        waits.append(left_s)
        left_s += expected_length(run, took_s)
    return waits


@dataclass(frozen=True, slots=True)
class Turn:
    """In how many seconds a run that waits is likely to start; `known` where that is sure enough to be told."""

    run: Run
    wait_s: float
    known: bool


def expected_turns(
    running: Sequence[Run], measured: Sequence[Run], live: Sequence[Run], took_s: Mapping[str, float]
) -> list[Turn]:
    """All that wait in both lines, in the order in which they are likely to start.

    Measured ones start one after another. A live one that spares measurements starts when the last of them ends, any
    other when one that is running makes room: nobody can tell that moment, but it will do for an order.
    """
    ends = {run.id: time_left(run, expected_length(run, took_s)) for run in running}
    present_s = sum(ends[run.id] for run in running if run.experiment.measured)
    waits = expected_waits(measured, present_s, took_s)
    in_turn = [Turn(run, wait_s, known=True) for run, wait_s in zip(measured, waits, strict=True)]
    ends |= {turn.run.id: turn.wait_s + expected_length(turn.run, took_s) for turn in in_turn}
    # Where no live one runs, it is the present measured one beside which there is no room. (Sorted, it is a heap.)
    rooms = sorted(ends[run.id] for run in running if not run.experiment.measured) or [present_s]
    beside = []
    for run in live:
        if run.spares:
            beside.append(Turn(run, max(ends[each] for each in run.spares), known=True))
        else:
            wait_s = heapreplace(rooms, rooms[0] + expected_length(run, took_s))
            beside.append(Turn(run, wait_s, known=False))
    beside.sort(key=lambda turn: turn.wait_s)
    # Of two that the same end lets start, the one that came first: nobody falls back because of a newcomer.
    return list(merge(in_turn, beside, key=lambda turn: (turn.wait_s, turn.run.entered)))


def expected_length(run: Run, took_s: Mapping[str, float]) -> float:
    """How many seconds a run is likely to take: as others of its experiment did, else what its parameters tell."""
    allowed = run.params.run_length
    return took_s.get(run.experiment.name, allowed.seconds if allowed else UNKNOWN_S)


def time_left(run: Run, expected_s: float) -> float:
    """The seconds that a running run is likely to need still, by itself or by what others have taken."""
    if run.progress is not None and run.progress.seconds_left:
        return run.progress.seconds_left
    return max(0.0, expected_s - run.lasted_s)


class RateLimiter:
    """At most `starts_per_minute` starts by each client, counted over a moving window.

    Not `limits`: its memory storage keeps each client's key for ever, and goes by the wall clock.
    """

    def __init__(self, starts_per_minute: int) -> None:
        self._limit = starts_per_minute
        self._starts: dict[str, list[float]] = {}

    def count(self, client: str) -> None:
        """Count a start; a client without a name, on the command line, is not limited. Raises TooManyStarts."""
        if not client:
            return
        now = time.monotonic()
        recent = [start for start in self._starts.get(client, []) if start > now - WINDOW_S]
        if len(recent) >= self._limit:
            raise TooManyStarts(len(recent), int(recent[0] - (now - WINDOW_S)) + 1)
        if len(self._starts) > MOST_CLIENTS:  # one entry an address, so that the table must not grow for ever
            self._starts = {name: starts for name, starts in self._starts.items() if starts[-1] > now - WINDOW_S}
        self._starts[client] = [*recent, now]
