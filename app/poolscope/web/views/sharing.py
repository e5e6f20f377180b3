"""Sharing data as pages show it: a bar and a row a tool, and for each an article with its picture."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from operator import attrgetter
from statistics import median
from typing import Any, ClassVar

from poolscope.experiments.sharing.catalog import ALL, CATALOG, SEPARATOR, SPANS_AN_ACTOR, TOOLS, Tool
from poolscope.experiments.sharing.messages import error
from poolscope.experiments.sharing.params import SharingParams
from poolscope.experiments.sharing.payloads import StepLine
from poolscope.experiments.sharing.state import SharingState, ToolState
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Span
from poolscope.runs.run import Run
from poolscope.stats.intervals import timing
from poolscope.text import numbers
from poolscope.text.numbers import NARROW
from poolscope.web import timeline
from poolscope.web.table import Bar, Button, Cell, Column, Table, alone, table
from poolscope.web.views.view import Chart, ChartFacts, Charts, Columns, PageBlock, Shortcut, Timeline, Timelines, View

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
KINDS = {"threads": "thread", "processes": "process", "interpreters": "interpreter"}  # whose colour and shape they have
TITLES = {ALL: "compare all", **{tool.name: tool.title for tool in CATALOG}}
DECADES = (2, 8)  # of the bars' scale at least, powers of ten: rates of several runs can be compared by eye


@dataclass(frozen=True, slots=True)
class ToolRow:
    """One tool; `mark` and `word` say how it came out, `bar` is its length in %, None while it has no rate.

    `low` and `high` bound the rate; `cost_us` are the microseconds of one operation.
    """

    tool: Tool
    anchor: str
    href: str
    mark: str
    word: str
    rate: float | None
    low: float | None
    high: float | None
    cost_us: float | None
    bar: float | None


@dataclass(frozen=True, slots=True)
class Story:
    """One tool's article; `number` says that expected and actual are numbers, `note` how much the picture shows.


    `explanation` alternates between prose and code. `shown` says that there is an outcome; `error` is what the tool
    raised, '' if nothing.
    """

    anchor: str
    title: str
    code: str
    explanation: tuple[str, ...]
    mark: str
    word: str
    expected: str
    actual: str
    number: bool
    facts: tuple[tuple[str, str], ...]
    waits: Table | None
    lanes: str
    picture: timeline.Picture | None
    track: timeline.Track | None
    measure: str
    note: str
    keys: tuple[tuple[str, str], ...]
    missing: str
    shown: bool
    alone: bool  # the run has no other tool
    cured: Button | None  # runs it again beside what mends it
    error: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Article:
    """The place of one tool's article; `story` is None while, and where, there is nothing to tell of it."""

    anchor: str
    story: Story | None


@dataclass(frozen=True, slots=True)
class SharingFacts:
    """Everything that the blocks of this experiment show; `rates` is None before anything was timed."""

    on_bench: Table
    compared: Table
    articles: Mapping[str, Article]
    rates: ChartFacts | None
    confidence: str
    one_sample: bool
    csv: str


@dataclass(frozen=True, slots=True)
class BenchRow:
    """A tool on the bench, in this run or not, or (first) all of them."""

    name: Cell
    bar: Bar | None = None
    rate: str = ""
    mark: str = ""
    word: str = ""
    button: Button | None = None


EVERY = BenchRow(Cell(TITLES[ALL]))


def _anchor(name: str) -> str:
    return f"tool-{name}"


def _article(facts: SharingFacts, name: str) -> Article:
    return facts.articles[name]


