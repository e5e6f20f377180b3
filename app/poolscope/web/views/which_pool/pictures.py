"""The pictures of a which-pool run that are drawn here: speed-ups as a heat map, traced workers as lanes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from poolscope.experiments.pool_benchmark.charts import side_by_side
from poolscope.experiments.pool_benchmark.naming import config_name
from poolscope.experiments.pool_benchmark.recommendation import Recommendation
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import ENGINES
from poolscope.protocol.payloads import ItemsUnderWay
from poolscope.protocol.records import Span
from poolscope.text import numbers
from poolscope.text.sentences import format_list
from poolscope.web import timeline
from poolscope.web.table import Cell, Column, Table, table
from poolscope.web.views.which_pool.tables import against, counting, grouped, marked

LEVELS = 5
MOST_CREWS = 6  # pictures of traced workers, one a kind
MOST_WORKERS = 16  # lanes of one picture
IN_A_TASK = "in a task"


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One setting's speed-up in words; `level` 0 to 5 is its shade, `current` whether it is the one to use."""

    text: str
    level: int
    current: bool
    title: str


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One kind with one chunk size, over all sizes; a cell is None where that setting was not asked for."""

    pool: str
    kind: str
    chunk: str
    cells: tuple[HeatCell | None, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """Speed-up by kind and chunk size (rows) and workers (columns); `chunks` says whether chunk sizes vary."""

    sizes: tuple[int, ...]
    rows: tuple[HeatRow, ...]
    chunks: bool


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of one traced setting, and what they did when; `hidden` of them are not drawn.

    `filled` says how much of what is drawn they really were in tasks, where that is much less, else ''.
    Of workers on one host there is one part without a name. `counts` are how many items were where, and `carried` is
    what a map sent over the network, in words; each is None where it is not known.
    """

    pool: str
    name: str
    parts: tuple[CrewPart, ...]
    filled: str
    hidden: int
    counts: CrewCounts | None
    carried: str | None


@dataclass(frozen=True, slots=True)
class CrewPart:
    """The workers of one host, and what they did from its own first task on."""

    anchor: str
    host: str
    names: tuple[str, ...]
    drawn: timeline.Drawn


