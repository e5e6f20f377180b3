"""The pictures of a which-pool run that are drawn here: speed-ups as a heat map, traced workers as lanes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from poolscope.experiments.pool_benchmark.charts import side_by_side
from poolscope.experiments.pool_benchmark.naming import config_name
from poolscope.experiments.pool_benchmark.recommendation import Recommendation
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.records import Span
from poolscope.text import numbers
from poolscope.web import timeline
from poolscope.web.table import Cell, Column, Table, table
from poolscope.web.views.which_pool.tables import against, counting, grouped, marked

LEVELS = 5
MOST_CREWS = 6  # pictures of traced workers, one a kind
MOST_WORKERS = 16  # lanes of one picture


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
    """The workers of one traced setting, and what they did when; `hidden` of them are not drawn."""

    anchor: str
    pool: str
    name: str
    names: tuple[str, ...]
    paths: tuple[tuple[str, str], ...]
    hidden: int


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


def _end(spans: list[Span]) -> int:
    return max(span.t1 or span.t0 for span in spans)


def _crew(state: State, config: Configuration, spans: list[Span], longest: int, number: int) -> Crew:
    actors = list(dict.fromkeys(span.actor for span in spans))
    drawn_actors = actors[:MOST_WORKERS]
    start = min(span.t0 for span in spans)
    names = tuple(f"w{place}" for place in range(1, len(drawn_actors) + 1))
    rows = {actor: row for row, actor in enumerate(drawn_actors)}
    return Crew(
        anchor=f"crew-{number}",
        pool=config.kind,
        name=config_name(state, config),
        names=names,
        paths=timeline.paths(spans, rows, start, start + longest),
        hidden=len(actors) - len(drawn_actors),
    )
