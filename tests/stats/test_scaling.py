"""Fits against made parameters: exact ones, how often noisy ones are enclosed, and when no fit is shown."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poolscope.stats.scaling import FittedValue, NoFit, Scaling, scaling

SIZES = (1, 2, 4, 8)


def seconds(workers: int, serial: float, crosstalk: float) -> float:
    """The Universal Scalability Law as a time; one worker takes 1 s, the loop 0.95 s."""
    return (1 + serial * (workers - 1) + crosstalk * workers * (workers - 1)) / workers


def exact(serial: float, crosstalk: float, sizes: Sequence[int] = SIZES) -> Scaling:
    return scaling([0.95] * 5, {size: [seconds(size, serial, crosstalk)] * 5 for size in sizes}, max(sizes))


def noisy(rng: random.Random, serial: float, crosstalk: float, spread: float = 0.03, count: int = 5) -> Scaling:
    def times(middle: float) -> list[float]:
        return [middle * rng.lognormvariate(0, spread) for _ in range(count)]

    return scaling(times(0.95), {size: times(seconds(size, serial, crosstalk)) for size in SIZES}, 8)


def code(result: Scaling) -> str | None:
    return result.why.code if result.why else None


def known(estimate: FittedValue | None) -> FittedValue:
    assert estimate is not None
    return estimate


def encloses(estimate: FittedValue | None, true: float) -> bool:
    low, high = known(estimate).low, known(estimate).high
    return low <= true * (1 + 1e-9) and (high is None or true <= high * (1 + 1e-9))


def test_a_published_example_of_the_law_has_its_known_peak() -> None:
    """Gunther's SPEC SDM91: contention 0.0277 and coherency 0.000104 put the peak at 97 processors."""
    result = exact(0.0277, 0.000104, (1, 18, 36, 72, 108, 144, 180, 216))
    assert result.law == "usl"
    assert known(result.serial).value == pytest.approx(0.0277, rel=1e-5)
    assert known(result.crosstalk).value == pytest.approx(0.000104, rel=1e-5)
    assert known(result.peak_workers).value == pytest.approx(sqrt((1 - 0.0277) / 0.000104), rel=1e-5)
    assert known(result.peak_workers).value == pytest.approx(96.7, abs=0.1)
    assert known(result.one_worker).value == pytest.approx(0.95)
    assert known(result.peak_speedup).value == pytest.approx(0.95 / seconds(97, 0.0277, 0.000104), rel=1e-4)
    assert result.r2 == pytest.approx(1.0)


def test_a_twentieth_of_serial_work_limits_the_speed_up_to_twenty_times_one_worker() -> None:
    result = exact(0.05, 0.0)
    assert (result.law, result.crosstalk, result.why) == ("amdahl", None, None)
    assert known(result.serial).value == pytest.approx(0.05)
    assert known(result.peak_speedup).value == pytest.approx(0.95 * 20)
    assert (known(result.peak_workers).value, known(result.peak_workers).high) == (None, None)
    assert known(result.peak_workers).low > 100
    assert [point.workers for point in result.curve] == list(range(1, 9))
    assert result.curve[7].speedup == pytest.approx(0.95 / seconds(8, 0.05, 0.0))


def test_work_without_a_serial_part_has_no_limit() -> None:
    result = exact(0.0, 0.0)
    assert (known(result.serial).value, known(result.serial).low) == (0.0, 0.0)
    assert (known(result.peak_speedup).value, known(result.peak_speedup).high) == (None, None)


def test_work_that_is_all_serial_gains_nothing_from_workers() -> None:
    result = exact(1.0, 0.0)
    assert (known(result.serial).value, known(result.serial).high) == (1.0, 1.0)
    assert known(result.peak_speedup).value == pytest.approx(0.95)
    assert result.r2 is None


@pytest.mark.parametrize(("serial", "crosstalk"), [(0.0, 0.0), (0.3, 0.0), (1.0, 0.0), (0.02, 0.001)])
def test_made_parameters_are_enclosed_as_often_as_stated_where_no_crosstalk_shows(
    serial: float, crosstalk: float
) -> None:
    rng = random.Random(round(1000 * serial))
    results = [result for result in (noisy(rng, serial, crosstalk) for _ in range(60)) if result.supported]
    assert len(results) >= 54
    assert sum(encloses(result.serial, serial) for result in results) >= 0.9 * len(results)
    assert sum(result.law == "amdahl" for result in results) >= 0.9 * len(results)
    true = 0.95 / seconds(8, serial, crosstalk)
    assert sum(result.curve[7].low <= true <= result.curve[7].high for result in results) >= 0.9 * len(results)


@pytest.mark.parametrize(("serial", "crosstalk"), [(0.1, 0.05), (0.0, 0.02)])
def test_made_crosstalk_is_found_and_enclosed_with_its_peak(serial: float, crosstalk: float) -> None:
    rng = random.Random(round(1000 * crosstalk))
    found = [result for result in (noisy(rng, serial, crosstalk) for _ in range(60)) if result.law == "usl"]
    assert len(found) >= 50
    peak = sqrt((1 - serial) / crosstalk)
    height = 0.95 * peak / (1 + serial * (peak - 1) + crosstalk * peak * (peak - 1))
    for enclosed in (
        [encloses(result.serial, serial) for result in found],
        [encloses(result.crosstalk, crosstalk) for result in found],
        [encloses(result.peak_workers, peak) for result in found],
        [encloses(result.peak_speedup, height) for result in found],
    ):
        assert sum(enclosed) >= 0.9 * len(found)


