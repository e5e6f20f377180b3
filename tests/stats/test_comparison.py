"""Comparisons of made times, with and without a winner: how often they are right, and which facts must agree."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poolscope.stats.comparison import Comparison, Contrasts, TimedConfiguration, compare

unhurried = settings(deadline=None, max_examples=25)
TIMES = st.lists(st.floats(min_value=1e-6, max_value=1e3), min_size=1, max_size=8).map(tuple)


def times(rng: random.Random, count: int, middle: float = 0.1, spread: float = 0.03) -> tuple[float, ...]:
    """Log-normal, and one in 25 held up by something else, half as long again on average."""
    return tuple(
        middle * rng.lognormvariate(0, spread) * (1 + rng.expovariate(2) * (rng.random() < 0.04)) for _ in range(count)
    )


def quiet(rng: random.Random, count: int, middle: float = 0.1) -> tuple[float, ...]:
    return tuple(middle * rng.lognormvariate(0, 0.03) for _ in range(count))


def comparison_of(loop: tuple[float, ...], *configs: tuple[float, ...]) -> Comparison:
    """Configurations are named 0, 1, 2 … and cost as much."""
    result = compare(loop, [TimedConfiguration(str(i), samples, (i,)) for i, samples in enumerate(configs)])
    assert result is not None
    return result


@pytest.mark.parametrize(("configs", "count"), [(1, 3), (1, 20), (16, 3), (16, 20), (40, 8)])
def test_no_difference_at_all_is_no_clear_winner_in_93_of_100_trials(configs: int, count: int) -> None:
    rng = random.Random(1000 * configs + count)
    outcomes = Counter(comparison_of(*(times(rng, count) for _ in range(configs + 1))).outcome for _ in range(100))
    assert outcomes["no clear winner"] >= 93


@pytest.mark.parametrize(("configs", "count"), [(3, 5), (16, 3), (40, 5)])
def test_cells_that_spread_unequally_do_not_win_by_their_spread(configs: int, count: int) -> None:
    """Half a percent to a tenth, where one pooled variance would be wrong in a tenth of the trials and more."""
    rng = random.Random(1000 * configs + count)

    def unequal() -> tuple[float, ...]:
        return times(rng, count, spread=0.005 * 20 ** rng.random())

    outcomes = Counter(comparison_of(*(unequal() for _ in range(configs + 1))).outcome for _ in range(100))
    assert outcomes["no clear winner"] >= 93


def test_pools_that_are_equally_fast_all_tie_in_93_of_100_trials() -> None:
    rng = random.Random(8)
    results = [comparison_of(times(rng, 5, 0.4), *(times(rng, 5) for _ in range(12))) for _ in range(100)]
    assert sum(len(result.tied) == 12 for result in results) >= 93
    assert sum(result.outcome == "pool" for result in results) >= 95


@pytest.mark.parametrize(("configs", "count"), [(1, 3), (16, 3), (40, 5)])
def test_a_real_gain_of_a_third_is_found(configs: int, count: int) -> None:
    rng = random.Random(1000 * configs + count)
    results = [
        comparison_of(quiet(rng, count), quiet(rng, count, 0.1 / 1.3), *(quiet(rng, count) for _ in range(configs - 1)))
        for _ in range(40)
    ]
    assert sum((result.outcome, result.best, result.recommended) == ("pool", "0", "0") for result in results) >= 38


def test_one_outlier_in_the_loop_hides_no_compare() -> None:
    loop = (0.200, 0.201, 0.199, 0.5, 0.202)
    result = comparison_of(loop, (0.101, 0.100, 0.102, 0.099, 0.100), (0.150, 0.151, 0.149, 0.150, 0.152))
    assert (result.outcome, result.best, result.beats_loop, result.tied) == ("pool", "0", True, ("0",))
    assert result.gain.value == pytest.approx(2.01)


def test_of_tied_cells_the_cheapest_is_recommended() -> None:
    four, two = (0.0500, 0.0510, 0.0490, 0.0505, 0.0495), (0.0503, 0.0512, 0.0494, 0.0507, 0.0499)
    configs = [TimedConfiguration("four workers", four, (4, 0)), TimedConfiguration("two workers", two, (2, 0))]
    result = compare((0.100, 0.101, 0.099, 0.102, 0.098), configs)
    assert result is not None
    assert (result.best, result.recommended) == ("four workers", "two workers")
    assert result.tied == ("two workers", "four workers")


def test_a_cheap_cell_that_only_its_spread_ties_is_not_recommended() -> None:
    wide = (0.045, 0.075, 0.060, 0.095, 0.058)
    configs = [
        TimedConfiguration("four", (0.0500, 0.0510, 0.0490, 0.0505, 0.0495), (4,)),
        TimedConfiguration("one", wide, (1,)),
    ]
    result = compare((0.2, 0.201, 0.199, 0.202, 0.198), configs)
    assert result is not None
    assert result.tied == ("one", "four")
    assert result.recommended == "four"


def test_one_that_is_surely_faster_is_recommended_though_the_times_of_the_fastest_spread_too_widely() -> None:
    """As one thread beside two processes, on a machine that others use."""
    configs = [
        TimedConfiguration("one", (0.065, 0.230, 0.086, 0.250, 0.080), (1,)),
        TimedConfiguration("two", (0.088, 0.090, 0.086, 0.091, 0.089), (2,)),
    ]
    result = compare((0.2, 0.201, 0.199, 0.202, 0.198), configs)
    assert result is not None
    assert (result.best, result.beats_loop) == ("one", None)
    assert (result.outcome, result.recommended) == ("pool", "two")


# A twentieth faster than a loop of 0.1 s or a little more, and a seventh.
LOOP = (0.100, 0.104, 0.097, 0.101, 0.099, 0.103)
TWENTIETH = (0.0952, 0.0949, 0.0961, 0.0957, 0.0946, 0.0955)
SEVENTH = (0.0880, 0.0872, 0.0885, 0.0878, 0.0883, 0.0875)


def among_lost(*configs: TimedConfiguration, gain_is_shown: bool = False) -> Comparison:
    """Among thirty others that are slower than the loop, all of which are allowed for."""
    others = [TimedConfiguration(f"slower {i}", tuple(1.5 * t for t in LOOP), (9, i)) for i in range(30)]
    found = compare(LOOP, [*configs, *others], looks=9, gain_is_shown=gain_is_shown)
    assert found is not None
    return found


def test_once_one_is_shown_to_gain_the_cheaper_equal_is_asked_alone() -> None:
    cheap, dear = TimedConfiguration("cheap", TWENTIETH, (1,)), TimedConfiguration("dear", SEVENTH, (2,))
    lone, both = among_lost(cheap), among_lost(cheap, dear)

    assert (lone.outcome, "cheap" in lone.faster) == ("no clear winner", False)
    assert {"dear", "cheap"} <= both.faster
    assert both.recommended == ("cheap" if "cheap" in both.equal else "dear")
    shown_by_others = among_lost(cheap, gain_is_shown=True)
    assert (shown_by_others.outcome, shown_by_others.recommended) == ("pool", "cheap")


def test_what_is_gained_below_a_bound_of_its_own_is_no_cheaper_equal() -> None:
    """Threads that take turns on two CPUs are a few percent faster, which is no reason for a pool."""
    found = among_lost(TimedConfiguration("threads", TWENTIETH, (1,), worth=1.1), gain_is_shown=True)
    assert (found.outcome, found.recommended) == ("small gain", None)


def test_one_whose_own_interval_holds_1_is_recommended_by_no_other_one_s_gain() -> None:
    cheap, dear = TimedConfiguration("cheap", LOOP[::-1], (1,)), TimedConfiguration("dear", SEVENTH, (2,))
    found = among_lost(cheap, dear)
    assert (found.outcome, found.recommended) == ("pool", "dear")


def test_the_loop_wins_where_every_pool_is_shown_slower() -> None:
    loop = (0.0010, 0.0011, 0.0010, 0.0012, 0.0010)
    result = comparison_of(loop, (0.005, 0.0051, 0.0052, 0.0049, 0.005), (0.05, 0.051, 0.049, 0.05, 0.052))
    assert (result.outcome, result.beats_loop, result.loop_beats_all) == ("loop", False, True)
    assert result.recommended is None


def test_one_pool_as_fast_as_the_loop_leaves_no_clear_compare() -> None:
    loop = (0.100, 0.101, 0.099, 0.102, 0.098)
    result = comparison_of(loop, (0.5, 0.51, 0.49, 0.5, 0.52), (0.101, 0.099, 0.100, 0.102, 0.0985))
    assert (result.outcome, result.best, result.beats_loop) == ("no clear winner", "1", None)
    assert (result.loop_beats_all, result.recommended) == (False, None)
    assert result.tied == ("1",)


def test_a_gain_of_two_percent_is_real_and_not_worth_a_pool() -> None:
    loop = (0.10200, 0.10201, 0.10199, 0.10202, 0.10198)
    result = comparison_of(loop, (0.10000, 0.10001, 0.09999, 0.10002, 0.09998))
    assert (result.outcome, result.beats_loop) == ("small gain", True)
    assert result.recommended is None


def test_too_few_repetitions_name_the_fastest_and_claim_nothing() -> None:
    result = comparison_of((0.3, 0.3), (0.2,), (0.1, 0.1))
    assert (result.outcome, result.best, result.beats_loop, result.tied) == ("too few", "1", None, ())
    assert (result.gain.low, result.left_out, result.compared) == (None, ("0", "1"), 0)


def test_a_cell_with_few_repetitions_is_left_out_of_the_judgement() -> None:
    result = comparison_of((0.3, 0.31, 0.3), (0.01, 0.01), (0.1, 0.11, 0.1))
    assert (result.best, result.left_out, result.compared) == ("1", ("0",), 1)


def test_cells_without_a_sample_and_a_loop_without_one_give_no_verdict() -> None:
    assert compare((), [TimedConfiguration("a", (0.1, 0.1, 0.1))]) is None
    assert compare((0.1, 0.1, 0.1), [TimedConfiguration("a", ())]) is None


def test_samples_that_are_all_alike_leave_no_doubt() -> None:
    assert comparison_of((0.2,) * 5, (0.1,) * 5, (0.1,) * 5).outcome == "pool"
    assert comparison_of((0.2,) * 5, (0.2,) * 5).outcome == "no clear winner"


def test_times_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        comparison_of((0.1, 0.1, 0.1), (0.0, 0.1, 0.1))


def test_more_comparisons_ask_for_a_larger_difference() -> None:
    pair = Contrasts.of([(0.110, 0.111, 0.109, 0.112), (0.100, 0.104, 0.097, 0.101)])
    assert pair.shows_slower(0, 1, 1)
    assert not pair.shows_slower(0, 1, 1000)
    assert not pair.shows_slower(1, 0, 1)


def test_three_samples_borrow_the_spread_that_all_cells_share() -> None:
    """Alone, two configs of three say little; among ten that spread alike, they say more."""
    rng = random.Random(3)
    two = [tuple(rng.lognormvariate(0.15 * i, 0.03) for _ in range(3)) for i in (1, 0)]
    others = [tuple(rng.lognormvariate(0, 0.03) for _ in range(3)) for _ in range(8)]
    alone, among = Contrasts.of(two), Contrasts.of(two + others)
    assert not alone.shows_slower(0, 1, 10)
    assert among.shows_slower(0, 1, 10)
    assert among.degrees[0] > alone.degrees[0]


@unhurried
@given(TIMES, st.lists(TIMES, min_size=1, max_size=5))
def test_the_facts_agree_with_each_other(loop: tuple[float, ...], configs: list[tuple[float, ...]]) -> None:
    result = comparison_of(loop, *configs)
    assert result.compared + len(result.left_out) == len(configs) or result.outcome == "too few"
    if result.outcome != "too few":
        assert result.best in result.tied
        assert (result.outcome == "loop") == result.loop_beats_all
        assert (result.outcome in ("pool", "small gain")) == (result.beats_loop is True)
    assert (result.recommended is not None) == (result.outcome == "pool")
    assert result.recommended is None or result.recommended in result.tied
    scaled = comparison_of(tuple(t * 4 for t in loop), *(tuple(t * 4 for t in config) for config in configs))
    assert (scaled.outcome, scaled.best, scaled.tied) == (result.outcome, result.best, result.tied)
