"""The pictures of a which-pool run that are drawn here: speed-ups as a heat map, traced workers as lanes."""

from __future__ import annotations

from dataclasses import dataclass

from app.experiments.which_pool.choice import Choice
from app.experiments.which_pool.naming import setting
from app.experiments.which_pool.samples import Arm, State
from app.experiments.which_pool.state import side_by_side
from app.records import Span
from app.web import lanes, words
from app.web.faces.which_pool.tables import against, counting, grouped

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
    name: str
    names: tuple[str, ...]
    paths: tuple[tuple[str, str], ...]
    hidden: int


def heat(state: State, choice: Choice | None) -> Heat:
    sizes = tuple(sorted({arm.size for arm in state.pools}))
    gains = {arm.key: gain.value for arm in counting(state, state.pools) if (gain := against(state.serial, arm))}
    most = max([1.0, *gains.values()])
    rows = []
    for kind, arms in grouped(state).items():
        for chunk in dict.fromkeys(arm.chunksize for arm in arms):
            at = {arm.size: arm for arm in arms if arm.chunksize == chunk}
            row = tuple(
                _heat_cell(at[size], gains, most, choice, state.left_out(at[size])) if size in at else None
                for size in sizes
            )
            rows.append(HeatRow(kind, words.whole(chunk) if chunk else "own", row))
    return Heat(sizes, tuple(rows), len({arm.chunksize for arm in state.pools}) > 1)


def _heat_cell(arm: Arm, gains: dict[str, float], most: float, choice: Choice | None, why: str) -> HeatCell:
    gain = gains.get(arm.key)
    if gain is None:
        return HeatCell(words.UNKNOWN, 0, False, why)
    # 1 is no gain: what is slower than the plain loop stays white.
    level = 0 if gain <= 1 or most <= 1 else min(LEVELS, 1 + int(LEVELS * (gain - 1) / (most - 1)))
    used = "" if arm.chunk_used is None else f"chunks of {words.whole(arm.chunk_used)}"
    return HeatCell(words.ratio(gain), level, bool(choice and choice.arm is arm), used)


def crews(state: State) -> tuple[tuple[Crew, ...], tuple[lanes.Tick, ...]]:
    """The workers of one traced setting of each kind, on one time axis, from each map's first task."""
    by_arm: dict[str, list[Span]] = {}
    for span in state.lanes.spans:
        if span.lane in state.arms and span.t1 is not None:
            by_arm.setdefault(span.lane, []).append(span)
    drawn = [arm for arm in side_by_side(state) if arm.key in by_arm][:MOST_CREWS]
    if not drawn:
        return (), ()
    longest = max(_end(by_arm[arm.key]) - by_arm[arm.key][0].t0 for arm in drawn) or 1
    found = tuple(_crew(state, arm, by_arm[arm.key], longest, number) for number, arm in enumerate(drawn, 1))
    return found, lanes.since(longest / 1e9)


def _end(spans: list[Span]) -> int:
    return max(span.t1 or span.t0 for span in spans)


def _crew(state: State, arm: Arm, spans: list[Span], longest: int, number: int) -> Crew:
    actors = list(dict.fromkeys(span.actor for span in spans))
    shown = actors[:MOST_WORKERS]
    start = min(span.t0 for span in spans)
    names = tuple(f"w{place}" for place in range(1, len(shown) + 1))
    rows = {actor: row for row, actor in enumerate(shown)}
    return Crew(
        anchor=f"crew-{number}",
        name=setting(state, arm),
        names=names,
        paths=lanes.paths(spans, rows, start, start + longest),
        hidden=len(actors) - len(shown),
    )
