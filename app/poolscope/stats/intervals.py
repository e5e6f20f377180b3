"""Turns a few repeated times into a median, a speed-up and intervals that keep their word at small counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    # Of each resample of a sorted sample, the places of the two values around its middle.
    Middles = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

CONFIDENCE = 0.95
# The fewest samples of which two order statistics enclose the median with 95 %: 1 - 2**(1 - 6) = 0.97, five give 0.94.
ENOUGH_FOR_RANKS = 6
# Real coverage of the ratio's interval where it is below 95 %, by simulation (tests/stats/test_intervals.py).
# Two samples a side would give 0.66, which says nothing, so there is no interval below three.
RATIO_CONFIDENCE = {3: 0.88, 4: 0.91}
FEWEST_FOR_RATIO = 3
# 999 resamples put the tails within half a percent of 2.5 %.
RESAMPLES = 999
SEED = 20240501
KEPT_RESULTS = 4096
# Of so many pairs of counts the resamples are kept, 32 KB each: the samples of one run come in few.
KEPT_COUNTS = 64


@dataclass(frozen=True)
class Timing:
    """Repeated times of one thing, in seconds: the median, its interval and every sample in the order it came.

    `low` and `high` are None for a single sample.
    """

    median: float
    low: float | None
    high: float | None
    samples: tuple[float, ...]

    @property
    def confidence(self) -> float | None:
        """How surely low to high encloses the true median: at least this share; None without an interval.

        It is 0.95 from six samples on. For fewer the interval is their whole range, which misses the median only if
        all samples fall on one side of it: 1 - 2**(1 - n), so 0.94 for five samples, 0.88 for four, 0.75, 0.5.
        """
        count = len(self.samples)
        if count < 2:
            return None
        return CONFIDENCE if count >= ENOUGH_FOR_RANKS else 1 - 2.0 ** (1 - count)

    def as_json(self) -> dict[str, Any]:
        """The contract's TIMING: `{median, low, high, samples}`."""
        return {"median": self.median, "low": self.low, "high": self.high, "samples": list(self.samples)}


@dataclass(frozen=True)
class Ratio:
    """One median over another, such as a speed-up (serial / pool); `low` and `high` are None if samples are too few.

    `confidence` is the share of such intervals that enclose the true ratio, at least; None without an interval.
    """

    value: float
    low: float | None
    high: float | None
    confidence: float | None = None

    @property
    def shows_difference(self) -> bool | None:
        """Whether the interval excludes 1.0; None, for 'cannot tell', where there is no interval."""
        if self.low is None or self.high is None:
            return None
        return not self.low <= 1.0 <= self.high

    def inverse(self) -> Ratio:
        """The other median over this one; a bound of 0 has no inverse."""
        return Ratio(1 / self.value, _over(self.high), _over(self.low), self.confidence)

    def as_json(self) -> dict[str, float | None]:
        """The contract's speed-up: `{value, low, high}`."""
        return {"value": self.value, "low": self.low, "high": self.high}


def _over(bound: float | None) -> float | None:
    return 1 / bound if bound else None


def timing(samples: Sequence[float]) -> Timing:
    """The median of repeated times (seconds, at least one) with its 95 % interval from order statistics.

    Method: the binomial interval for a quantile (Conover, Practical Nonparametric Statistics, 3rd ed., 3.2), which
    `scipy.stats.quantile_test` computes as well. It holds for any distribution and needs no random numbers. Below six
    samples it does not reach 95 %; the interval is then the range, see `Timing.confidence`. A percentile bootstrap is
    no way round that: up to five samples it gives the very same range, and beyond it falls short (0.87 for seven).

    Raises ValueError if there is no sample or one is not finite.
    """
    return _timing(_finite(samples))


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> Ratio:
    """median(numerator) / median(denominator) with a 95 % interval by percentile bootstrap, both sides resampled.

    Method: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13; the numbers are those that
    `scipy.stats.bootstrap` gives. The seed is fixed and the samples sorted, so the same samples give the same interval
    in whatever order they came. Simulated coverage for equal medians is 0.95 to 0.97 from five samples a side, 0.91 for
    four, 0.88 for three (the smaller side counts); below three on a side there is no interval.

    Not by SciPy's own function: importing scipy.stats takes a second of CPU and tens of MB in each process that judges,
    and each call ten times as long as here, where equal counts share their resamples.

    Raises ValueError if a side is empty or holds a time that is not finite and above zero.
    """
    over, under = _finite(numerator), _finite(denominator)
    if min(over + under) <= 0:
        raise ValueError("a ratio of times needs times above zero")
    return _ratio(tuple(sorted(over)), tuple(sorted(under)))


