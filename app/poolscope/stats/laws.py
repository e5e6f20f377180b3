"""Finds which parameters of a scaling law the measured times allow: the best ones, and all within 95 %."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from poolscope.stats.contrasts import Contrasts
from poolscope.stats.intervals import CONFIDENCE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Law = Literal["amdahl", "usl"]

# Amdahl's law has two unknowns, so two sizes always lie on it; the Universal Scalability Law has three.
FEWEST_SIZES: dict[Law, int] = {"amdahl": 3, "usl": 4}
# Points a side of the grid on which a fit is searched, and how often it is narrowed to where the answer lies.
GRID = 81
NARROWINGS = 12


@dataclass(frozen=True)
class Estimate:
    """A fitted value with its 95 % interval; `high` (and `value`) is None where there is no upper bound."""

    value: float | None
    low: float
    high: float | None


@dataclass(frozen=True)
class Points:
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

    def over(self, values: Floats, scaled: bool = False) -> Estimate:
        """The best and the range of a figure over the region; a scaled one moves with the time of one worker too."""
        import numpy as np

        reach = np.exp(np.sqrt(self.slack) * self.shift) if scaled else 1.0
        low, high = float(np.min(values / reach)), float(np.max(values * reach))
        best = float(values[0])
        return Estimate(best if math.isfinite(best) else None, low, high if math.isfinite(high) else None)

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


def points_of(loop: tuple[float, ...], kept: Sequence[tuple[int, tuple[float, ...]]]) -> Points:
    """From times by size, the sizes rising."""
    import numpy as np

    cells = Contrasts.of([*(times for _, times in kept), loop])
    sizes = np.array([float(size) for size, _ in kept])
    loop_log, loop_error = float(cells.means[-1]), float(cells.errors[-1])
    return Points(sizes, cells.means[:-1], cells.errors[:-1], loop_log, loop_error, float(np.mean(cells.degrees)))


def region(points: Points, law: Law) -> Region:
    """Searches (delay beyond 1 at the largest size, what part of it is crosstalk), which hardly depend on each other.

    The time of one worker follows from them in closed form, so a grid is enough; it is narrowed to the region allowed.
    """
    import numpy as np

    largest = float(points.sizes[-1])
    weights = 1 / points.errors
    bare = points.logs + np.log(points.sizes)
    beyond = free(points, law)
    ceiling = largest - 1 if law == "amdahl" else 2 * largest * math.exp(float(np.ptp(points.logs)))
    boxes = [(0.0, ceiling), (0.0, 1.0 if law == "usl" else 0.0)]
    for _ in range(NARROWINGS):
        delay, part = (
            side.ravel() for side in np.meshgrid(*(np.linspace(*box, GRID if box[1] else 1) for box in boxes))
        )
        serial = np.minimum(1.0, (1 - part) * delay / (largest - 1))
        crosstalk = part * delay / (largest * (largest - 1))
        delay = _delay(largest, serial, crosstalk) - 1  # less where the bound has cut the serial share
        part = np.divide(crosstalk * largest * (largest - 1), delay, out=part, where=delay > 0)
        residuals = bare - np.log(_delay(points.sizes, serial[:, None], crosstalk[:, None]))
        middle = residuals @ weights / weights.sum()
        residuals -= middle[:, None]
        squares = residuals**2 @ weights
        best = int(np.argmin(squares))
        misfit = float(squares[best]) / beyond
        # Points that lie off the curve by more than their spread make all of it less sure.
        slack = points.t**2 - (squares - squares[best]) / max(1.0, misfit)
        inside = slack >= 0
        narrower = [_around(values[inside], box) for values, box in zip((delay, part), boxes, strict=True)]
        if all(new[1] - new[0] > 0.9 * (old[1] - old[0]) for new, old in zip(narrower, boxes, strict=True)):
            break
        boxes = narrower
    order = [best, *np.flatnonzero(inside & (np.arange(len(inside)) != best))]
    return Region(
        serial[order],
        crosstalk[order],
        np.exp(points.loop_log - middle[order]),
        slack[order],
        residuals[best],
        misfit,
        math.sqrt(max(1.0, misfit) / float(weights.sum()) + points.loop_error),
    )


def free(points: Points, law: Law) -> int:
    """Sizes beyond those that any such curve runs through, at least 1."""
    return max(1, len(points.sizes) - FEWEST_SIZES[law] + 1)


def _delay(workers: Floats | float, serial: Floats, crosstalk: Floats) -> Floats:
    """How many times its fair share of the work a worker's time is."""
    return 1 + serial * (workers - 1) + crosstalk * workers * (workers - 1)


def _around(values: Floats, box: tuple[float, float]) -> tuple[float, float]:
    """The values' range and a step of the grid on either side, within the box."""
    step = (box[1] - box[0]) / (GRID - 1)
    return max(box[0], float(values.min()) - step), min(box[1], float(values.max()) + step)
