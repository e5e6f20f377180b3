"""Intervals against known answers, properties, and how often they really enclose the truth in seeded simulations."""

from __future__ import annotations

import json
import random
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poolscope.stats.intervals import CONFIDENCE, RESAMPLES, SEED, Ratio, Timing, ratio, timing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

TIMES = st.floats(min_value=1e-7, max_value=1e4)
SAMPLES = st.lists(TIMES, min_size=1, max_size=40)
# The first example loads NumPy, which is no fault of the example.
unhurried = settings(deadline=None)


def times(rng: random.Random, count: int) -> list[float]:
    """Like measured times: a floor, a long tail, median 1.0."""
    return [0.5 + 0.5 * rng.expovariate(0.6931471805599453) for _ in range(count)]


def test_six_samples_are_enclosed_by_their_whole_range() -> None:
    assert timing([6.0, 1.0, 5.0, 2.0, 4.0, 3.0]) == Timing(3.5, 1.0, 6.0, (6.0, 1.0, 5.0, 2.0, 4.0, 3.0))


@pytest.mark.parametrize(("count", "low", "high"), [(7, 1, 7), (9, 2, 8), (10, 2, 9), (20, 6, 15), (30, 10, 21)])
def test_the_interval_takes_the_ranks_of_the_published_table(count: int, low: int, high: int) -> None:
    """Conover's ranks for the median at 95 %."""
    result = timing([float(rank) for rank in range(1, count + 1)])
    assert (result.low, result.high) == (low, high)


def test_one_sample_has_a_median_and_no_interval() -> None:
    assert timing([2.0]) == Timing(2.0, None, None, (2.0,))
    assert timing([2.0]).confidence is None


@pytest.mark.parametrize(("count", "share"), [(2, 0.5), (3, 0.75), (4, 0.875), (5, 0.9375), (6, 0.95), (30, 0.95)])
def test_an_interval_says_how_sure_it_is(count: int, share: float) -> None:
    assert timing([float(i) for i in range(1, count + 1)]).confidence == share


@pytest.mark.parametrize("count", [3, 6, 30])  # by one pair, by the first that promises 95%, and by ranks
def test_the_median_is_enclosed_as_often_as_promised(count: int) -> None:
    rng, trials = random.Random(count), 600
    results = [timing(times(rng, count)) for _ in range(trials)]
    hits = sum(r.low <= 1.0 <= r.high for r in results if r.low is not None and r.high is not None)
    promised = results[0].confidence
    assert promised is not None
    assert hits / trials > promised - 0.04  # four standard errors of a share of 600


@pytest.mark.parametrize(("over", "under"), [(3, 3), (4, 4), (5, 5), (10, 10), (3, 20)])
def test_equal_medians_show_no_difference_as_often_as_promised(over: int, under: int) -> None:
    rng, trials = random.Random(100 * over + under), 600
    results = [ratio(times(rng, over), times(rng, under)) for _ in range(trials)]
    wrong = sum(r.shows_difference is True for r in results)
    promised = results[0].confidence
    assert promised is not None
    assert 1 - wrong / trials > promised - 0.04


def test_five_repetitions_without_a_difference_show_none_in_at_least_93_of_100_trials() -> None:
    rng = random.Random(4)
    assert sum(not ratio(times(rng, 5), times(rng, 5)).shows_difference for _ in range(100)) >= 93


def test_a_clear_speed_up_is_shown_with_its_interval() -> None:
    result = ratio([2.0, 2.1, 2.05, 1.95, 2.02], [1.0, 1.02, 0.99, 1.01, 1.0])
    assert result.value == pytest.approx(2.02)
    assert result.low is not None
    assert 1.9 < result.low <= result.value
    assert result.shows_difference is True


def test_samples_that_are_all_alike_leave_no_doubt() -> None:
    assert ratio([2.0, 2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0]) == Ratio(2.0, 2.0, 2.0, 0.95)
    assert timing([1.0] * 8) == Timing(1.0, 1.0, 1.0, (1.0,) * 8)


@pytest.mark.parametrize(("over", "under"), [(1, 5), (2, 2), (5, 2)])
def test_too_few_samples_for_a_ratio_cannot_tell(over: int, under: int) -> None:
    result = ratio([3.0] * over, [1.0] * under)
    assert result == Ratio(3.0, None, None, None)
    assert result.shows_difference is None


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(0.9, 1.1, False), (1.0, 1.2, False), (1.01, 2.0, True), (0.4, 0.9, True)]
)
def test_a_difference_is_shown_only_by_an_interval_without_one(low: float, high: float, shown: bool) -> None:
    assert Ratio(1.0, low, high).shows_difference is shown


def test_the_json_is_the_contracts() -> None:
    assert timing([1.0, 3.0]).as_json() == {"median": 2.0, "low": 1.0, "high": 3.0, "samples": [1.0, 3.0]}
    assert Ratio(2.0, 1.5, 2.5, 0.95).as_json() == {"value": 2.0, "low": 1.5, "high": 2.5}
    assert json.dumps(ratio([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]).as_json())


