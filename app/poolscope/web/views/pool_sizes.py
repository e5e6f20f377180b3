"""Pool sizes as pages show them: charts, a table, the traced repetition's workers, the transcript."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter, itemgetter
from statistics import median
from typing import Any, ClassVar

from poolscope.experiments.pool_benchmark.export import rounds_notes, transcript
from poolscope.experiments.pool_benchmark.naming import repetitions_asked
from poolscope.experiments.pool_benchmark.params import PoolSizesParams
from poolscope.experiments.pool_benchmark.size_charts import phases
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import waits
from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.records import Span
from poolscope.runs.run import Run
from poolscope.stats.breakeven import efficiency
from poolscope.stats.intervals import ratio, timing
from poolscope.text import numbers
from poolscope.web import timeline
from poolscope.web.table import Cell, Column, Row, Table, table
from poolscope.web.views.view import Chart, ChartFacts, Charts, Columns, PageBlock, View
from poolscope.workloads.catalog import WORKLOADS

NUMBERED = 240  # with more items than this the boxes are too small for a number each
ROWS_SHOWN = 100
# A title names the numbers where the work is about them, and tells each work from every other.
OF_NUMBERS = {
    "square": "Squares of {}",
    "square-sleep": "Squares of {} after a wait",
    "factorial": "Factorials of {}",
}


@dataclass(frozen=True, slots=True)
class SizeRow:
    """One size in medians, or (size None) the plain loop; seconds, None without a repetition. `best` maps fastest."""

    size: int | None
    start: float | None
    map: float | None
    low: float | None
    high: float | None
    total: float | None
    speedup: float | None
    interval: str
    efficiency: float | None
    chunksize: int | None
    best: bool

    @property
    def workers(self) -> str:
        return "plain loop" if self.size is None else str(self.size)


@dataclass(frozen=True, slots=True)
class Box:
    """One task of the traced repetition, in percent of its picture; `text` is its item, '' where it would not fit.

    Of a pool that lost a worker on request it is the life of a worker, and its being killed.
    """

    x: float
    y: float
    width: float
    height: float
    middle: tuple[float, float]
    text: str
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class Facet:
    """The workers of one size, by name and process id: boxes, or paths where there are too many of them."""

    size: int
    title: str
    names: tuple[tuple[str, str], ...]
    boxes: tuple[Box, ...]
    drawn: timeline.Drawn


@dataclass(frozen=True, slots=True)
class PoolSizesFacts:
    """Everything that the blocks of the pool sizes show; `charts` by name are None before anything was timed."""

    on_bench: Table
    speedups: Table
    serial: str
    confidence: str
    charts: Mapping[str, ChartFacts | None]
    phases: tuple[str, ...]
    one_sample: bool
    facets: tuple[Facet, ...]
    ticks: tuple[timeline.Tick, ...]
    items: str
    keys: tuple[tuple[str, str], ...]
    filled: str
    killed: bool
    transcript: str
    repetition: int
    repetitions: Table
    hidden: int
    notes: tuple[str, ...]
    samples: int
    csv: str


def _or_dash(value: object) -> str:
    return numbers.UNKNOWN if value in (None, "") else str(value)


def _speedup(row: SizeRow) -> str | Cell:
    """The speed-up; its interval is told where the pointer rests."""
    if row.size is None:
        return "1"
    return Cell(numbers.ratio(row.speedup), title=row.interval)


def _efficiency(share: float | None) -> str:
    """Percent, with a decimal where there are few."""
    return numbers.percent(share, 1 if share is not None and share < 0.1 else 0)


class PoolSizesView(View):
    """Pool sizes: charts, a table, the traced repetition's workers, the transcript."""

    group = "What do threads and pools do?"
    idle = (
        "The same map runs in pools of each size and in a plain loop, by turns and several times over. You will see "
        "every repetition as a dot, the median with its interval, and whether a pool was worth it."
    )
    parts = (
        PageBlock("map"),
        PageBlock("speedup"),
        PageBlock("phases"),
        PageBlock("workers"),
        PageBlock("transcript"),
        PageBlock("repetitions"),
        PageBlock("drift"),
    )
    columns: ClassVar[Columns] = {
        "bench": (
            Column(
                "workers", lambda row: Cell(row.workers, kind="pool" if row.size else SERIAL), align="n", row_head=True
            ),
            Column("start-up", attrgetter("start"), numbers.ms, "n", "ms", stacked=True),
            Column("map", attrgetter("map"), numbers.ms, "n", "ms", stacked=True, precise=True),
            Column("total", attrgetter("total"), numbers.ms, "n", "ms", stacked=True),
            Column("speed-up", _speedup, align="n", unit="× plain loop", stacked=True),
            Column("efficiency", attrgetter("efficiency"), _efficiency, "n", "%", stacked=True),
        ),
        "speedup": (
            Column(
                "workers", lambda row: Cell(row.workers, kind="pool" if row.size else SERIAL), align="n", row_head=True
            ),
            Column("speed-up", attrgetter("speedup"), numbers.ratio, "n"),
            Column("interval", attrgetter("interval"), _or_dash, "n"),
            Column("efficiency", attrgetter("efficiency"), partial(numbers.percent, digits=1), "n", "%", stacked=True),
            Column("chunk", attrgetter("chunksize"), _or_dash, "n"),
        ),
        "repetitions": (
            Column("repetition", itemgetter(0), row_head=True),
            Column("plain loop", itemgetter(1), align="n", unit="ms", stacked=True),
        ),
    }
    charts: ClassVar[Charts] = {
        "bench": Chart("pool-times", "Map time by pool size, one dot a repetition; the table has the medians", 150),
        "map": Chart(
            "pool-times",
            "Map time by pool size, one dot a repetition, with median and confidence interval; the repetitions table "
            "has the numbers",
            220,
        ),
        "speedup": Chart(
            "pool-speedup",
            "Speed-up over the plain loop by pool size against the ideal line, which ends at the usable CPUs",
            220,
        ),
        "phases": Chart("phases", "Time by phase for each pool size: start-up, map, shutdown", 160),
        "drift": Chart(
            "drift", "Deviation of each repetition from the median of its size, in order of measurement", 120
        ),
    }

    def title(self, params: PoolSizesParams) -> str:
        items = f"{params.first}–{params.last}"
        what = OF_NUMBERS.get(params.workload, f"{WORKLOADS[params.workload].title}, items {{}},").format(items)
        sizes = [str(size) for size in params.sizes]
        listed = sizes[0] if len(sizes) == 1 else f"{', '.join(sizes[:-1])} and {sizes[-1]}"
        pools = "a pool" if len(sizes) == 1 else "pools"
        return f"{what} in {pools} of {listed}"

    def facts(self, params: PoolSizesParams) -> list[str]:
        length = params.length_ms
        work = (
            [f"{length:g} ms of {'waiting' if params.workload == 'square-sleep' else 'work'} an item"] if length else []
        )
        chunk = [f"chunks of {params.chunksize}"] if params.chunksize else []
        return [repetitions_asked(params, "size"), *work, f"pool.{params.method}", *chunk]

    def progress(self, run: Run) -> str:
        state = run.state
        return f"{state.done:g} of {state.total:g}{f', {state.note}' if state.note else ''}"

    def view(self, run: Run, state: Any = None) -> PoolSizesFacts:
        state = state or run.state
        configs = sorted(state.pools, key=lambda config: config.size)
        measured = [config for config in configs if config.map]
        best = min(measured, key=lambda config: median(config.map)).size if len(measured) == len(configs) else None
        rows = [_row(state, config, config.size == best) for config in configs]
        serial = median(state.serial.map) if state.serial and state.serial.map else None
        digits = _decimals([serial, *(row.map for row in rows)])
        level = next((timing(config.map).confidence for config in measured), None)
        facets, ticks = _facets(state, configs)
        killed = any(span.state == "killed" for span in state.lanes.spans)
        revision = f"{len(state.order)}-{sum(bool(config.traced) for config in configs)}"
        ready = list(self.charts) if measured else []
        if serial is None and "speedup" in ready:
            ready.remove("speedup")
        plain_loop = SizeRow(None, None, serial, None, None, serial, None, "", None, None, False)
        repetitions = _repetitions(state, configs)
        timed = run.status.live or measured or serial is not None
        shown = (plain_loop, *rows) if timed else ()  # of a run that ended before, there is nothing to say
        return PoolSizesFacts(
            on_bench=table(self.columns["bench"], shown, best=attrgetter("best"), digits=digits),
            speedups=table(self._speedups(rows), rows, best=attrgetter("best")),
            serial=numbers.duration(serial),
            confidence=f"{level:.0%}" if level else "",
            charts={name: self.figure(name, run, revision) if name in ready else None for name in self.charts},
            phases=phases(state),
            one_sample=bool(measured)
            and all(len(config.map) == 1 for config in measured)
            and (state.params.repeats == 1 or not run.status.live),
            facets=facets,
            ticks=ticks,
            items=numbers.whole(state.params.count),
            keys=_keys(bool(waits(state)), killed),
            filled=timeline.filled_in(
                [(facet.title, share) for facet in facets for share in facet.drawn.filled.values()]
            ),
            killed=killed,
            transcript="\n\n".join(filter(None, (transcript(config) for config in state.pools))),
            repetition=max((config.repetitions[-1] for config in measured), default=0),
            repetitions=self._repetitions(repetitions[-ROWS_SHOWN:], configs, rows, serial, digits),
            hidden=max(len(repetitions) - ROWS_SHOWN, 0),
            notes=tuple(rounds_notes(state)),
            samples=sum(len(config.map) for config in configs),
            csv=f"/api/runs/{run.id}/csv",
        )

    def _speedups(self, rows: Sequence[SizeRow]) -> list[Column]:
        """The columns of the speed-ups; a confidence that all intervals share stands in the head alone."""
        confidences = {row.interval.rpartition(" ")[0] for row in rows if row.interval}
        (confidence,) = confidences if len(confidences) == 1 else ("",)
        if not confidence:
            return list(self.columns["speedup"])
        interval = Column(confidence, lambda row: row.interval.rpartition(" ")[2], _or_dash, "n")
        return [interval if column.title == "interval" else column for column in self.columns["speedup"]]

    def _repetitions(
        self,
        repetitions: Sequence[tuple[int, tuple[float | None, ...]]],
        configs: Sequence[Configuration],
        rows: Sequence[SizeRow],
        serial: float | None,
        digits: int,
    ) -> Table:
        """Every repetition in three columns a size, then the medians and their intervals."""
        columns = list(self.columns["repetitions"])
        for config in configs:
            workers = numbers.count(config.size, "worker")
            for phase in ("start-up", "map", "total"):
                columns.append(
                    Column(phase, itemgetter(len(columns)), align="n", unit="ms", stacked=True, group=workers)
                )
        ms = partial(numbers.ms, digits=digits)
        medians = [text for row in rows for text in (numbers.ms(row.start), ms(row.map), numbers.ms(row.total))]
        lows = [text for row in rows for text in ("", ms(row.low), "")]
        highs = [text for row in rows for text in ("", ms(row.high), "")]
        return replace(
            table(columns, _written(repetitions, digits), style="groups"),
            summary=(
                Row(("median", ms(serial), *medians), best=True),
                Row(("interval from", "", *lows)),
                Row(("to", "", *highs)),
            ),
        )


