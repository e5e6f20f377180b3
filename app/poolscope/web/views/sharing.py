"""Sharing data as pages show it: a bar and a row a tool, and for each an article with its picture."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from poolscope.experiments.sharing.catalog import ALL, CATALOG, SEPARATOR, SPANS_AN_ACTOR, Tool
from poolscope.experiments.sharing.params import SharingParams
from poolscope.experiments.sharing.samples import Row, State
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Span
from poolscope.runs.run import Run
from poolscope.stats.intervals import timing
from poolscope.text import language, numbers
from poolscope.text.numbers import NARROW
from poolscope.web import timeline

IDLE = (
    "Each tool is shown at work once, then all are timed in turns. You will see who waits and who holds, whether the "
    "result is right or updates got lost, and what one operation costs."
)
WIDE = False
PIECES = ("rates", "compared", "tools")
REPLAY = False
SHORTCUTS = (("tools", ALL, "compare all"), *(("tools", tool.name, tool.title) for tool in CATALOG))

KEYS = (
    ("running", "at work"),
    ("holding", "holding"),
    ("waiting", "waiting for the lock"),
    ("blocked", "blocked"),
    ("sleeping", "not there yet"),
    ("done", "done"),
    ("killed", "killed on request"),
)
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")  # the runner has no wording of its own
DECADES = (3, 7)  # of the bars' scale at least, powers of ten


@dataclass(frozen=True, slots=True)
class ToolRow:
    """One tool; `mark` and `word` say how it came out, `bar` is its length in %, None while it has no rate.

    `rounded` is the rate in three digits, `low` and `high` bound it; `cost` is the seconds of one operation.
    """

    tool: Tool
    anchor: str
    mark: str
    word: str
    rate: float | None
    rounded: float | None
    low: float | None
    high: float | None
    cost: float | None
    bar: float | None


@dataclass(frozen=True, slots=True)
class LockShare:
    """What one thread or process had of a lock, in seconds."""

    name: str
    waits: int
    waited: float
    holds: int
    held: float


@dataclass(frozen=True, slots=True)
class Story:
    """One tool's article; `number` says that expected and actual are numbers, `note` how much the picture shows.

    `shown` says that there is an outcome; `error` is what the tool raised, '' if nothing.
    """

    row: ToolRow
    expected: str
    actual: str
    number: bool
    facts: tuple[tuple[str, str], ...]
    threads: tuple[LockShare, ...]
    picture: timeline.Picture | None
    track: timeline.Track | None
    measure: str
    note: str
    keys: tuple[tuple[str, str], ...]
    missing: str
    shown: bool
    error: str
    traceback: str


@dataclass(frozen=True, slots=True)
class SharingView:
    """Everything that the blocks of this experiment show; `scale` are the words (0, 50, 100 %) above the bars.

    `others` are the tools that this run was not asked for.
    """

    rows: tuple[ToolRow, ...]
    others: tuple[Tool, ...]
    scale: tuple[str, str, str]
    lines: tuple[float, ...]
    stories: tuple[Story, ...]
    chart: str
    height: int
    any: bool
    confidence: str
    csv: str


def title(params: SharingParams) -> str:
    if params.tools == [ALL]:
        return f"All tools for sharing data, {language.count(params.workers, 'worker')}"
    return f"Sharing data by {', '.join(params.chosen)}, {language.count(params.workers, 'worker')}"


def facts(params: SharingParams) -> list[str]:
    return [f"{numbers.whole(params.operations)} operations", f"{language.count(params.repeats, 'repetition')} a tool"]


def progress(run: Run) -> str:
    state: State = run.state
    return f"{state.done:g} of {state.total:g}{f', {state.note}' if state.note else ''}"


def face(run: Run, state: State | None = None) -> SharingView:
    shown: State = state or run.state
    low, high = _decades(shown.rows)
    rows = tuple(_row(row, low, high, shown.outcome) for row in shown.rows)
    level = next((timing(row.rates).confidence for row in shown.rows if row.rates), None)
    steps = range(low, high + 1)
    timed = sum(row.rate is not None for row in rows)
    return SharingView(
        rows=rows,
        others=tuple(tool for tool in CATALOG if shown.row(tool.name) is None),
        scale=(_power(low), _power((low + high) // 2) if (high - low) % 2 == 0 else "", _power(high)),
        lines=tuple(round(100 * (step - low) / (high - low), 2) for step in steps),
        stories=tuple(
            _story(row, told) for row, told in zip(shown.rows, rows, strict=True) if row.outcome or row.raised
        ),
        chart=f"/runs/{run.id}/chart.json?rev={len(shown.order)}",
        height=24 * len(rows) + 8,
        any=timed > 0,
        confidence=f"{level:.0%}" if level else "",
        csv=f"/api/runs/{run.id}/csv",
    )


def _decades(rows: Sequence[Row]) -> tuple[int, int]:
    """The powers of ten between which all rates lie."""
    rates = [median(row.rates) for row in rows if row.rates]
    low = min([DECADES[0], *(math.floor(math.log10(rate)) for rate in rates)])
    return low, max([DECADES[1], *(math.ceil(math.log10(rate)) for rate in rates)])


def _power(power: int) -> str:
    """'1 k', '100 k', '10 M'."""
    word = {0: "", 1: f"{numbers.GAP}k", 2: f"{numbers.GAP}M", 3: f"{numbers.GAP}G"}[min(max(power // 3, 0), 3)]
    return f"{10 ** (power % 3)}{word}" if power >= 0 else f"{10.0**power:g}"


def _row(row: Row, low: int, high: int, outcome: str) -> ToolRow:
    rate = timing(row.rates) if row.rates else None
    mark, word = _came_out(row, outcome)
    share = (math.log10(rate.median) - low) / (high - low) if rate else None
    return ToolRow(
        tool=row.tool,
        anchor=f"tool-{row.tool.name}",
        mark=mark,
        word=word,
        rate=rate.median if rate else None,
        rounded=float(f"{rate.median:.3g}") if rate else None,
        low=rate.low if rate else None,
        high=rate.high if rate else None,
        cost=median(row.costs) if rate else None,
        bar=None if share is None else round(100 * min(max(share, 0.0), 1.0), 1),
    )


def _came_out(row: Row, outcome: str) -> tuple[str, str]:
    """The state and the word of a tool."""
    if row.raised:
        return "failed", "failed"
    if row.missing:
        return "stopped", "not here"
    if row.correct is None:
        if outcome:
            return "stopped", "not run"
        return ("running", "running") if row.phase == "running" else ("queued", "queued")
    if row.lost:
        return "failed", f"lost {row.lost:.0%}"
    if not row.correct:
        return "failed", "wrong"
    return "done", "none lost" if row.tool.wrong else "right"


def _story(row: Row, told: ToolRow) -> Story:
    outcome = row.outcome
    start, end, cut = _window(row.lanes)
    ticks = timeline.since(max(end - start, 1) / 1e9)
    seen = {span.state for span in row.lanes.spans}
    points = [(stamp, value) for stamp, value in row.track.get("points", ())]
    measure = str(row.track.get("label", ""))
    return Story(
        row=told,
        expected=_text(outcome.get("expected")),
        actual=_text(outcome.get("actual")),
        number=isinstance(outcome.get("expected"), int),
        facts=tuple((name, THOUSANDS.sub(NARROW, value)) for name, value in outcome.get("facts", ())),
        threads=tuple(LockShare(*thread) for thread in outcome.get("threads", ())),
        picture=timeline.picture(_named(row.lanes), start, end, ticks) if seen else None,
        track=timeline.track(points, start, end, ticks, f"{measure} over time", 1) if points else None,
        measure=measure,
        note=f"the first {numbers.duration((end - start) / 1e9)}" if cut else "",
        keys=tuple(key for key in KEYS if key[0] in seen),
        missing=row.missing,
        shown=bool(row.outcome) and not row.missing,
        error=row.error,
        traceback=str(row.raised.get("traceback", "")),
    )


def _text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return numbers.whole(value)
    return THOUSANDS.sub(NARROW, str(value))


def _window(seen: Lanes) -> tuple[int, int, bool]:
    """From the first span to the last; where only the first spans were sent, as far as all actors are known."""
    if not seen.spans:
        return 0, 1, False
    ends: dict[str, list[int]] = {}
    for span in seen.spans:
        ends.setdefault(span.actor, []).append(span.t)
    cut = [max(own) for own in ends.values() if len(own) >= SPANS_AN_ACTOR]
    return min(span.t0 for span in seen.spans), min(cut) if cut else max(map(max, ends.values())), bool(cut)


def _named(seen: Lanes) -> Lanes:
    """The lanes with their actors' own names, without the tool's."""
    return Lanes(
        None,
        tuple(_short(actor) for actor in seen.actors),
        {},
        tuple(Span(_short(span.actor), span.state, span.t0, span.t1, span.item) for span in seen.spans),
    )


def _short(actor: str) -> str:
    return actor.partition(SEPARATOR)[2]
