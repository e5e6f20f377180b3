"""Says which pool is best, whether it beats the plain loop and who ties with it, allowing for the choice among many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any, Literal

from poolscope.stats.contrasts import Contrasts
from poolscope.stats.intervals import FEWEST_FOR_RATIO, KEPT_RESULTS, Ratio, ratio

# A pool that gains less than a twentieth is not worth its price in memory, pickling and failure modes; the same arm run
# twice differs by about as much when the machine's clock changes.
WORTH_IT = 1.05
# A tied cell whose median is further off than a tenth may well be slower; it is not recommended for being cheap.
NEAR = 1.10

Outcome = Literal["pool", "small gain", "loop", "no clear winner", "too few"]


@dataclass(frozen=True)
class Entrant:
    """One cell that competes: its repeated times in seconds (of map, or of the whole call with start-up), and its cost.

    `cost` orders tied cells, the least first, e.g. (workers, rank of the kind, rank of the start method, chunk size).
    All entrants of one judgement have costs that compare.
    """

    name: str
    samples: tuple[float, ...]
    cost: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Winner:
    """Who won, as facts; every claim of a difference allows for the number of cells that it was picked from.

    outcome         'pool': best beats the loop by WORTH_IT or more; 'small gain': it beats it by less; 'loop': every
                    cell is shown slower than the loop; 'no clear winner': neither is shown; 'too few': the loop, or
                    every cell, has fewer than FEWEST_FOR_RATIO repetitions, so that all else but `best` is unknown
    best            the cell with the least median
    beats_loop      whether best is shown faster than the loop: True; False if shown slower; None: cannot tell
    loop_beats_all  whether every cell is shown slower than the loop
    worth_it        whether a pool gains WORTH_IT: True for the outcome 'pool'; False if no cell's interval reaches it;
                    None: cannot tell
    tied            best and the cells not shown slower than it, cheapest first
    recommended     the cheapest of the tied cells that itself beats the loop by WORTH_IT and is NEAR best's median;
                    None unless the outcome is 'pool'
    gain            loop / best, medians with the interval for that pair alone: of many cells it may exclude 1 while
                    `beats_loop` is None
    compared        how many cells were compared
    left_out        the cells with fewer than FEWEST_FOR_RATIO repetitions, which are neither best nor tied
    """

    outcome: Outcome
    best: str
    beats_loop: bool | None
    loop_beats_all: bool
    worth_it: bool | None
    tied: tuple[str, ...]
    recommended: str | None
    gain: Ratio
    compared: int
    left_out: tuple[str, ...] = ()


def winner(loop: Sequence[float], cells: Sequence[Entrant]) -> Winner | None:
    """Judges the cells against the plain loop and each other; None without a cell or a loop that has samples.

    A difference is claimed only where `contrasts` shows it and the interval of the ratio agrees. With no difference at
    all, a pool or the loop was said to win in 1 to 5 of 100 runs: for 1 to 40 cells, 3 to 20 repetitions, equal and
    unequal spreads, skew and outliers. A real 1.3 with 3 % noise was found in every run from 3 repetitions on; if one
    sample in 25 is an outlier besides, in 3 of 4 runs with 3 repetitions and 9 of 10 with 5.

    Cells without a sample count as absent. Raises ValueError for times that are not finite and above zero.
    """
    present = tuple(cell for cell in cells if cell.samples)
    if not loop or not present:
        return None
    return _winner(tuple(loop), present)


@lru_cache(maxsize=KEPT_RESULTS // 16)
def _winner(loop: tuple[float, ...], present: tuple[Entrant, ...]) -> Winner:
    cells = [cell for cell in present if len(cell.samples) >= FEWEST_FOR_RATIO]
    left_out = tuple(cell.name for cell in present if len(cell.samples) < FEWEST_FOR_RATIO)
    if len(loop) < FEWEST_FOR_RATIO or not cells:
        best = _fastest(present)
        return Winner("too few", best.name, None, False, None, (), None, ratio(loop, best.samples), 0, left_out)
    best = _fastest(cells)
    at, count = cells.index(best), len(cells)
    contrasts = Contrasts.of([loop, *(cell.samples for cell in cells)])
    faster = [
        contrasts.shows_slower(0, i + 1, count) and _gain(loop, cell).shows_difference is True
        for i, cell in enumerate(cells)
    ]
    slower = [
        contrasts.shows_slower(i + 1, 0, 1) and _gain(loop, cell).shows_difference is True
        for i, cell in enumerate(cells)
    ]
    pairs = count * (count - 1) // 2
    tied = sorted(
        (i for i in range(count) if i == at or not contrasts.shows_slower(i + 1, at + 1, pairs)),
        key=lambda i: (cells[i].cost, median(cells[i].samples)),
    )
    gain = _gain(loop, best)
    outcome = _outcome(faster[at], gain.value, all(slower))
    limit = NEAR * median(best.samples)
    sound = (i for i in tied if faster[i] and _gain(loop, cells[i]).value >= WORTH_IT)
    return Winner(
        outcome=outcome,
        best=best.name,
        beats_loop=True if faster[at] else False if slower[at] else None,
        loop_beats_all=all(slower),
        worth_it=_worth_it(outcome, loop, cells),
        tied=tuple(cells[i].name for i in tied),
        recommended=next((cells[i].name for i in sound if median(cells[i].samples) <= limit), None),
        gain=gain,
        compared=count,
        left_out=left_out,
    )


def _fastest(cells: Sequence[Entrant]) -> Entrant:
    return min(cells, key=lambda cell: (median(cell.samples), cell.cost))


def _gain(loop: tuple[float, ...], cell: Entrant) -> Ratio:
    """Asked for only where it matters, for its bootstrap is most of what a judgement takes; kept by `ratio`."""
    return ratio(loop, cell.samples)


def _outcome(beats: bool, gain: float, loop_wins: bool) -> Outcome:
    if beats:
        return "pool" if gain >= WORTH_IT else "small gain"
    return "loop" if loop_wins else "no clear winner"


def _worth_it(outcome: Outcome, loop: tuple[float, ...], cells: Sequence[Entrant]) -> bool | None:
    if outcome == "pool":
        return True
    return False if all((_gain(loop, cell).high or WORTH_IT) < WORTH_IT for cell in cells) else None
