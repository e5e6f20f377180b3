"""Pool sizes as pages show them: charts, a table, the traced repetition's workers, the transcript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from poolscope.experiments.pool_benchmark.export import transcript
from poolscope.experiments.pool_benchmark.params import PoolSizesParams
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import waits
from poolscope.protocol.records import Span
from poolscope.runs.run import Run
from poolscope.stats.breakeven import efficiency
from poolscope.stats.intervals import ratio, timing
from poolscope.text import language, numbers
from poolscope.web import timeline

IDLE = (
    "The same map runs in pools of each size and in a plain loop, by turns and several times over. You will see every "
    "repetition as a dot, the median with its interval, and whether a pool was worth it."
)
WIDE = False
PIECES = ("map", "speedup", "phases", "workers", "transcript", "repetitions", "drift")
REPLAY = False
SHORTCUTS = ()

NUMBERED = 240  # with more items than this the boxes are too small for a number each
ROWS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class SizeRow:
    """One size in medians; seconds, None while it has no repetition. `best` maps fastest."""

    size: int
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


@dataclass(frozen=True, slots=True)
class Box:
    """One task of the traced repetition, in percent of its picture; `text` is its item, '' where it would not fit.

    Of a pool that lost a worker on request it is the life of a worker, and its being killed.
    """

    x: float
    y: float
    width: float
    height: float
    text: str
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class Facet:
    """The workers of one size, by name and process id: boxes, or paths where there are too many of them."""

    size: int
    names: tuple[tuple[str, str], ...]
    boxes: tuple[Box, ...]
    paths: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RepetitionRow:
    """(start, map, total) in seconds of one repetition for every size, None where it has not landed."""

    number: int
    serial: float | None
    cells: tuple[tuple[float | None, float | None, float | None], ...]


@dataclass(frozen=True, slots=True)
class PoolSizesView:
    """Everything that the blocks of the pool sizes show; `chart` is the address of the charts' data."""

    rows: tuple[SizeRow, ...]
    serial: float | None
    digits: int
    confidence: str
    chart: str
    any: bool
    facets: tuple[Facet, ...]
    ticks: tuple[timeline.Tick, ...]
    items: int
    keys: tuple[tuple[str, str], ...]
    killed: bool
    transcript: str
    repetition: int
    repetitions: tuple[RepetitionRow, ...]
    hidden: int
    sizes: tuple[int, ...]
    samples: int
    csv: str


def title(params: PoolSizesParams) -> str:
    what = "Squares" if params.workload.startswith("square") else params.workload.replace("-", " ").capitalize()
    sizes = [str(size) for size in params.sizes]
    listed = sizes[0] if len(sizes) == 1 else f"{', '.join(sizes[:-1])} and {sizes[-1]}"
    pools = "a pool" if len(sizes) == 1 else "pools"
    return f"{what} of {params.first}–{params.last} in {pools} of {listed}"


def facts(params: PoolSizesParams) -> list[str]:
    length = params.length_ms
    work = [f"{length:g} ms of {'waiting' if params.workload == 'square-sleep' else 'work'} an item"] if length else []
    chunk = [f"chunks of {params.chunksize}"] if params.chunksize else []
    return [f"{language.count(params.repeats, 'repetition')} a size", *work, f"pool.{params.method}", *chunk]


def progress(run: Run) -> str:
    state: State = run.state
    return f"{state.done:g} of {state.total:g}{f', {state.note}' if state.note else ''}"


def face(run: Run, state: State | None = None) -> PoolSizesView:
    shown: State = state or run.state
    configs = sorted(shown.pools, key=lambda config: config.size)
    measured = [config for config in configs if config.map]
    best = min(measured, key=lambda config: median(config.map)).size if measured else 0
    serial = median(shown.serial.map) if shown.serial and shown.serial.map else None
    level = next((timing(config.map).confidence for config in measured), None)
    table = _repetitions(shown, configs)
    facets, ticks = _facets(shown, configs)
    killed = any(span.state == "killed" for span in shown.lanes.spans)
    return PoolSizesView(
        rows=tuple(_row(shown, config, config.size == best and len(measured) == len(configs)) for config in configs),
        serial=serial,
        digits=_digits([serial, *(median(config.map) for config in measured)]),
        confidence=f"{level:.0%}" if level else "",
        chart=f"/runs/{run.id}/chart.json?rev={len(shown.order)}-{sum(bool(config.traced) for config in configs)}",
        any=bool(measured),
        facets=facets,
        ticks=ticks,
        items=shown.params.count,
        keys=_keys(bool(waits(shown)), killed),
        killed=killed,
        transcript="\n\n".join(filter(None, (transcript(config) for config in shown.pools))),
        repetition=max((config.repetitions[-1] for config in measured), default=0),
        repetitions=table[-ROWS_SHOWN:],
        hidden=max(len(table) - ROWS_SHOWN, 0),
        sizes=tuple(config.size for config in configs),
        samples=sum(len(config.map) for config in configs),
        csv=f"/api/runs/{run.id}/csv",
    )


def _digits(seconds: Sequence[float | None]) -> int:
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


def _repetitions(state: State, configs: Sequence[Configuration]) -> tuple[RepetitionRow, ...]:
    numbers = sorted({number for config in state.configs.values() for number in config.repetitions})
    loop = dict(zip(state.serial.repetitions, state.serial.map, strict=True)) if state.serial else {}
    return tuple(
        RepetitionRow(
            number,
            loop.get(number),
            tuple(_cells(config, number) for config in configs),
        )
        for number in numbers
    )


def _cells(config: Configuration, number: int) -> tuple[float | None, float | None, float | None]:
    if number not in config.repetitions:
        return None, None, None
    at = config.repetitions.index(number)
    whole = config.total
    return config.start[at], config.map[at], whole[at] if at < len(whole) else None


def _keys(waits: bool, killed: bool) -> tuple[tuple[str, str], ...]:
    state = "sleeping" if waits else "running"
    if killed:
        return (state, "alive"), ("killed", "killed on request")
    return ((state, "waiting, numbered by item" if waits else "computing, numbered by item where there is room"),)


def _facets(state: State, configs: Sequence[Configuration]) -> tuple[tuple[Facet, ...], tuple[timeline.Tick, ...]]:
    """The workers of every traced size on one time axis, from each size's first task."""
    lanes: dict[str, list[Span]] = {}
    for span in state.lanes.spans:
        if span.lane in state.configs and span.t1 is not None:
            lanes.setdefault(span.lane, []).append(span)
    if not lanes:
        return (), ()
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
    short = tuple((name.rpartition(" ")[2], f"pid {pids[name]}" if name in pids else "") for name in names)
    if len(spans) > NUMBERED:
        return Facet(size, short, (), timeline.paths(spans, rows, start, start + longest))
    boxes = []
    for span in spans:
        took = (span.t1 or span.t0) - span.t0
        width = 100 * took / longest
        boxes.append(
            Box(
                x=round(100 * (span.t0 - start) / longest, 3),
                y=round(100 * (rows[span.actor] + 0.1) / len(names), 3),
                width=round(max(width, 0.15), 3),
                height=round(80 / len(names), 3),
                text=span.item if width > 1.5 * len(span.item) + 1 else "",
                title=f"{span.item or 'alive'}: {numbers.duration(took / 1e9)}",
                state="sleeping" if waits and span.state == "running" else span.state,
            )
        )
    return Facet(size, short, tuple(boxes), ())
