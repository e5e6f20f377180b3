"""Fits Amdahl's law and the Universal Scalability Law to times by workers, and says whether the points bear it.

Two layers: `scaling` decides whether a fit is shown and what it comes to; `_region` finds which parameters of a law the
measured times allow, the best ones and all within 95 %. SciPy's `curve_fit` and lmfit were weighed: their intervals
come from a covariance, or from a profile around an inner minimum, and most measured pools lie at a bound (no crosstalk,
nothing serial), where both fail; and the peak and the curve need the joint region of the parameters, which neither
gives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from poolscope.stats.comparison import Contrasts
from poolscope.stats.intervals import CONFIDENCE, FEWEST_FOR_RATIO, KEPT_RESULTS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Law = Literal["amdahl", "usl"]

# Amdahl's law has two unknowns, so two sizes always lie on it; the Universal Scalability Law has three.
FEWEST_SIZES: dict[Law, int] = {"amdahl": 3, "usl": 4}
# FitData a side of the grid on which a fit is searched, and how often it is narrowed to where the answer lies.
GRID = 81
NARROWINGS = 12
# A time that is not known to a quarter, or a serial share that may be anything in half of its range, says nothing.
WIDEST_TIME = 0.25
WIDEST_SERIAL = 0.5
# FitData off the curve by more than a twentieth and by more than their spread allows in 99 of 100 runs don't follow it.
FARTHEST = 0.05
SURELY = 0.99


@dataclass(frozen=True)
class FittedValue:
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


# Why no fit is shown: too few repetitions of the plain loop, too few sizes (or too few workers that can be at work
# at once), times that spread too widely, points off the curve, a serial share that could be almost anything.
NoFitCode = Literal["loop repetitions", "workers", "sizes", "spread", "off the curve", "serial share"]


@dataclass(frozen=True)
class NoFit:
    """Why the points bear no fit, and the figures of that reason."""

    code: NoFitCode
    numbers: Mapping[str, float | str | None]


@dataclass(frozen=True)
class Scaling:
    """Speed-up S(n) = one_worker · n / (1 + serial·(n − 1) + crosstalk·n·(n − 1)), Amdahl's law for crosstalk 0.

    why           the reason why the points bear no fit, and all estimates are None; None where they bear one
    law           'usl' where crosstalk is shown above 0, else 'amdahl'; None without a fit
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

    why: NoFit | None
    sizes: tuple[int, ...]
    law: Law | None = None
    serial: FittedValue | None = None
    crosstalk: FittedValue | None = None
    one_worker: FittedValue | None = None
    peak_workers: FittedValue | None = None
    peak_speedup: FittedValue | None = None
    r2: float | None = None
    curve: tuple[Point, ...] = ()

    @property
    def supported(self) -> bool:
        """Whether the points bear a fit."""
        return self.why is None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; estimates as `{value, low, high}`, the curve as a list of `{workers, speedup, low, high}`."""
        plain = asdict(self) | {"sizes": list(self.sizes), "curve": [asdict(point) for point in self.curve]}
        return {"supported": self.supported} | plain


def scaling(loop: Sequence[float], pools: Mapping[int, Sequence[float]], most: int) -> Scaling:
    """Fits the times (seconds) of one kind of pool by its number of workers; `loop` are the plain loop's times.

    Sizes above `most` are left out: pass the usable CPUs for work that computes, the number of items for work that
    waits. So are sizes with fewer than FEWEST_FOR_RATIO times. Without a pool of one worker the loop stands for it.

    Method: least squares of the logarithms of times, each size weighed by its error as `Contrasts` has it (trimmed, so
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
        return Scaling(_too_few(len(loop), len(sizes), most), sizes)
    data = _fit_data(loop, kept)
    if data.widest > WIDEST_TIME:
        return Scaling(NoFit("spread", {"widest": data.widest}), sizes)
    wider = _region(data, "usl")
    shown = len(sizes) >= FEWEST_SIZES["usl"] and wider.crosstalk.min() > 0
    law: Law = "usl" if shown else "amdahl"
    best = wider if shown else _region(data, "amdahl")
    serial = _either(best.over(best.serial), wider.over(wider.serial))
    why = _why_not(best, data, law, serial)
    return Scaling(why, sizes) if why else _fitted(best, wider, data, law, serial, sizes)


def _either(best: FittedValue, other: FittedValue) -> FittedValue:
    """The best with the range of both."""
    high = None if best.high is None or other.high is None else max(best.high, other.high)
    return FittedValue(best.value, min(best.low, other.low), high)


def _too_few(loop: int, sizes: int, most: int) -> NoFit:
    fewest = FEWEST_SIZES["amdahl"]
    if loop < FEWEST_FOR_RATIO:
        return NoFit("loop repetitions", {"fewest": FEWEST_FOR_RATIO, "there": loop})
    if most < fewest:
        return NoFit("workers", {"fewest": fewest, "most": most})
    return NoFit("sizes", {"fewest": fewest, "most": most, "repetitions": FEWEST_FOR_RATIO, "there": sizes})


def _why_not(best: Region, data: FitData, law: Law, serial: FittedValue) -> NoFit | None:
    """The reason not to show a fit."""
    from scipy.special import fdtri

    farthest = float(abs(best.residuals).max())
    if farthest > FARTHEST and best.misfit > float(fdtri(_degrees_beyond(data, law), data.degrees, SURELY)):
        enough = None if len(data.sizes) >= FEWEST_SIZES["usl"] else FEWEST_SIZES["usl"]
        return NoFit("off the curve", {"law": law, "farthest": farthest, "sizes_for_crosstalk": enough})
    if serial.high is not None and serial.high - serial.low > WIDEST_SERIAL:
        return NoFit("serial share", {"low": serial.low, "high": serial.high})
    return None


def _fitted(
    best: Region, wider: Region, data: FitData, law: Law, serial: FittedValue, sizes: tuple[int, ...]
) -> Scaling:
    import numpy as np

    peak_workers, peak_speedup = wider.over(wider.peaks), wider.over(wider.ceilings, scaled=True)
    if law == "amdahl":
        peak_workers = FittedValue(None, peak_workers.low, None)
        peak_speedup = _either(best.over(best.ceilings, scaled=True), peak_speedup)
    curve = tuple(_point(best, workers) for workers in range(1, sizes[-1] + 1))
    return Scaling(
        why=None,
        sizes=sizes,
        law=law,
        serial=serial,
        crosstalk=wider.over(wider.crosstalk) if law == "usl" else None,
        one_worker=best.over(best.one_worker, scaled=True),
        peak_workers=peak_workers,
        peak_speedup=peak_speedup,
        r2=_r2(np.exp(data.loop_log - data.logs), np.array([curve[size - 1].speedup for size in sizes])),
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


@dataclass(frozen=True)
class FitData:
    """What is fitted: logarithms of times by size with their squared errors, the loop's apart; degrees of freedom."""

    sizes: Floats
    logs: Floats
    errors: Floats
    loop_log: float
    loop_error: float
    degrees: float

    @property
    def t(self) -> float:
        """Student's t for 95 % at the degrees of freedom."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees, (1 + CONFIDENCE) / 2))

    @property
    def widest(self) -> float:
        """Half of the interval of the least known time, as a share of it."""
        return self.t * math.sqrt(float(self.errors.max()))


@dataclass(frozen=True)
class Region:
    """The parameters that the points allow, the best first, with the speed-up of one worker that suits each best.

    `slack` is what each leaves of t squared, and `shift` how far a speed-up's logarithm may move for its root.
    `residuals` are the logarithms' at best, `misfit` their weighed squares for each size beyond the fewest.
    """

    serial: Floats
    crosstalk: Floats
    one_worker: Floats
    slack: Floats
    residuals: Floats
    misfit: float
    shift: float

    def over(self, values: Floats, scaled: bool = False) -> FittedValue:
        """The best and the range of a figure over the region; a scaled one moves with the time of one worker too."""
        import numpy as np

        reach = np.exp(np.sqrt(self.slack) * self.shift) if scaled else 1.0
        low, high = float(np.min(values / reach)), float(np.max(values * reach))
        best = float(values[0])
        return FittedValue(best if math.isfinite(best) else None, low, high if math.isfinite(high) else None)

    @property
    def peaks(self) -> Floats:
        """The workers at which the speed-up is greatest; infinite without crosstalk, 1 where nothing is shared."""
        import numpy as np

        shared = 1 - self.serial
        endless = np.where(shared > 0, np.inf, 1.0)
        return np.maximum(1.0, np.sqrt(np.divide(shared, self.crosstalk, out=endless, where=self.crosstalk > 0)))

    @property
    def ceilings(self) -> Floats:
        """The speed-up at the peak, or its limit where there is none: infinite if no work is serial either."""
        import numpy as np

        peaks = self.peaks
        endless = np.divide(1, self.serial, out=np.full_like(peaks, np.inf), where=self.serial > 0)
        finite = np.isfinite(peaks)
        return np.where(finite, self.speedups(np.where(finite, peaks, 1.0)), self.one_worker * endless)

    def speedups(self, workers: Floats | float) -> Floats:
        return self.one_worker * workers / _delay(workers, self.serial, self.crosstalk)


def _fit_data(loop: tuple[float, ...], kept: Sequence[tuple[int, tuple[float, ...]]]) -> FitData:
    """From times by size, the sizes rising."""
    import numpy as np

    groups = Contrasts.of([*(times for _, times in kept), loop])
    sizes = np.array([float(size) for size, _ in kept])
    loop_log, loop_error = float(groups.means[-1]), float(groups.errors[-1])
    return FitData(sizes, groups.means[:-1], groups.errors[:-1], loop_log, loop_error, float(np.mean(groups.degrees)))


def _region(data: FitData, law: Law) -> Region:
    """Searches (delay beyond 1 at the largest size, what part of it is crosstalk), which hardly depend on each other.

    The time of one worker follows from them in closed form, so a grid is enough; it is narrowed to the region allowed.
    """
    import numpy as np

    largest = float(data.sizes[-1])
    weights = 1 / data.errors
    bare = data.logs + np.log(data.sizes)
    beyond = _degrees_beyond(data, law)
    ceiling = largest - 1 if law == "amdahl" else 2 * largest * math.exp(float(np.ptp(data.logs)))
    boxes = [(0.0, ceiling), (0.0, 1.0 if law == "usl" else 0.0)]
    for _ in range(NARROWINGS):
        delay, part = (
            side.ravel() for side in np.meshgrid(*(np.linspace(*box, GRID if box[1] else 1) for box in boxes))
        )
        serial = np.minimum(1.0, (1 - part) * delay / (largest - 1))
        crosstalk = part * delay / (largest * (largest - 1))
        delay = _delay(largest, serial, crosstalk) - 1  # less where the bound has cut the serial share
        part = np.divide(crosstalk * largest * (largest - 1), delay, out=part, where=delay > 0)
        residuals = bare - np.log(_delay(data.sizes, serial[:, None], crosstalk[:, None]))
        middle = residuals @ weights / weights.sum()
        residuals -= middle[:, None]
        squares = residuals**2 @ weights
        best = int(np.argmin(squares))
        misfit = float(squares[best]) / beyond
        # FitData that lie off the curve by more than their spread make all of it less sure.
        slack = data.t**2 - (squares - squares[best]) / max(1.0, misfit)
        inside = slack >= 0
        narrower = [_around(values[inside], box) for values, box in zip((delay, part), boxes, strict=True)]
        if all(new[1] - new[0] > 0.9 * (old[1] - old[0]) for new, old in zip(narrower, boxes, strict=True)):
            break
        boxes = narrower
    order = [best, *np.flatnonzero(inside & (np.arange(len(inside)) != best))]
    return Region(
        serial[order],
        crosstalk[order],
        np.exp(data.loop_log - middle[order]),
        slack[order],
        residuals[best],
        misfit,
        math.sqrt(max(1.0, misfit) / float(weights.sum()) + data.loop_error),
    )


def _degrees_beyond(data: FitData, law: Law) -> int:
    """Sizes beyond those that any such curve runs through, at least 1."""
    return max(1, len(data.sizes) - FEWEST_SIZES[law] + 1)


def _delay(workers: Floats | float, serial: Floats, crosstalk: Floats) -> Floats:
    """How many times its fair share of the work a worker's time is."""
    return 1 + serial * (workers - 1) + crosstalk * workers * (workers - 1)


def _around(values: Floats, box: tuple[float, float]) -> tuple[float, float]:
    """The values' range and a step of the grid on either side, within the box."""
    step = (box[1] - box[0]) / (GRID - 1)
    return max(box[0], float(values.min()) - step), min(box[1], float(values.max()) + step)