class SharingView(View):
    """Sharing data: a bar and a row a tool, and for each an article with its picture."""

    group = "Which tool shares data correctly, and at what price?"
    rows_known = True
    idle = (
        "Each tool is shown at work once, then all are timed in turns. You will see who waits and who holds, whether "
        "the result is right or updates got lost, and what one operation costs."
    )
    # A block for each, so that what one shows as it comes does not send and draw all others again.
    parts = (
        PageBlock("rates"),
        PageBlock("compared"),
        *(PageBlock(_anchor(tool.name), "article", partial(_article, name=tool.name)) for tool in CATALOG),
    )
    shortcuts = tuple(Shortcut("tools", name, title) for name, title in TITLES.items())
    columns: ClassVar[Columns] = {
        "bench": (
            Column("tool", attrgetter("name"), row_head=True),
            Column("bar, log scale", lambda row: Cell(bar=row.bar), hidden=True),
            Column("operations/s", attrgetter("rate"), align="n"),
            Column("result", lambda row: Cell(row.word, state=row.mark)),
            Column("actions", lambda row: Cell(button=row.button), hidden=True),
        ),
        "compared": (
            Column("tool", lambda row: Cell(row.tool.title, href=row.href, code=True), row_head=True),
            Column("between", lambda row: Cell(row.tool.between, kind=KINDS[row.tool.between])),
            Column("right?", lambda row: Cell(row.word, state=row.mark)),
            Column("operation", lambda row: row.tool.operation, align="keep"),
            Column("operations/s", attrgetter("rate"), numbers.whole, "n"),
            Column("from", attrgetter("low"), numbers.whole, "n"),
            Column("to", attrgetter("high"), numbers.whole, "n"),
            Column("µs per operation", attrgetter("cost_us"), partial(numbers.decimal, digits=2), "n"),
            Column("copies made", lambda row: row.tool.copies, align="wrap"),
            Column("when to use it", lambda row: row.tool.use, align="wrap"),
        ),
        "waits": (
            Column("worker", attrgetter("name"), row_head=True),
            Column("waits", attrgetter("waits"), numbers.whole, "n"),
            Column("waited", attrgetter("wait_s"), numbers.ms, "n", "ms"),
            Column("holds", attrgetter("holds"), numbers.whole, "n"),
            Column("held", attrgetter("hold_s"), numbers.ms, "n", "ms"),
        ),
    }
    charts: ClassVar[Charts] = {
        "rates": Chart(
            "sharing-rate",
            "Operations per second by tool on a log scale, one dot a round, with median and confidence interval; "
            "the table has the numbers",
            300,
        ),
    }
    timelines: ClassVar[Timelines] = {"tool": Timeline("Who did what when", KEYS)}

    def title(self, params: SharingParams) -> str:
        if params.tools == [ALL]:
            return f"All tools for sharing data, {numbers.count(params.workers, 'worker')}"
        tools = (TOOLS[name] for name in params.chosen)
        return f"Sharing data: {', '.join(tool.short for tool in tools)}; {numbers.count(params.workers, 'worker')}"

    def facts(self, params: SharingParams) -> list[str]:
        return [
            f"{numbers.whole(params.operations)} operations",
            f"{numbers.count(params.repeats, 'repetition')} a tool",
        ]

    def progress(self, run: Run) -> str:
        state = run.state
        return f"{state.done:g} of {state.total:g}{f', {state.note}' if state.note else ''}"

    def program(self, run: Run) -> Mapping[str, Tool]:
        """The tools by name: what an operation of each is, and how many a round has."""
        return TOOLS

    def view(self, run: Run, state: Any = None) -> SharingFacts:
        state = state or run.state
        low, high = _decades(state.rows)
        rows = tuple(_row(row, low, high, state.outcome) for row in state.rows)
        level = next((timing(row.rates).confidence for row in state.rows if row.rates), None)
        timed = any(row.rate is not None for row in rows)
        stories = {
            row.tool.name: _story(row, tool, state, run.status.live)
            for row, tool in zip(state.rows, rows, strict=True)
            if _has_story(row)
        }
        return SharingFacts(
            on_bench=self._on_bench(run, state, rows, low, high),
            compared=table(self.columns["compared"], rows),
            articles={tool.name: Article(_anchor(tool.name), stories.get(tool.name)) for tool in CATALOG},
            rates=self.figure("rates", run, len(state.order), 24 * len(rows) + 8) if timed else None,
            confidence=f"{level:.0%}" if level else "",
            one_sample=timed
            and all(len(row.rates) <= 1 for row in state.rows)
            and (state.params.repeats == 1 or not run.status.live),
            csv=f"/api/runs/{run.id}/csv",
        )

    def _on_bench(self, run: Run, state: SharingState, rows: Sequence[ToolRow], low: int, high: int) -> Table:
        """The tools of the run first, then the others in their usual order; when the run is over with a button each."""
        lines = tuple(round(100 * (step - low) / (high - low), 2) for step in range(low, high + 1))
        found = {row.tool.name: row for row in rows}
        shown = {tool.name: _bench_row(tool, found.get(tool.name), lines) for tool in CATALOG}
        every = EVERY
        if not run.status.live:
            every = replace(every, button=_alone(ALL))
            shown = {tool.name: replace(shown[tool.name], button=_button(tool, state)) for tool in CATALOG}
        ran = [row for name, row in shown.items() if name in found]
        others = [row for name, row in shown.items() if name not in found]
        return self._bars((*ran, every, *others) if others else (every, *ran), low, high)

    def idle_table(self) -> Table:
        """As high as that of a run, which takes its place."""
        tools = (replace(_bench_row(tool, None, ()), button=_alone(tool.name)) for tool in CATALOG)
        return self._bars((replace(EVERY, button=_alone(ALL)), *tools), *DECADES)

    def _bars(self, rows: Sequence[BenchRow], low: int, high: int) -> Table:
        tool, bar, *further = self.columns["bench"]
        middle = _power((low + high) // 2) if (high - low) % 2 == 0 else ""
        columns = (tool, replace(bar, scale=(_power(low), middle, _power(high))), *further)
        return table(columns, rows, style="bars")


def _alone(name: str) -> Button:
    return alone("sharing", "tools", name, TITLES[name])


def _bench_row(tool: Tool, row: ToolRow | None, lines: tuple[float, ...]) -> BenchRow:
    name = Cell(tool.short, code=True, kind=KINDS[tool.between])
    if row is None:
        return BenchRow(name)
    if tool.wrong:  # its rate is that of operations without the interruption by which updates get lost
        return BenchRow(name, mark=row.mark, word=row.word)
    rate = "" if row.rate is None else numbers.whole(float(f"{row.rate:.3g}"))
    return BenchRow(name, Bar(row.bar, lines, KINDS[tool.between]), rate, row.mark, row.word)


def _button(tool: Tool, state: SharingState) -> Button:
    """Run a tool of the run again, beside its cure where it lost updates; add another one to those of the run."""
    row = state.row(tool.name)
    if row is None:
        return _together({tool.name, *(row.tool.name for row in state.rows)}, "Add", tool.title)
    return _cured(row, state) or _alone(tool.name)


def _cured(row: ToolState, state: SharingState) -> Button | None:
    """Run what lost updates beside the tool that mends it, unless this run did."""
    if not row.lost or not row.tool.cure or state.row(row.tool.cure) is not None:
        return None
    cure = TOOLS[row.tool.cure]
    return _together({row.tool.name, cure.name}, f"Run with {cure.short}", row.tool.title)


def _together(names: Collection[str], word: str, title: str) -> Button:
    """One run of several tools: only so are their rates measured under the same conditions."""
    return alone("sharing", "tools", ",".join(tool.name for tool in CATALOG if tool.name in names), title, word)


def _decades(rows: Sequence[ToolState]) -> tuple[int, int]:
    """The powers of ten between which all rates lie."""
    rates = [median(row.rates) for row in rows if row.rates]
    low = min([DECADES[0], *(math.floor(math.log10(rate)) for rate in rates)])
    return low, max([DECADES[1], *(math.ceil(math.log10(rate)) for rate in rates)])


def _power(power: int) -> str:
    """'1 k', '100 k', '10 M'."""
    word = {0: "", 1: f"{numbers.GAP}k", 2: f"{numbers.GAP}M", 3: f"{numbers.GAP}G"}[min(max(power // 3, 0), 3)]
    return f"{10 ** (power % 3)}{word}" if power >= 0 else f"{10.0**power:g}"


def _row(row: ToolState, low: int, high: int, outcome: str) -> ToolRow:
    rate = timing(row.rates) if row.rates else None
    mark, word = _came_out(row, outcome)
    share = (math.log10(rate.median) - low) / (high - low) if rate else None
    return ToolRow(
        tool=row.tool,
        anchor=_anchor(row.tool.name),
        href=f"#{_anchor(row.tool.name)}" if _has_story(row) else "",
        mark=mark,
        word=word,
        rate=rate.median if rate else None,
        low=rate.low if rate else None,
        high=rate.high if rate else None,
        cost_us=median(row.costs) * 1e6 if rate else None,
        bar=None if share is None else round(100 * min(max(share, 0.0), 1.0), 1),
    )


def _has_story(row: ToolState) -> bool:
    """Whether there is an article about it already."""
    return bool(row.outcome or row.failed)


def _came_out(row: ToolState, outcome: str) -> tuple[str, str]:
    """The state and the word of a tool."""
    if row.failed:
        return "failed", "failed"
    if row.missing:
        return "stopped", "not here"
    if row.correct is None:
        if outcome:
            return "stopped", "not run"
        return ("running", "running") if row.phase == "running" else ("queued", "queued")
    if row.lost:
        return "failed", f"lost {numbers.percent(row.lost)}%"
    if not row.correct:
        return "failed", "wrong"
    return "done", "none lost" if row.tool.wrong else "right"


def _story(row: ToolState, tool: ToolRow, state: SharingState, live: bool) -> Story:
    outcome = row.outcome
    drawing = _drawing(Same(row.lanes), Same(row.step_line))
    expected, actual = (_text(outcome.expected), _text(outcome.actual)) if outcome else ("", "")
    number = outcome is not None and isinstance(outcome.expected, int)
    threads = outcome.threads if outcome else ()
    return Story(
        anchor=tool.anchor,
        title=row.tool.title,
        code=row.tool.code,
        explanation=tuple(row.tool.explanation.split("`")),
        mark=tool.mark,
        word=tool.word,
        lanes=f"{row.tool.title}: who did what when",
        expected=expected,
        actual=actual,
        number=number,
        facts=(
            *(() if number else (("expected", expected), ("actual", actual))),
            *((name, THOUSANDS.sub(NARROW, value)) for name, value in (outcome.facts if outcome else ())),
        ),
        waits=table(SharingView.columns["waits"], threads) if threads else None,
        picture=drawing.picture,
        track=drawing.track,
        measure=row.step_line.label if row.step_line else "",
        note=drawing.note,
        keys=drawing.keys,
        missing=row.missing or "",
        shown=outcome is not None and not row.missing,
        alone=len(state.rows) == 1,
        cured=None if live or (cured := _cured(row, state)) is None else replace(cured, htmx=False),
        error=error(row.failed) if row.failed else "",
        traceback=row.failed.traceback if row.failed else "",
    )


@dataclass(frozen=True, slots=True)
class Same:
    """What equals another one of the very same thing alone: to compare large ones takes as long as to draw them."""

    thing: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn of a tool at work: its lanes, what was measured meanwhile, and how much of it is shown."""

    picture: timeline.Picture | None
    track: timeline.Track | None
    note: str
    keys: tuple[tuple[str, str], ...]


# Once a tool has been shown nothing of it changes. To draw all of them anew with each round that is timed took a tenth
# of a CPU from what was timed, for each page that somebody looked at.
@lru_cache(2 * len(CATALOG))
def _drawing(same_lanes: Same, same_line: Same) -> Drawing:
    lanes: Lanes = same_lanes.thing
    line: StepLine | None = same_line.thing
    start, end, cut = _window(lanes)
    ticks = timeline.since(max(end - start, 1) / 1e9)
    keys = SharingView.timelines["tool"].legend(lanes)
    return Drawing(
        picture=timeline.picture(_named(lanes), start, end, ticks, keys=keys) if lanes.spans else None,
        track=timeline.track(line.points, start, end, ticks, f"{line.label} over time", 1)
        if line and line.points
        else None,
        note=f"the first {numbers.duration((end - start) / 1e9)}" if cut else "",
        keys=keys,
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
