"""Fits Amdahl's law and the Universal Scalability Law to times by workers, and says whether the points bear it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Law = Literal["amdahl", "usl"]


@dataclass(frozen=True)
class Estimate:
    """A fitted value with its 95 % interval; `high` (and `value`) is None where there is no upper bound."""

    value: float | None
    low: float
    high: float | None


@dataclass(frozen=True)
class Point:
    """The fitted curve at so many workers: the speed-up over the plain loop and its 95 % interval."""

    workers: int
    speedup: float
    low: float
    high: float


@dataclass(frozen=True)
class Scaling:
    """Speed-up S(n) = one_worker · n / (1 + serial·(n − 1) + crosstalk·n·(n − 1)), Amdahl's law for crosstalk 0.

    supported     whether the points bear a fit; if not, `why` is the sentence and all estimates are None
    law           'usl' where crosstalk is shown above 0, else 'amdahl'; None if not supported
    serial        σ, the share of the work that is done one at a time (contention), in [0, 1]
    crosstalk     κ, what each pair of workers costs (coherency), at least 0; None for Amdahl's law
    one_worker    the speed-up of a pool of one over the plain loop, mostly a little below 1
    peak_workers  from how many workers on more of them slow the work down; None for Amdahl's law, which has no peak
    peak_speedup  the speed-up there; for Amdahl's law the limit for ever more workers, which may have no upper bound
    r2            coefficient of determination of the speed-ups; None where they do not vary
    sizes         the sizes that the fit rests on
    curve         the fitted speed-up for each whole number of workers up to the largest size
    """

    supported: bool
    why: str
    sizes: tuple[int, ...]
    law: Law | None = None
    serial: Estimate | None = None
    crosstalk: Estimate | None = None
    one_worker: Estimate | None = None
    peak_workers: Estimate | None = None
    peak_speedup: Estimate | None = None
    r2: float | None = None
    curve: tuple[Point, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; estimates as `{value, low, high}`, the curve as a list of rows."""
        raise NotImplementedError


def scaling(loop: Sequence[float], pools: Mapping[int, Sequence[float]], most: int) -> Scaling:
    """Fits the times (seconds) of one kind of pool by its number of workers; `loop` are the plain loop's times.

    Sizes above `most` are left out: pass the usable CPUs for work that computes, the number of items for work that
    waits. Without a pool of one worker the loop stands for it. Raises ValueError for times that are not finite and
    above zero.
    """
    raise NotImplementedError