def _decimals(seconds: Sequence[float | None]) -> int:
    """Decimals of a column in milliseconds that leave its least value two digits, and are the same for all."""
    least = min((value for value in seconds if value), default=1.0) * 1e3
    return next((digits for digits, from_ms in ((1, 1.0), (2, 0.1), (3, 0.01)) if least >= from_ms), 4)


def _row(state: State, config: Configuration, best: bool) -> SizeRow:
    mapped, loop = timing(config.map) if config.map else None, state.serial.map if state.serial else ()
    gain = ratio(loop, config.map) if config.map and loop else None
    return SizeRow(
        size=config.size,
        start=median(config.start) if config.start else None,
        map=mapped.median if mapped else None,
        low=mapped.low if mapped else None,
        high=mapped.high if mapped else None,
        total=median(config.total) if config.total else None,
        speedup=gain.value if gain else None,
        interval=numbers.interval_of(gain) if gain else "",
        efficiency=efficiency(gain.value, config.size) if gain else None,
        chunksize=config.chunk_used,
        best=best,
    )


def _repetitions(state: State, configs: Sequence[Configuration]) -> list[tuple[int, tuple[float | None, ...]]]:
    """Every repetition with its seconds: the loop's, then (start, map, total) of each size; None where none landed."""
    found = sorted({number for config in state.configs.values() for number in config.repetitions})
    loop = dict(zip(state.serial.repetitions, state.serial.map, strict=True)) if state.serial else {}
    return [
        (number, (loop.get(number), *(seconds for config in configs for seconds in _seconds(config, number))))
        for number in found
    ]


