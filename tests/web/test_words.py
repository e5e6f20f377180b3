"""Numbers and times as text: their digits, their units, and an en dash for what is not known."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.experiments.wording import GAP, NARROW
from app.web import words
from app.web.words import FILTERS

UNITS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


def plain(text: str) -> str:
    """A text with plain spaces and an ASCII minus, to be read in a test."""
    return text.replace(NARROW, " ").replace(GAP, " ").replace("\u2212", "-")


@pytest.mark.parametrize(
    ("word", "value", "text"),
    [
        (words.whole, 0, "0"),
        (words.whole, 999, "999"),
        (words.whole, 12345, "12 345"),
        (words.whole, -1234567, "-1 234 567"),
        (words.whole, 41.6, "42"),
        (words.decimal, 6.44, "6.4"),
        (words.decimal, -1234.56, "-1 234.6"),
        (words.ms, 0.0048, "4.8"),
        (words.percent, 0.755, "76"),
        (words.percent, 1, "100"),
        (words.times, 1.914, "1.91×"),
        (words.duration, 0, "0 s"),
        (words.duration, 4.8e-10, "0.48 ns"),
        (words.duration, 3.81e-6, "3.81 µs"),
        (words.duration, 0.105, "105 ms"),
        (words.duration, 0.01, "10.0 ms"),
        (words.duration, 1.92, "1.92 s"),
        (words.duration, 119.4, "119 s"),
        (words.duration, 125.9, "2 min 5 s"),
        (words.duration, 3599, "59 min 59 s"),
        (words.duration, 3780, "1 h 3 min"),
        (words.duration, -1, "0 s"),
        (words.size, 512, "512 B"),
        (words.size, 3287, "3.21 KiB"),
        (words.size, 150 * 2**20, "150 MiB"),
        (words.size, 2**40, "1024 GiB"),
        (words.size, None, "–"),
        (words.frequency, 2596.122, "2.60 GHz"),
        (words.frequency, 800, "800 MHz"),
        (words.frequency, None, "–"),
        (words.ratio, 1.9149, "1.91"),
        (words.ratio, 0, "0.00"),
        (words.ratio, 0.0047, "0.0047"),
        (words.ratio, 0.00001, "1.0e-05"),
        (words.ordinal, 1, "1st"),
        (words.ordinal, 2, "2nd"),
        (words.ordinal, 3, "3rd"),
        (words.ordinal, 4, "4th"),
        (words.ordinal, 11, "11th"),
        (words.ordinal, 12, "12th"),
        (words.ordinal, 13, "13th"),
        (words.ordinal, 21, "21st"),
        (words.ordinal, 112, "112th"),
        (words.three, 9.994, "9.99"),
        (words.three, 9.996, "10.0"),
        (words.three, 99.96, "100"),
    ],
)
def test_a_number_in_words(word: Callable[[Any], str], value: float, text: str) -> None:
    assert plain(word(value)) == text


@pytest.mark.parametrize("name", sorted(FILTERS.keys() - {"ordinal"}))
def test_what_is_not_known_is_a_dash_and_never_0(name: str) -> None:
    word: Callable[[Any], str] = FILTERS[name]
    assert word(None) == "\u2013"


def test_a_count_has_its_noun() -> None:
    assert [plain(words.count(number, "run")) for number in (0, 1, 2, 1500)] == [
        "0 runs",
        "1 run",
        "2 runs",
        "1 500 runs",
    ]


def test_an_interval_names_the_confidence_that_it_really_has() -> None:
    assert plain(words.interval(1.887, 1.921, 0.9375)) == "94% CI 1.89\u20131.92"
    assert words.interval(None, 1.0, 0.95) == ""
    assert words.interval(1.0, None, 0.95) == ""


def test_stamps_are_told_in_the_servers_own_zone() -> None:
    moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    local = moment.astimezone()
    assert words.clock(moment.isoformat()) == local.strftime("%H:%M:%S")
    assert words.day(moment.isoformat()) == local.strftime("%Y-%m-%d")
    assert words.between(moment.isoformat(), (moment + timedelta(seconds=1.5)).isoformat()) == 1.5
    assert words.between(None, moment.isoformat()) is None
    assert words.between(moment.isoformat(), None) is None


@settings(deadline=None)
@given(st.floats(min_value=1e-9, max_value=1e7))
def test_a_duration_says_what_it_was_to_three_digits(seconds: float) -> None:
    text = plain(words.duration(seconds))
    parts = re.findall(r"([\d.]+) (\w+)", text)
    assert " ".join(f"{number} {unit}" for number, unit in parts) == text
    said = sum(float(number) * UNITS[unit] for number, unit in parts)
    step = UNITS[parts[-1][1]] if len(parts) > 1 else 0.0  # minutes and hours are cut, not rounded
    assert abs(said - seconds) <= max(0.006 * seconds, step)
    assert all(sum(character.isdigit() for character in number) <= 4 for number, _ in parts)


@settings(deadline=None)
@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_a_whole_number_can_be_read_back(number: int) -> None:
    text = words.whole(number)
    assert int(plain(text).replace(" ", "")) == number
    assert " " not in text, "it may not break"


@settings(deadline=None)
@given(st.floats(min_value=1e-12, max_value=1e6))
def test_a_ratio_keeps_two_digits_that_say_something(value: float) -> None:
    said = float(words.ratio(value))
    assert said == pytest.approx(value, rel=0.06)
