"""Break-even, idle tail and efficiency against hand-computed answers and the model's own properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from poolscope.stats.breakeven import Threshold, break_even, efficiency, idle_tail

SECONDS = st.floats(min_value=1e-7, max_value=10.0)
COUNTS = st.integers(1, 64)


def map_time(overhead: float, seconds: float, items: int, side_by_side: int) -> float:
    return overhead + items * seconds / min(items, side_by_side)


def test_ten_squares_are_too_little_for_two_workers() -> None:
    """10 items of 1 us: the loop takes 10 us, the pool 500.2 us, of which 495.2 are overhead."""
    result = break_even(1e-6, 500.2e-6, items=10, workers=2, usable_cpus=2, start_stop_s=0.0305)
    assert result.overhead_s == pytest.approx(495.2e-6)
    assert result.map_only.seconds_per_item == pytest.approx(99.04e-6)  # 10 x 99.04 us, half of it saved
    assert result.map_only.items == 991  # 990 items save 495 us, 991 save 495.5
    assert result.with_start.cost_s == pytest.approx(0.0309952)
    assert result.with_start.seconds_per_item == pytest.approx(6.19904e-3)
    assert result.with_start.items == 61991


def test_what_each_item_costs_is_no_fixed_cost() -> None:
    """Of 495.2 us of overhead 10 x 0.2 us are the items'; each further one saves 0.3 us instead of 0.5."""
    result = break_even(1e-6, 500.2e-6, 10, 2, 2, hand_over_s_per_item=0.2e-6)
    assert result.map_only.seconds_per_item == pytest.approx(99.04e-6)
    assert result.map_only.items == 1645  # 1644 items save the 493.2 us, 0.3 each


@pytest.mark.parametrize("each_s", [None, 0.5e-6, 1.0])
def test_no_number_of_items_helps_where_each_costs_what_it_saves_or_that_is_not_known(each_s: float | None) -> None:
    result = break_even(1e-6, 500.2e-6, 10, 2, 2, 0.03, each_s)
    for threshold in (result.map_only, result.with_start):
        assert threshold.items is None
        assert threshold.seconds_per_item is not None


def test_workers_beyond_the_usable_cpus_save_nothing_more() -> None:
    assert break_even(1e-6, 500e-6, 10, workers=8, usable_cpus=2) == break_even(1e-6, 500e-6, 10, 2, 2)


@pytest.mark.parametrize(("workers", "usable", "why"), [(1, 8, "one worker"), (8, 1, "one CPU")])
def test_one_at_a_time_never_wins(workers: int, usable: int, why: str) -> None:
    result = break_even(1e-3, 0.02, 10, workers, usable, 0.1)
    for threshold in (result.map_only, result.with_start):
        assert (threshold.seconds_per_item, threshold.items) == (None, None)
        assert threshold.why == why


def test_where_the_work_outweighs_the_overhead_it_cannot_tell() -> None:
    """10 items of 1 s in 5.2 s: the 0.2 s may be unequal shares as well as overhead."""
    result = break_even(1.0, 5.2, 10, 2, 2, start_stop_s=0.03)
    assert result.map_only == Threshold(result.overhead_s, None, None, "work outweighs")
    assert result.overhead_s == pytest.approx(0.2)
    assert result.with_start.items is None


def test_a_start_that_outweighs_the_work_can_be_told_though_the_map_cannot() -> None:
    result = break_even(0.001, 0.0055, 10, 2, 2, start_stop_s=0.5003)
    assert result.map_only.items is None
    assert result.with_start.items == 1002  # 0.5008 s of cost over half a millisecond saved an item


def test_a_map_faster_than_the_model_has_no_overhead() -> None:
    assert break_even(1.0, 4.0, 10, 2, 2).overhead_s == 0.0


def test_a_single_item_cannot_be_shared_out_but_more_of_them_can() -> None:
    result = break_even(0.001, 0.0105, 1, 4, 4)
    assert result.map_only.seconds_per_item is None
    assert result.map_only.items == 13  # 9.5 ms of overhead over 0.75 ms saved an item
    assert result.map_only.why == "single item"


def test_few_items_save_all_but_one_of_them() -> None:
    """8 workers, 1 s an item, 2.5 s of overhead: in the pool 3 items as well as 4 take 3.5 s."""
    assert break_even(1.0, 3.5, 8, 8, 8).map_only.items == 4


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_times_that_are_none_are_refused(bad: float) -> None:
    for times in ((bad, 1.0, 0.0), (1.0, bad, 0.0), (1.0, 1.0, bad), (0.0, 1.0, 0.0)):
        with pytest.raises(ValueError, match="times must be"):
            break_even(times[0], times[1], 10, 2, 2, times[2])


