"""Says which pool is best, whether it beats the plain loop and who ties with it, allowing for the choice among many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.measure.intervals import Ratio

# A pool that gains less than a twentieth is not worth its price in memory, pickling and failure modes.
WORTH_IT = 1.05

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

    outcome       'pool': best beats the loop by WORTH_IT or more; 'small gain': it beats it by less; 'loop': every cell
                  is shown slower than the loop; 'no clear winner': neither is shown; 'too few': fewer than
                  FEWEST_FOR_RATIO repetitions, of the loop or of every cell.
    best          the cell with the least median
    beats_loop    whether best is shown faster than the loop: True; False if it is shown slower; None: cannot tell
    loop_beats_all  whether every cell is shown slower than the loop
    worth_it      whether a pool gains WORTH_IT: True if best is shown faster and its median gains that much, False if no
                  cell's interval reaches it, None: cannot tell
    tied          cells not shown slower than best, with best, cheapest first
    recommended   the cheapest of the tied cells that beats the loop too and is within NEAR of best's median; None unless
                  the outcome is 'pool' or 'small gain'
    gain          loop / best, medians with the interval for that pair alone: with many cells it may exclude 1 while
                  `beats_loop` is None
    compared      how many cells were compared
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


def winner(loop: Sequence[float], cells: Sequence[Entrant]) -> Winner | None:
    """Judges the cells against the plain loop and each other; None without a cell or a loop that has samples.

    Cells without a sample are left out; those with fewer than FEWEST_FOR_RATIO can be neither best nor shown slower.
    Raises ValueError for times that are not finite and above zero.
    """
    raise NotImplementedError
