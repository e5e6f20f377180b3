"""Spans as one SVG path a state: drawn by the server ten times a second, small enough to morph.

Coordinates are 1/10000 of the window, so the server needs to know no width. What is narrower than 1/1000 of the
window is widened to be seen and merged with its like, which bounds the picture whatever happens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Span
from poolscope.text.numbers import GAP, percent
from poolscope.text.sentences import format_list

WIDTH = 10_000
NARROWEST = 8
FILLED = WIDTH // 20  # so much of a lane drawn over what was not so can be seen, and has to be said
EDGE = 0.025  # a word this close to an end of the axis does not stand out over it
# As drawn, one over the other: who waits for a lock may be seen to hold another one meanwhile.
ORDER = ("sleeping", "blocked", "running", "holding", "waiting", "done", "failed", "killed")


@dataclass(frozen=True, slots=True)
class Tick:
    """A word on the axis at `x` percent; `major` ones stay when there is little room."""

    x: float
    text: str
    anchor: str
    major: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One actor: its name, the state it is in now ('' once it has ended) and a note behind the name."""

    name: str
    state: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of lanes: one path a state, hairlines and words for the axis below.

    `filled` says how much of what is drawn really was so, where that is much less; '' where it isn't.
    """

    lanes: tuple[Lane, ...]
    paths: tuple[tuple[str, str], ...]
    grid: str
    ticks: tuple[Tick, ...]
    filled: str


def picture(
    lanes: Lanes,
    start: int,
    end: int,
    ticks: tuple[Tick, ...],
    notes: Mapping[str, str] | None = None,
    exclusive: str = "",
    keys: Keys = (),
) -> Picture:
    """The lanes from `start` to `end` (perf_counter ns).

    Only one actor at a time is in the `exclusive` state, as in that of holding the one lock there is. With `keys`, the
    words of the states, it is said where gaps were filled in; not while lanes move, or it would come and go below them.
    """
    notes = notes or {}
    rows = {name: row for row, name in enumerate(lanes.actors)}
    spans = (*lanes.spans, *lanes.now.values())
    all_drawn = drawn(spans, rows, start, end, exclusive)
    return Picture(
        tuple(Lane(name, lanes.now[name].state if name in lanes.now else "", notes.get(name, "")) for name in rows),
        all_drawn.paths,
        grid(ticks, len(rows)),
        ticks,
        filled_in([(word, all_drawn.filled[state]) for state, word in keys if state in all_drawn.filled]),
    )


def filled_in(shares: Sequence[tuple[str, float]]) -> str:
    """A sentence for what is drawn much longer than it was, as (name, the share that really was); '' for nothing."""
    words = [f"{name} {percent(share, 1 if share < 0.1 else 0)}%" for name, share in shares]
    told = "Gaps too short to draw are filled in; of what is drawn, really so"
    return f"{told}: {format_list(words)}." if words else ""


Keys = Sequence[tuple[str, str]]  # (state, what its colour means)
Pieces = dict[int, list[list[int]]]  # [left, right] of each, by row


class Drawn(NamedTuple):
    """(state, SVG path) for each state that occurs, and of those drawn much longer than they were which share was."""

    paths: tuple[tuple[str, str], ...]
    filled: Mapping[str, float]


def drawn(spans: Iterable[Span], rows: Mapping[str, int], start: int, end: int, exclusive: str = "") -> Drawn:
    """The spans as paths; those of one actor and state must come in order of time.

    Of the `exclusive` state no two rows have a piece in one place: what is widened or merged to be seen may overlap
    what another actor did in between.
    """
    scale = WIDTH / max(end - start, 1)
    by_state: dict[str, Pieces] = {}
    lasted: dict[str, dict[int, float]] = {}  # what there really was of each state, by row
    taken: dict[int, int] = {}  # the row that has each place of the exclusive state
    for span in spans:
        t1 = end if span.t1 is None else span.t1
        if t1 <= start or span.t0 >= end or span.actor not in rows:
            continue
        left = max(int((span.t0 - start) * scale), 0)
        right = min(max(int((t1 - start) * scale), left + NARROWEST), WIDTH)
        shown = (min(t1, end) - max(span.t0, start)) * scale
        of_rows = lasted.setdefault(span.state, {})
        of_rows[rows[span.actor]] = of_rows.get(rows[span.actor], 0.0) + shown * _busy_share(span)
        if span.state == exclusive:
            for place in range(left // NARROWEST, (right - 1) // NARROWEST + 1):
                taken.setdefault(place, rows[span.actor])
            continue
        pieces = by_state.setdefault(span.state, {}).setdefault(rows[span.actor], [])
        # Only a touching neighbour is merged, unless the picture would get too fine to be seen.
        if (pieces and 0 <= left - pieces[-1][1] < NARROWEST) or (pieces and pieces[-1][0] <= left < pieces[-1][1]):
            pieces[-1][1] = max(right, pieces[-1][1])
        else:
            pieces.append([left, right])
    if taken:
        by_state[exclusive] = _pieces(taken)
    paths = tuple(
        (
            state,
            "".join(
                f"M{left} {row}.5h{right - left}"
                for row, pieces in sorted(by_state[state].items())
                for left, right in pieces
            ),
        )
        for state in ORDER
        if state in by_state
    )
    return Drawn(paths, _filled(by_state, lasted))


def _busy_share(span: Span) -> float:
    """The part of a span in which its actor really was in that state."""
    return 1.0 if span.busy is None or span.t1 is None or span.t1 <= span.t0 else span.busy / (span.t1 - span.t0)


def _filled(by_state: Mapping[str, Pieces], lasted: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """Of the states that are drawn much longer in a lane than they lasted, the share of all that is drawn that did."""
    found = {}
    for state, rows in by_state.items():
        lengths = {row: sum(right - left for left, right in pieces) for row, pieces in rows.items()}
        really = lasted[state]
        if any(length - really.get(row, 0.0) > FILLED for row, length in lengths.items()):
            found[state] = min(1.0, sum(really.values()) / sum(lengths.values()))
    return found


def _pieces(taken: Mapping[int, int]) -> Pieces:
    """Neighbouring places of one row as one piece."""
    found: Pieces = {}
    for place, row in sorted(taken.items()):
        pieces, left = found.setdefault(row, []), place * NARROWEST
        if pieces and pieces[-1][1] == left:
            pieces[-1][1] += NARROWEST
        else:
            pieces.append([left, left + NARROWEST])
    return found


def grid(ticks: Sequence[Tick], height: float) -> str:
    """Hairlines at the ticks, but for those at the edges."""
    return "".join(f"M{round(tick.x * 100)} 0v{height}" for tick in ticks if 0 < tick.x < 100)


def ago(window_s: float) -> tuple[Tick, ...]:
    """Ticks of a window that ends now: −10 s … −1 s, now."""
    steps = int(window_s)
    return _ticks([("now" if back == 0 else f"−{back}{GAP}s", 1 - back / window_s) for back in range(steps, -1, -1)])


def at(start_s: float, window_s: float) -> tuple[Tick, ...]:
    """Ticks of a window of a finished run, at round seconds of that run."""
    return _round_ticks(start_s, window_s, "s", 1.0, 10)


def since(span_s: float) -> tuple[Tick, ...]:
    """Ticks at round times from 0 up to a whole run's length, in the unit that suits it."""
    unit, scale = next((pair for pair in (("s", 1.0), ("ms", 1e-3)) if span_s >= pair[1]), ("µs", 1e-6))
    return _round_ticks(0.0, span_s, unit, scale, 6)