@pytest.mark.parametrize("samples", [[], [1.0, float("nan")], [float("inf")]])
def test_samples_that_are_no_times_are_refused(samples: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        timing(samples)
    with pytest.raises(ValueError, match="finite"):
        ratio([1.0], samples)


@pytest.mark.parametrize("sample", [0.0, -1.0])
def test_a_ratio_needs_times_above_zero(sample: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        ratio([1.0, 1.0, 1.0], [1.0, 1.0, sample])


# SciPy's own functions give the same numbers


def sets_of(rng: random.Random, count: int) -> list[list[float]]:
    """Of measured times, of times on a coarse clock, which has many of them alike, and of equal ones."""
    return [times(rng, count), [rng.randint(1, 3) / 1000 for _ in range(count)], [0.25] * count]


@pytest.mark.parametrize("count", range(6, 61))
def test_the_interval_of_a_median_is_the_one_that_scipy_gives(count: int) -> None:
    from scipy import stats  # here, and not in each worker that collects this module

    for samples in sets_of(random.Random(count), count):
        # scipy-stubs 1.17 gives a float where SciPy returns a named tuple (low, high).
        expected: Any = stats.quantile_test(samples, p=0.5).confidence_interval(CONFIDENCE)
        found = timing(samples)
        assert (found.low, found.high) == (expected.low, expected.high)


def medians_ratio(over: Floats, under: Floats, axis: int) -> Floats:
    import numpy as np

    found: Floats = np.median(over, axis=axis) / np.median(under, axis=axis)
    return found


@pytest.mark.parametrize(
    ("over", "under"), [(3, 3), (3, 60), (4, 5), (5, 4), (6, 6), (7, 12), (10, 10), (20, 3), (31, 32), (60, 60)]
)
def test_the_interval_of_a_ratio_is_the_one_that_scipy_gives(over: int, under: int) -> None:
    import numpy as np
    from scipy import stats

    rng = random.Random(100 * over + under)
    for one in sets_of(rng, over):
        for other in sets_of(rng, under):
            expected = stats.bootstrap(
                (sorted(one), sorted(other)),
                medians_ratio,
                n_resamples=RESAMPLES,
                confidence_level=CONFIDENCE,
                method="percentile",
                vectorized=True,
                rng=np.random.default_rng(SEED),
            ).confidence_interval
            found = ratio(one, other)
            assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12, abs=0)


# Whatever the samples


@unhurried
@given(SAMPLES)
def test_the_interval_contains_the_median_and_only_samples_bound_it(samples: list[float]) -> None:
    result = timing(samples)
    assert result.median == median(samples)
    assert result.samples == tuple(samples)
    if result.low is not None and result.high is not None:
        assert result.low <= result.median <= result.high
        assert {result.low, result.high} <= set(samples)


@unhurried
@given(SAMPLES, SAMPLES, st.randoms(use_true_random=False))
def test_the_order_of_samples_changes_no_interval(over: list[float], under: list[float], rng: random.Random) -> None:
    mixed = rng.sample(over, len(over))
    assert (timing(mixed).low, timing(mixed).high) == (timing(over).low, timing(over).high)
    assert ratio(mixed, under) == ratio(over, under)


@unhurried
@given(SAMPLES, SAMPLES)
def test_the_ratios_interval_contains_the_ratio(over: list[float], under: list[float]) -> None:
    result = ratio(over, under)
    if result.low is not None and result.high is not None:
        assert result.low <= result.value * (1 + 1e-12)
        assert result.value <= result.high * (1 + 1e-12)


@unhurried
@given(SAMPLES, SAMPLES, st.floats(min_value=1e-3, max_value=1e3))
def test_another_unit_of_time_changes_nothing_but_the_unit(over: list[float], under: list[float], unit: float) -> None:
    scaled = [sample * unit for sample in over]
    plain, other = timing(over), timing(scaled)
    assert other.median == pytest.approx(plain.median * unit)
    assert (other.low is None) == (plain.low is None)
    if plain.low is not None and plain.high is not None:
        assert other.low == pytest.approx(plain.low * unit)
        assert other.high == pytest.approx(plain.high * unit)
    both = ratio(scaled, [sample * unit for sample in under])
    assert (both.value, both.low, both.high) == pytest.approx(
        (ratio(over, under).value, ratio(over, under).low, ratio(over, under).high)
    )


@unhurried
@given(SAMPLES, SAMPLES, st.floats(min_value=1.0, max_value=100.0))
def test_a_slower_loop_makes_every_speed_up_larger(loop: list[float], pool: list[float], slower: float) -> None:
    before, after = ratio(loop, pool), ratio([sample * slower for sample in loop], pool)
    assert after.value >= before.value * (1 - 1e-12)
    if before.low is not None and after.low is not None:
        assert after.low >= before.low * (1 - 1e-12)


def test_the_inverse_of_a_ratio_has_its_bounds_the_other_way_round() -> None:
    assert Ratio(0.5, 0.25, 0.8, 0.95).inverse() == Ratio(2.0, 1.25, 4.0, 0.95)
    assert Ratio(0.5, None, None).inverse() == Ratio(2.0, None, None)
    assert Ratio(0.5, 0.0, 1.0).inverse().high is None
