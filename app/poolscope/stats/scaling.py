"""Fits Amdahl's law and the Universal Scalability Law to times by workers, and says whether the points bear it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from poolscope.stats.intervals import FEWEST_FOR_RATIO, KEPT_RESULTS
from poolscope.stats.laws import FEWEST_SIZES, Estimate, Law, Points, Region, free, points_of, region

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

# A time that is not known to a quarter, or a serial share that may be anything in half of its range, says nothing.
WIDEST_TIME = 0.25
WIDEST_SERIAL = 0.5
# Points off the curve by more than a twentieth and by more than their spread allows in 99 of 100 runs don't follow it.
FARTHEST = 0.05
SURELY = 0.99


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
    serial        σ, the share of the work that is done one at a time (contention), in [0, 1]; its interval allows for
                  crosstalk that is not shown
    crosstalk     κ, what each pair of workers costs (coherency), at least 0; None for Amdahl's law
    one_worker    the speed-up of a pool of one over the plain loop, mostly a little below 1
    peak_workers  from how many workers on more of them slow the work down; Amdahl's law has no peak, so that only `low`
                  is known, from crosstalk that is not shown
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
        """Plain JSON; estimates as `{value, low, high}`, the curve as a list of `{workers, speedup, low, high}`."""
        return asdict(self) | {"sizes": list(self.sizes), "curve": [asdict(point) for point in self.curve]}


def scaling(loop: Sequence[float], pools: Mapping[int, Sequence[float]], most: int) -> Scaling:
    """Fits the times (seconds) of one kind of pool by its number of workers; `loop` are the plain loop's times.

    Sizes above `most` are left out: pass the usable CPUs for work that computes, the number of items for work that
    waits. So are sizes with fewer than FEWEST_FOR_RATIO times. Without a pool of one worker the loop stands for it.

    Method: least squares of the logarithms of times, each size weighed by its error as `contrasts` has it (trimmed, so
    that one outlier bends no curve). Intervals are profile likelihood: all parameters whose squares exceed the least
    ones by no more than t squared. They stay within the bounds and keep their word there, where a covariance or a
    bootstrap does not. The laws: Amdahl (AFIPS 1967); Gunther, Guerrilla Capacity Planning (2007), chapter 4.

    In simulation (3 to 10 repetitions, spreads of 2 to 10 %, up to 4, 8 and 32 workers) the intervals of both
    parameters, the peak and the curve enclosed the made ones in 92 to 100 of 100 fits; the least was 88, for three
    sizes with strong crosstalk. Raises ValueError for times that are not above zero.
    """
    enough = {size: tuple(times) for size, times in pools.items() if len(times) >= FEWEST_FOR_RATIO}
    kept = {1: tuple(loop)} | {size: times for size, times in enough.items() if 1 <= size <= most}
    return _scaling(tuple(loop), tuple(sorted(kept.items())), most)


@lru_cache(maxsize=KEPT_RESULTS // 16)
def _scaling(loop: tuple[float, ...], kept: tuple[tuple[int, tuple[float, ...]], ...], most: int) -> Scaling:
    sizes = tuple(size for size, _ in kept)
    if len(loop) < FEWEST_FOR_RATIO or len(sizes) < FEWEST_SIZES["amdahl"]:
        return Scaling(False, _too_few(len(loop), len(sizes), most), sizes)
    points = points_of(loop, kept)
    if (widest := points.widest) > WIDEST_TIME:
        return Scaling(
            False, f"The times spread too widely: one of their middles is known to {widest:.0%} only.", sizes
        )
    wider = region(points, "usl")
    shown = len(sizes) >= FEWEST_SIZES["usl"] and wider.crosstalk.min() > 0
    law: Law = "usl" if shown else "amdahl"
    best = wider if shown else region(points, "amdahl")
    serial = _either(best.over(best.serial), wider.over(wider.serial))
    why = _why_not(best, points, law, serial)
    return Scaling(False, why, sizes) if why else _fitted(best, wider, points, law, serial, sizes)


def _either(best: Estimate, other: Estimate) -> Estimate:
    """The best with the range of both."""
    high = None if best.high is None or other.high is None else max(best.high, other.high)
    return Estimate(best.value, min(best.low, other.low), high)


def _too_few(loop: int, sizes: int, most: int) -> str:
    fewest = FEWEST_SIZES["amdahl"]
    if loop < FEWEST_FOR_RATIO:
        return f"A fit takes {FEWEST_FOR_RATIO} repetitions of the plain loop at least, and there are {loop}."
    if most < fewest:
        workers = "1 worker" if most == 1 else f"{most} workers"
        return f"A fit takes {fewest} sizes, and no more than {workers} can be at work at the same time."
    return (
        f"A fit takes {fewest} sizes of up to {most} workers, with {FEWEST_FOR_RATIO} repetitions each; "
        f"there {'is' if sizes == 1 else 'are'} {sizes}, the plain loop counted as one worker."
    )


def _why_not(best: Region, points: Points, law: Law, serial: Estimate) -> str:
    """The reason not to show a fit; '' for none."""
    from scipy.special import fdtri

    farthest = float(abs(best.residuals).max())
    if farthest > FARTHEST and best.misfit > float(fdtri(free(points, law), points.degrees, SURELY)):
        name = "Amdahl's law" if law == "amdahl" else "the Universal Scalability Law"
        more = (
            f" With {FEWEST_SIZES['usl']} sizes crosstalk can be told."
            if len(points.sizes) < FEWEST_SIZES["usl"]
            else ""
        )
        return (
            f"The points don't follow {name}: one is {farthest:.0%} off the curve, more than its spread explains.{more}"
        )
    if serial.high is not None and serial.high - serial.low > WIDEST_SERIAL:
        return f"The serial share could be anything from {serial.low:.0%} to {serial.high:.0%}, so a fit says nothing."
    return ""


def _fitted(best: Region, wider: Region, points: Points, law: Law, serial: Estimate, sizes: tuple[int, ...]) -> Scaling:
    import numpy as np

    peak_workers, peak_speedup = wider.over(wider.peaks), wider.over(wider.ceilings, scaled=True)
    if law == "amdahl":
        peak_workers = Estimate(None, peak_workers.low, None)
        peak_speedup = _either(best.over(best.ceilings, scaled=True), peak_speedup)
    curve = tuple(_point(best, workers) for workers in range(1, sizes[-1] + 1))
    return Scaling(
        supported=True,
        why="",
        sizes=sizes,
        law=law,
        serial=serial,
        crosstalk=wider.over(wider.crosstalk) if law == "usl" else None,
        one_worker=best.over(best.one_worker, scaled=True),
        peak_workers=peak_workers,
        peak_speedup=peak_speedup,
        r2=_r2(np.exp(points.loop_log - points.logs), np.array([curve[size - 1].speedup for size in sizes])),
        curve=curve,
    )


def _point(best: Region, workers: int) -> Point:
    at = best.over(best.speedups(workers), scaled=True)
    assert at.value is not None
    assert at.high is not None
    return Point(workers, at.value, at.low, at.high)


def _r2(measured: Floats, fitted: Floats) -> float | None:
    around = float(((measured - measured.mean()) ** 2).sum())
    rounding = 1e-12 * float((measured**2).sum())
    return 1 - float(((measured - fitted) ** 2).sum()) / around if around > rounding else None