@dataclass(frozen=True, slots=True)
class CrewCounts:
    """Step lines of (state, its name, path) that share an axis up to `top`, and in words what they were half-way."""

    top: int
    lines: tuple[tuple[str, str, str], ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class MapNow:
    """The map of an engine that goes on: its items by where they are, as (state, SVG path) of one bar, and in words.

    `title` names its setting; '' while there is none to show.
    """

    title: str
    sentence: str
    paths: tuple[tuple[str, str], ...]


def heat(state: State, choice: Recommendation | None) -> Heat:
    sizes = tuple(sorted({config.size for config in state.pools}))
    gains = {
        config.key: gain.value for config in counting(state, state.pools) if (gain := against(state.serial, config))
    }
    most = max([1.0, *gains.values()])
    rows = []
    for kind, configs in grouped(state).items():
        for chunk in dict.fromkeys(config.chunksize for config in configs):
            at = {config.size: config for config in configs if config.chunksize == chunk}
            row = tuple(
                _heat_cell(at[size], gains, most, choice, state.left_out(at[size])) if size in at else None
                for size in sizes
            )
            rows.append(HeatRow(configs[0].kind, kind, numbers.whole(chunk) if chunk else "own", row))
    return Heat(sizes, tuple(rows), len({config.chunksize for config in state.pools}) > 1)


def heat_table(heat: Heat) -> Table | None:
    """The heat map as a table; None before there is a plan."""
    if not heat.rows:
        return None
    columns = [Column("kind", marked, row_head=True)]
    if heat.chunks:
        columns.append(Column("chunk", attrgetter("chunk")))
    for place, size in enumerate(heat.sizes, 1):
        title = f"{size} workers" if place == len(heat.sizes) else str(size)
        columns.append(Column(title, partial(_shaded, place=place - 1), align=""))
    return table(columns, heat.rows, style="heat")


def _shaded(row: HeatRow, place: int) -> Cell:
    cell = row.cells[place]
    if cell is None:
        return Cell()
    return Cell(cell.text, align="n", level=cell.level, current=cell.current, title=cell.title)


def _heat_cell(
    config: Configuration, gains: dict[str, float], most: float, choice: Recommendation | None, why: str
) -> HeatCell:
    gain = gains.get(config.key)
    if gain is None:
        return HeatCell(numbers.UNKNOWN, 0, False, why)
    # 1 is no gain: what is slower than the plain loop stays white.
    level = 0 if gain <= 1 or most <= 1 else min(LEVELS, 1 + int(LEVELS * (gain - 1) / (most - 1)))
    used = f"chunks of {numbers.whole(config.chunk_used)}"
    return HeatCell(numbers.ratio(gain), level, bool(choice and choice.config is config), used)


def crews(state: State) -> tuple[tuple[Crew, ...], tuple[timeline.Tick, ...]]:
    """The workers of one traced setting of each kind, on one time axis, from each map's first task."""
    by_arm: dict[str, list[Span]] = {}
    for span in state.lanes.spans:
        if span.lane in state.configs and span.t1 is not None:
            by_arm.setdefault(span.lane, []).append(span)
    drawn = [config for config in side_by_side(state) if config.key in by_arm][:MOST_CREWS]
    if not drawn:
        return (), ()
    longest = max(_end(by_arm[config.key]) - by_arm[config.key][0].t0 for config in drawn) or 1
    found = tuple(_crew(state, config, by_arm[config.key], longest, number) for number, config in enumerate(drawn, 1))
    return found, timeline.since(longest / 1e9)


def map_now(state: State) -> MapNow | None:
    """None unless pools are being measured that say how far a map is."""
    if state.outcome or not any(config.kind in ENGINES and config.kind != "ray" for config in state.pools):
        return None
    progress, config = state.map_progress, state.configs.get(state.current)
    if progress is None or config is None:
        return MapNow("", "A map of an engine that takes more than a second shows here how far it is.", ())
    # A worker has one chunk in work at a time; how much of it is done it tells nobody before its end.
    running = min(progress.given - progress.done, config.size * config.chunk_used)
    parts = {"done": progress.done, "running": running, "waiting": progress.items - progress.done - running}
    paths, left = [], 0
    for name, count in parts.items():
        width = round(timeline.WIDTH * count / max(1, progress.items))
        paths.append((name, f"M{left} .5h{width}"))
        left += width
    sentence = (
        f"{numbers.whole(progress.done)} of {numbers.count(progress.items, 'item')} are done, up to "
        f"{numbers.whole(running)} in work, {numbers.whole(parts['waiting'])} wait."
    )
    if progress.sent is not None:
        sent, received = numbers.size(progress.sent), numbers.size(progress.received)
        sentence += f" So far {sent} were sent to the workers, and {received} received."
    return MapNow(config_name(state, config), sentence, tuple(paths))


def crew_key(crews: tuple[Crew, ...]) -> tuple[tuple[str, str], ...]:
    """What the colours of the pictures mean, as (state, words)."""
    if not any(crew.counts for crew in crews):
        return (("running", IN_A_TASK),)
    told_by_workers = all(len(crew.counts.lines) == 3 for crew in crews if crew.counts)
    return (
        ("waiting", "items queued" if told_by_workers else "items queued, on other hosts those running as well"),
        ("running", f"{IN_A_TASK}, items running"),
        ("done", "items whose results are back"),
    )


def _end(spans: list[Span]) -> int:
    return max(span.t1 or span.t0 for span in spans)


def _crew(state: State, config: Configuration, spans: list[Span], longest: int, number: int) -> Crew:
    actors = list(dict.fromkeys(span.actor for span in spans))
    by_host: dict[str, list[str]] = {}
    for actor in actors:
        by_host.setdefault(state.lanes.hosts.get(actor, ""), []).append(actor)
    # Of each host as many, so that none is missing because another one has many.
    share = max(1, MOST_WORKERS // len(by_host))
    by_host = {host: there[:share] for host, there in list(by_host.items())[:MOST_WORKERS]}
    drawn_actors = [actor for there in by_host.values() for actor in there]
    numbered = {actor: f"w{place}" for place, actor in enumerate(drawn_actors, 1)}
    parts = []
    for place, (host, there) in enumerate(by_host.items(), 1):
        start = min(span.t0 for span in spans if span.actor in there)
        parts.append(
            CrewPart(
                anchor=f"crew-{number}" if place == 1 else f"crew-{number}-{place}",
                host=host if len(by_host) > 1 else "",
                names=tuple(numbered[actor] for actor in there),
                drawn=timeline.drawn(spans, {actor: row for row, actor in enumerate(there)}, start, start + longest),
            )
        )
    start = min(span.t0 for span in spans)
    return Crew(
        pool=config.kind,
        name=config_name(state, config),
        parts=tuple(parts),
        filled=timeline.filled_in(
            [(part.host or IN_A_TASK, share) for part in parts for share in part.drawn.filled.values()]
        ),
        hidden=len(actors) - len(drawn_actors),
        counts=_counts(config.under_way, start, start + longest) if config.under_way else None,
        carried=_carried(config),
    )


def _counts(under_way: ItemsUnderWay, start: int, end: int) -> CrewCounts:
    """How many items were queued, running and back, on the axis of their workers' lanes."""
    if under_way.running:
        shown = [("waiting", "queued", under_way.queued), ("running", "running", under_way.running)]
    else:
        shown = [("waiting", "queued or running", under_way.queued)]
    shown.append(("done", "back", under_way.back))
    most = max(1, *(max(values) for _, _, values in shown))
    lines = []
    for state, name, values in shown:
        points = list(zip(under_way.at, values, strict=True))
        lines.append((state, name, timeline.track(points, start, end, (), name, most)))
    middle = len(under_way.at) // 2
    told = format_list([f"{numbers.whole(values[middle])} {name}" for _, name, values in shown])
    return CrewCounts(
        top=lines[0][2].top,
        lines=tuple((state, name, track.line) for state, name, track in lines),
        sentence=f"Half-way through the map, items were: {told}.",
    )


def _carried(config: Configuration) -> str | None:
    """What a map carried over the network, in words."""
    if config.carried is None:
        return None
    sent, received = numbers.size(config.carried.sent), numbers.size(config.carried.received)
    return f"A map sent {sent} to the workers and received {received}."