def _round_ticks(start_s: float, span_s: float, unit: str, scale: float, most: int) -> tuple[Tick, ...]:
    """Ticks at multiples of 1, 2 or 5 times a power of ten, so many intervals of them at most."""
    start, span = start_s / scale, max(span_s, 1e-9) / scale
    power = math.floor(math.log10(span / most))
    factor, power = next(
        (factor, power + more)
        for more in (0, 1)
        for factor in (1, 2, 5)
        if factor * 10.0 ** (power + more) * most >= span
    )
    step = factor * 10.0**power
    # A tick at the very edge counts in spite of rounding errors.
    first, last = math.ceil(start / step - 1e-9), math.floor((start + span) / step + 1e-9)
    return _ticks(
        [
            (f"{number * step:.{max(0, -power) if number else 0}f}{GAP}{unit}", (number * step - start) / span)
            for number in range(first, last + 1)
        ]
    )


def _ticks(places: Sequence[tuple[str, float]]) -> tuple[Tick, ...]:
    """The ticks by their words and shares of the axis; the first, the last and one halfway are major."""
    last = len(places) - 1
    return tuple(
        Tick(
            round(share * 100, 2),
            text,
            "start" if share < EDGE else "end" if share > 1 - EDGE else "middle",
            index in (0, last) or index * 2 == last,
        )
        for index, (text, share) in enumerate(places)
    )


@dataclass(frozen=True, slots=True)
class Track:
    """A step line below the lanes on the same axis, with the greatest value at its top."""

    top: int
    line: str
    area: str
    grid: str
    label: str


def track(
    points: Sequence[tuple[int, int]], start: int, end: int, ticks: Sequence[Tick], label: str, least: int = 10
) -> Track:
    """A step line through (stamp, value) points; of many in one place four are drawn, the peaks among them.

    The top is a round number that is `least` or more.
    """
    scale = WIDTH / max(end - start, 1)
    before = next((value for stamp, value in reversed(points) if stamp < start), 0)
    places: dict[int, list[int]] = {}
    for stamp, value in points:
        if start <= stamp <= end:
            places.setdefault(int((stamp - start) * scale) // NARROWEST * NARROWEST, []).append(value)
    most = max([before, *map(max, places.values())])
    top = next(step * 10**power for power in range(10) for step in (1, 2, 5) if step * 10**power >= max(most, least))
    line = [f"M0 {top - before}"]
    for x, values in places.items():
        few = values if len(values) <= 4 else (values[0], max(values), min(values), values[-1])
        line.append(f"H{x}" + "".join(f"V{top - value}" for value in few))
    path = "".join(line) + f"H{WIDTH}"
    return Track(top, path, f"{path}V{top}H0z", grid(ticks, top), label)