def _finite(samples: Sequence[float]) -> tuple[float, ...]:
    values = tuple(float(sample) for sample in samples)
    if not values or not all(map(math.isfinite, values)):
        raise ValueError("times must be finite numbers, and at least one")
    return values


@lru_cache(maxsize=KEPT_RESULTS)
def _timing(samples: tuple[float, ...]) -> Timing:
    middle = median(samples)
    if len(samples) < 2:
        return Timing(middle, None, None, samples)
    if len(samples) < ENOUGH_FOR_RANKS:
        return Timing(middle, min(samples), max(samples), samples)
    outside = _outside(len(samples))
    ordered = sorted(samples)
    return Timing(middle, ordered[outside], ordered[-1 - outside], samples)


def _outside(count: int) -> int:
    """How many samples of so many lie beyond either end of the median's interval.

    An end misses the median if no more than these lie on its side of it. Each sample lies there by an even chance, so
    in at most 2.5 % of the 2**count ways; counted in whole numbers, so that nothing is rounded.
    """
    few = 2**count // round(2 / (1 - CONFIDENCE))
    outside, ways, together = 0, 1, 1
    while True:
        ways = ways * (count - outside) // (outside + 1)
        together += ways
        if together > few:
            return outside
        outside += 1


@lru_cache(maxsize=KEPT_RESULTS)
def _ratio(over: tuple[float, ...], under: tuple[float, ...]) -> Ratio:
    """Of sorted samples, so that a resample is known by the places that it was drawn from."""
    value = median(over) / median(under)
    fewest = min(len(over), len(under))
    if fewest < FEWEST_FOR_RATIO:
        return Ratio(value, None, None)
    import numpy as np

    of_over, of_under = _resamples(len(over), len(under))
    ratios = np.sort(_medians(np.array(over), of_over) / _medians(np.array(under), of_under))
    tail = (1 - CONFIDENCE) / 2
    low, high = _quantile(ratios, tail), _quantile(ratios, 1 - tail)
    return Ratio(value, low, high, RATIO_CONFIDENCE.get(fewest, CONFIDENCE))


@lru_cache(maxsize=KEPT_COUNTS)
def _resamples(over: int, under: int) -> tuple[Middles, Middles]:
    """Resamples of two sorted samples, drawn one side after the other as `scipy.stats.bootstrap` does."""
    import numpy as np

    rng = np.random.default_rng(SEED)

    def middles(count: int) -> Middles:
        places = np.sort(rng.integers(0, count, (RESAMPLES, count)), axis=-1)
        return places[:, (count - 1) // 2].copy(), places[:, count // 2].copy()

    return middles(over), middles(under)


def _medians(samples: Floats, middles: Middles) -> Floats:
    low, high = middles
    found: Floats = (samples[low] + samples[high]) / 2
    return found


def _quantile(ordered: Floats, share: float) -> float:
    """Between the two values next to it, as NumPy and SciPy take it: the seventh kind of Hyndman and Fan (1996)."""
    place = share * len(ordered) + (1 - share)
    below, part = int(place) - 1, place % 1
    return float((1 - part) * ordered[below] + part * ordered[below + 1])