def _seconds(config: Configuration, number: int) -> tuple[float | None, float | None, float | None]:
    if number not in config.repetitions:
        return None, None, None
    at = config.repetitions.index(number)
    whole = config.total
    return config.start[at], config.map[at], whole[at] if at < len(whole) else None


def _written(repetitions: Sequence[tuple[int, tuple[float | None, ...]]], digits: int) -> Iterator[list[str]]:
    """The repetitions in milliseconds; the loop's and the maps' columns have as many decimals as they need."""
    for number, seconds in repetitions:
        yield [
            str(number),
            *(numbers.ms(each, digits if place == 0 or place % 3 == 2 else 1) for place, each in enumerate(seconds)),
        ]


def _keys(waits: bool, killed: bool) -> tuple[tuple[str, str], ...]:
    state = "sleeping" if waits else "running"
    if killed:
        return (state, "alive"), ("killed", "killed on request")
    return ((state, "waiting, numbered by item" if waits else "computing, numbered by item where there is room"),)


def _facets(state: State, configs: Sequence[Configuration]) -> tuple[tuple[Facet, ...], tuple[timeline.Tick, ...]]:
    """The workers of every traced size on one time axis, from each size's first task; those of the pool that lost a
    worker alone, where one did."""
    lanes: dict[str, list[Span]] = {}
    for span in state.lanes.spans:
        if span.lane in state.configs and span.t1 is not None:
            lanes.setdefault(span.lane, []).append(span)
    if not lanes:
        return (), ()
    harmed = {key: spans for key, spans in lanes.items() if any(span.state == "killed" for span in spans)}
    lanes = harmed or lanes
    longest = max(max(span.t for span in spans) - min(span.t0 for span in spans) for spans in lanes.values()) or 1
    facets = []
    for config in configs:
        spans = lanes.get(config.key, [])
        if spans:
            known = (name for name in state.lanes.actors if name.startswith(f"{config.key} · w"))
            names = tuple(sorted(known, key=lambda name: int(name.rpartition(" w")[2])))
            facets.append(_facet(config.size, names, state.lanes.pids, spans, longest, bool(waits(state))))
    return tuple(facets), timeline.since(longest / 1e9)