@pytest.mark.parametrize("counts", [(0, 2, 2), (10, 0, 2), (10, 2, 0)])
def test_counts_below_one_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        break_even(1.0, 1.0, *counts)


@given(SECONDS, st.floats(min_value=1.0, max_value=1e4), st.integers(2, 1000), COUNTS, COUNTS)
def test_at_the_answer_the_model_itself_just_wins(
    seconds: float, factor: float, items: int, workers: int, usable: int
) -> None:
    side_by_side = min(workers, usable)
    assume(side_by_side > 1)
    pool_s = map_time(factor * items * seconds, seconds, items, side_by_side)
    result = break_even(seconds, pool_s, items, workers, usable)
    least, work = result.map_only.items, result.map_only.seconds_per_item
    assert least is not None
    assert work is not None
    assert map_time(result.overhead_s, seconds, least, side_by_side) <= least * seconds * (1 + 1e-9)
    if least > 1:
        assert map_time(result.overhead_s, seconds, least - 1, side_by_side) >= (least - 1) * seconds * (1 - 1e-9)
    assert map_time(result.overhead_s, work, items, side_by_side) == pytest.approx(items * work)


@given(SECONDS, SECONDS, st.integers(2, 1000), COUNTS, COUNTS)
def test_wherever_the_pool_lost_it_can_tell(
    seconds: float, beyond: float, items: int, workers: int, usable: int
) -> None:
    assume(min(workers, usable) > 1)
    result = break_even(seconds, (items * seconds + beyond) * (1 + 1e-9), items, workers, usable)
    assert result.map_only.items is not None
    assert result.map_only.items > items * (1 - 1e-9)
    assert result.map_only.seconds_per_item is not None
    assert result.map_only.seconds_per_item >= seconds * (1 - 1e-9)


@given(SECONDS, SECONDS, st.integers(1, 1000), COUNTS, COUNTS, SECONDS, SECONDS)
def test_a_dearer_start_never_lowers_the_threshold(
    seconds: float, pool_s: float, items: int, workers: int, usable: int, start: float, more: float
) -> None:
    cheap = break_even(seconds, pool_s, items, workers, usable, start).with_start
    dear = break_even(seconds, pool_s, items, workers, usable, start + more).with_start
    if cheap.items is not None:
        assert dear.items is not None
        assert dear.items >= cheap.items


@given(SECONDS, SECONDS, st.integers(1, 1000), COUNTS, COUNTS, st.sampled_from([2.0**-10, 0.5, 2.0, 1024.0]))
def test_another_unit_of_time_scales_the_seconds_and_keeps_the_items(
    seconds: float, pool_s: float, items: int, workers: int, usable: int, unit: float
) -> None:
    plain = break_even(seconds, pool_s, items, workers, usable).map_only
    scaled = break_even(seconds * unit, pool_s * unit, items, workers, usable).map_only
    assert scaled.items == plain.items
    if plain.seconds_per_item is not None:
        assert scaled.seconds_per_item == pytest.approx(plain.seconds_per_item * unit)


def test_the_idle_tail_is_the_mean_wait_for_the_last() -> None:
    assert idle_tail([10.0, 12.0], wall_s=4.0) == pytest.approx(0.25)  # one of two waits 2 s of 4
    assert idle_tail([3.0], wall_s=1.0) == 0.0
    assert idle_tail([0.0, 0.0, 0.0, 1.0], wall_s=1.0) == pytest.approx(0.75)


@given(st.lists(st.floats(min_value=0.0, max_value=1.0), min_size=1, max_size=64))
def test_the_idle_tail_is_a_share_and_no_clocks_start_matters(ends: list[float]) -> None:
    tail = idle_tail(ends, wall_s=1.0)
    assert 0 <= tail <= 1 - 1 / len(ends) + 1e-12
    assert idle_tail([end + 1000 for end in ends], wall_s=1.0) == pytest.approx(tail, abs=1e-9)


@pytest.mark.parametrize(("ends", "wall"), [([], 1.0), ([1.0], 0.0), ([1.0], math.nan)])
def test_an_idle_tail_of_nothing_is_refused(ends: list[float], wall: float) -> None:
    with pytest.raises(ValueError, match="idle tail"):
        idle_tail(ends, wall)


def test_efficiency_is_speed_up_a_worker() -> None:
    assert efficiency(3.0, 4) == 0.75
    with pytest.raises(ValueError, match="at least one"):
        efficiency(1.0, 0)