def test_one_outlier_bends_no_curve() -> None:
    times = {size: [seconds(size, 0.05, 0.0) * (1 + 0.002 * i) for i in range(5)] for size in SIZES}
    times[4][2] *= 3
    result = scaling([0.95, 0.951, 0.952, 0.953, 0.954], times, 8)
    assert known(result.serial).value == pytest.approx(0.05, abs=0.005)


def test_sizes_beyond_the_most_and_with_few_repetitions_are_left_out() -> None:
    times = {size: [seconds(size, 0.1, 0.0)] * 5 for size in (1, 2, 4, 8, 16)} | {3: [0.5, 0.5]}
    assert scaling([0.95] * 5, times, 8).sizes == (1, 2, 4, 8)


def test_the_loop_stands_for_a_pool_of_one() -> None:
    result = scaling([1.0] * 5, {size: [seconds(size, 0.1, 0.0)] * 5 for size in (2, 4)}, 4)
    assert (result.supported, result.sizes) == (True, (1, 2, 4))
    assert known(result.serial).value == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("loop", "sizes", "most", "why"),
    [
        (5, (1, 2), 2, NoFit("workers", {"fewest": 3, "most": 2})),
        (5, (1, 2), 8, NoFit("sizes", {"fewest": 3, "most": 8, "repetitions": 3, "there": 2})),
        (5, (), 8, NoFit("sizes", {"fewest": 3, "most": 8, "repetitions": 3, "there": 1})),
        (2, (1, 2, 4), 8, NoFit("loop repetitions", {"fewest": 3, "there": 2})),
    ],
)
def test_too_few_points_bear_no_fit_and_say_so(loop: int, sizes: tuple[int, ...], most: int, why: NoFit) -> None:
    result = scaling([0.95] * loop, {size: [seconds(size, 0.1, 0.0)] * 5 for size in sizes}, most)
    assert (result.supported, result.law, result.serial, result.curve) == (False, None, None, ())
    assert result.why == why


def test_points_that_follow_no_law_bear_no_fit() -> None:
    """Three workers as fast as one, four and eight faster: no share of serial work does that."""
    times = {1: 1.0, 2: 0.5, 3: 1.0, 4: 0.25, 8: 0.2}
    result = scaling([1.0] * 5, {size: [t, t * 1.001, t * 0.999, t, t] for size, t in times.items()}, 8)
    assert code(result) == "off the curve"


def test_three_sizes_that_slow_each_other_down_ask_for_a_fourth() -> None:
    result = exact(0.1, 0.3, (1, 2, 4))
    assert result.why is not None
    assert (result.why.code, result.why.numbers["sizes_for_crosstalk"]) == ("off the curve", 4)
    assert exact(0.1, 0.3, (1, 2, 4, 8)).law == "usl"


def test_times_that_spread_too_widely_bear_no_fit() -> None:
    rng = random.Random(1)
    result = noisy(rng, 0.1, 0.0, spread=0.6)
    assert code(result) == "spread"


def test_a_serial_share_that_may_be_anything_bears_no_fit() -> None:
    """Speed-ups near 1 at three sizes: crosstalk and serial work can't be told apart there."""
    rng = random.Random(2)
    times = {size: [seconds(size, 0.7, 0.0) * rng.lognormvariate(0, 0.08) for _ in range(4)] for size in (1, 2, 3)}
    result = scaling([0.95, 1.0, 0.9, 0.97], times, 3)
    assert code(result) == "serial share"


def test_times_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        scaling([1.0] * 3, {1: [1.0] * 3, 2: [0.0] * 3, 4: [1.0] * 3}, 4)


def test_the_json_is_plain() -> None:
    told = json.loads(json.dumps(exact(0.05, 0.01).as_json(), allow_nan=False))
    assert (told["law"], told["sizes"], told["supported"]) == ("usl", [1, 2, 4, 8], True)
    assert set(told["serial"]) == {"value", "low", "high"}
    assert told["curve"][0]["workers"] == 1
    assert json.dumps(scaling([], {}, 8).as_json(), allow_nan=False)


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 1), st.floats(0, 0.3), st.integers(0, 1000))
def test_estimates_stay_within_their_bounds_and_their_intervals(serial: float, crosstalk: float, seed: int) -> None:
    result = noisy(random.Random(seed), serial, crosstalk, count=4)
    if not result.supported:
        return
    serial_share = known(result.serial)
    assert serial_share.value is not None
    assert serial_share.high is not None
    assert 0 <= serial_share.low <= serial_share.value <= serial_share.high <= 1
    assert (result.crosstalk is not None) == (result.law == "usl")
    assert result.crosstalk is None or known(result.crosstalk).low > 0
    for estimate in (known(result.one_worker), known(result.peak_speedup)):
        assert estimate.value is None or estimate.low <= estimate.value <= (estimate.high or float("inf"))
    assert all(point.low <= point.speedup <= point.high for point in result.curve)
