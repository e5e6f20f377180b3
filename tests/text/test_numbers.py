"""Numbers and times as text: their digits, their units, and an en dash for what is not known."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poolscope.stats.intervals import Ratio
from poolscope.text import numbers
from poolscope.text.numbers import FILTERS, GAP, NARROW
from poolscope.text.sentences import fill

UNITS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


def plain(text: str) -> str:
    """A text with plain spaces and an ASCII minus, to be read in a test."""
    return text.replace(NARROW, " ").replace(GAP, " ").replace("\u2212", "-")


@pytest.mark.parametrize(
    ("word", "value", "text"),
    [
        (numbers.whole, 0, "0"),
        (numbers.whole, 999, "999"),
        (numbers.whole, 12345, "12 345"),
        (numbers.whole, -1234567, "-1 234 567"),
        (numbers.whole, 41.6, "42"),
        (numbers.decimal, 6.44, "6.4"),
        (numbers.decimal, -1234.56, "-1 234.6"),
        (numbers.ms, 0.0048, "4.8"),
        (numbers.percent, 0.755, "76"),
        (numbers.percent, 1, "100"),
        (numbers.percent, 0.0004, "<1"),
        (numbers.percent, 0, "0"),
        (numbers.times, 1.914, "1.91×"),
        (numbers.duration, 0, "0 s"),
        (numbers.duration, 4.8e-10, "0.48 ns"),
        (numbers.duration, 3.81e-6, "3.81 µs"),
        (numbers.duration, 0.105, "105 ms"),
        (numbers.duration, 0.01, "10.0 ms"),
        (numbers.duration, 0.9994, "999 ms"),
        (numbers.duration, 0.9999, "1.00 s"),
        (numbers.duration, 1.92, "1.92 s"),
        (numbers.duration, 119.4, "119 s"),
        (numbers.duration, 125.9, "2 min 5 s"),
        (numbers.duration, 3599, "59 min 59 s"),
        (numbers.duration, 3780, "1 h 3 min"),
        (numbers.duration, -1, "0 s"),
        (numbers.roughly, 92, "about 90 s"),
        (numbers.roughly, 160, "about 3 min"),
        (numbers.size, 512, "512 B"),
        (numbers.size, 3287, "3.21 KiB"),
        (numbers.size, 150 * 2**20, "150 MiB"),
        (numbers.size, 2**40, "1024 GiB"),
        (numbers.size, None, "–"),
        (numbers.frequency, 2596.122, "2.60 GHz"),
        (numbers.frequency, 800, "800 MHz"),
        (numbers.frequency, None, "–"),
        (numbers.ratio, 1.9149, "1.91"),
        (numbers.ratio, 0, "0.00"),
        (numbers.ratio, 12.345, "12.3"),
        (numbers.ratio, 123.4, "123"),
        (numbers.ratio, 12345.6, "12 346"),
        (numbers.times, 0.0134, "0.013×"),
        (numbers.ratio, 0.0047, "0.0047"),
        (numbers.ratio, 0.003, "0.0030"),
        (numbers.factor, 2.34, "2.3"),
        (numbers.factor, 1651, "1 650"),
        (numbers.three_significant, 0.00302, "0.00302"),
        (numbers.three_significant, 151.4, "151"),
        (numbers.three_significant, 1641.9, "1 642"),
        (numbers.ratio, 0.00001, "1.0e-05"),
        (numbers.three_digits, 9.994, "9.99"),
        (numbers.three_digits, 9.996, "10.0"),
        (numbers.three_digits, 99.96, "100"),
    ],
)
def test_a_number_in_words(word: Callable[[Any], str], value: float, text: str) -> None:
    assert plain(word(value)) == text


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_what_is_not_known_is_a_dash_and_never_0(name: str) -> None:
    word: Callable[[Any], str] = FILTERS[name]
    assert word(None) == "\u2013"


def test_an_interval_names_the_confidence_that_it_really_has() -> None:
    assert plain(numbers.interval(1.887, 1.921, 0.9375)) == "94% CI 1.89\u20131.92"
    assert plain(numbers.interval_of(Ratio(1.9, 1.887, 1.921, 0.9375))) == "94% CI 1.89\u20131.92"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Ratio(1.9, 1.887, 1.921, 0.95), "1.90× as fast as it (95% CI 1.89\u20131.92)"),
        (Ratio(0.47, 0.25, 0.5, 0.95), "2.13× slower than it (95% CI 2.00\u20134.00)"),
        (Ratio(0.9964, 0.99, 0.998, 0.95), "1.00× as fast as it (95% CI 0.99\u20131.00)"),
        (Ratio(0.97, 0.96, 0.98, 0.95), "1.03× slower than it (95% CI 1.02\u20131.04)"),
        # Where 1 is in the interval, it may as well be faster.
        (Ratio(0.9964, 0.99, 1.0, 0.95), "about as fast as it (95% CI 0.99\u20131.00)"),
        (Ratio(0.985, 0.9, 1.1, 0.95), "about as fast as it (95% CI 0.90\u20131.10)"),
        (Ratio(1.04, 0.9, 1.1, 0.95), "about as fast as it (95% CI 0.90\u20131.10)"),
        (Ratio(0.8, 0.5, 1.25, 0.95), "0.80× as fast as it (95% CI 0.50\u20131.25)"),
        (Ratio(1.3, 0.9, 1.5, 0.95), "1.30× as fast as it (95% CI 0.90\u20131.50)"),
        (Ratio(0.985, None, None), "about as fast as it ()"),
        (Ratio(0.8, None, None), "1.25× slower than it ()"),
    ],
)
def test_a_loss_is_told_by_how_many_times_slower_with_the_interval_of_that(ratio: Ratio, text: str) -> None:
    sentence = {"it": "{gain:compared with} it ({gain:compared interval})"}
    assert plain(fill(sentence, "it", {"gain": ratio})) == text
    assert numbers.interval(None, 1.0, 0.95) == ""
    assert numbers.interval(1.0, None, 0.95) == ""


def test_stamps_are_told_in_the_servers_own_zone() -> None:
    moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    local = moment.astimezone()
    assert numbers.clock(moment.isoformat()) == local.strftime("%H:%M:%S")
    assert numbers.day(moment.isoformat()) == local.strftime("%Y-%m-%d")
    assert numbers.seconds_between(moment.isoformat(), (moment + timedelta(seconds=1.5)).isoformat()) == 1.5
    assert numbers.seconds_between(None, moment.isoformat()) is None
    assert numbers.seconds_between(moment.isoformat(), None) is None


@settings(deadline=None)
@given(st.floats(min_value=1e-9, max_value=1e7))
def test_a_duration_says_what_it_was_to_three_digits(seconds: float) -> None:
    text = plain(numbers.duration(seconds))
    parts = re.findall(r"([\d.]+) (\w+)", text)
    assert " ".join(f"{number} {unit}" for number, unit in parts) == text
    said = sum(float(number) * UNITS[unit] for number, unit in parts)
    step = UNITS[parts[-1][1]] if len(parts) > 1 else 0.0  # minutes and hours are cut, not rounded
    assert abs(said - seconds) <= max(0.006 * seconds, step)
    assert all(sum(character.isdigit() for character in number) <= 4 for number, _ in parts)


@settings(deadline=None)
@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_a_whole_number_can_be_read_back(number: int) -> None:
    text = numbers.whole(number)
    assert int(plain(text).replace(" ", "")) == number
    assert " " not in text, "it may not break"


@settings(deadline=None)
@given(st.floats(min_value=1e-12, max_value=1e6))
def test_a_ratio_keeps_two_digits_that_say_something(value: float) -> None:
    said = float(numbers.ratio(value).replace(NARROW, ""))
    assert said == pytest.approx(value, rel=0.06)


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "run", "0 runs"),
        (1, "run", "1 run"),
        (1500, "run", "1 500 runs"),
        (1, "process", "1 process"),
        (2, "process", "2 processes"),
        (2, "batch", "2 batches"),
        (2, "retry", "2 retries"),
        (2, "delay", "2 delays"),
        (2, "CPU", "2 CPUs"),
    ],
)
def test_a_count_has_its_noun(number: int, noun: str, text: str) -> None:
    assert numbers.count(number, noun).replace(NARROW, " ").replace(GAP, " ") == text


def test_a_sentence_has_its_thousands_apart_but_quotes_what_was_typed() -> None:
    typed = "must be 1 to 60,000, such as 1, 200; '70,000' is not, nor are 1,2345 or 1,000,000."
    assert plain(numbers.typeset(typed)) == (
        "must be 1 to 60 000, such as 1, 200; '70,000' is not, nor are 1,2345 or 1 000 000."
    )


def test_an_ordinal_has_its_ending() -> None:
    places = [numbers.ordinal(place) for place in (1, 2, 3, 4, 11, 12, 13, 21, 112)]
    assert places == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]


def test_cpus_agree_with_their_number() -> None:
    cpus = [numbers.cpus_usable(number).replace(GAP, " ") for number in (1, 4)]
    assert cpus == ["1 CPU is usable", "4 CPUs are usable"]