def _facet(
    size: int, names: tuple[str, ...], pids: Mapping[str, int], spans: Sequence[Span], longest: int, waits: bool
) -> Facet:
    rows = {name: row for row, name in enumerate(names)}
    start = min(span.t0 for span in spans)
    title = numbers.count(size, "worker")
    short = tuple((name.rpartition(" ")[2], f"pid {pids[name]}" if name in pids else "") for name in names)
    if len(spans) > NUMBERED or any(span.busy is not None for span in spans):
        return Facet(size, title, short, (), timeline.drawn(spans, rows, start, start + longest))
    boxes = []
    for span in spans:
        took = (span.t1 or span.t0) - span.t0
        left, width = 100 * (span.t0 - start) / longest, max(100 * took / longest, 0.15)
        top, height = 100 * (rows[span.actor] + 0.1) / len(names), 80 / len(names)
        boxes.append(
            Box(
                x=round(left, 3),
                y=round(top, 3),
                width=round(width, 3),
                height=round(height, 3),
                middle=(round(left + width / 2, 3), round(top + height / 2, 3)),
                text=span.item if width > 1.5 * len(span.item) + 1 else "",
                title=f"{span.item or 'alive'}: {numbers.duration(took / 1e9)}",
                state="sleeping" if waits and span.state == "running" else span.state,
            )
        )
    return Facet(size, title, short, tuple(boxes), timeline.Drawn((), {}))
