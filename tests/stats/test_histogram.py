"""Quantiles from counted durations, against those of the durations themselves."""

from __future__ import annotations

from statistics import median

from hypothesis import given
from hypothesis import strategies as st
from poolscope.runner.locks import Histogram
from poolscope.stats.histogram import Durations

durations = st.lists(st.integers(0, 10**12), min_size=1, max_size=200)


def counted(values: list[int]) -> Durations:
    histogram = Histogram()
    histogram.add(values)
    return Durations(histogram.buckets())


def test_nothing_has_no_quantile() -> None:
    assert Durations().quantile(0.5) is None
    assert Durations().longest is None


@given(durations)
def test_every_duration_is_counted_once(values: list[int]) -> None:
    assert counted(values).total == len(values)
    assert sum(counted(values).bars(1.0, 40)) == len(values)


@given(durations, st.floats(0.01, 0.99))
def test_a_quantile_is_right_to_one_part_in_sixty_four(values: list[int], q: float) -> None:
    rank = max(-(-len(values) * q // 1), 1)
    exact = sorted(values)[int(rank) - 1] / 1e9
    found = counted(values).quantile(q)
    assert found is not None
    assert found <= exact
    assert exact - found <= exact / 64 + 1e-9


def test_the_median_of_odd_counts_is_the_middle_one() -> None:
    values = [10, 20, 30, 40, 50]
    assert counted(values).quantile(0.5) == median(values) / 1e9


def test_what_is_longer_than_the_axis_falls_into_the_last_bar() -> None:
    assert counted([1, 10**11]).bars(1.0, 4) == (1, 0, 0, 1)
