"""Lists, plurals, ordinals and a sentence's beginning."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from poolscope.text import language
from poolscope.text.numbers import GAP, NARROW


@pytest.mark.parametrize(
    ("values", "text"),
    [((), ""), (("a",), "a"), ((1, 2), "1 and 2"), ((1, 2, 4), "1, 2 and 4"), ((n for n in "ab"), "a and b")],
)
def test_a_list_ends_with_and(values: Iterable[object], text: str) -> None:
    assert language.format_list(values) == text


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
    assert language.count(number, noun).replace(NARROW, " ").replace(GAP, " ") == text


def test_workers_and_cpus_agree_with_their_number() -> None:
    workers = [language.workers(*sizes).replace(GAP, " ") for sizes in ((1,), (4,), (2, 4, 6))]
    assert workers == ["1 worker", "4 workers", "2, 4 and 6 workers"]
    cpus = [language.cpus_usable(number).replace(GAP, " ") for number in (1, 4)]
    assert cpus == ["1 CPU is usable", "4 CPUs are usable"]


def test_an_ordinal_has_its_ending() -> None:
    places = [language.ordinal(place) for place in (1, 2, 3, 4, 11, 12, 13, 21, 112)]
    assert places == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]


def test_only_the_first_letter_of_a_sentence_changes() -> None:
    assert language.capital("in 2 ProcessPoolExecutor workers") == "In 2 ProcessPoolExecutor workers"
    assert language.capital("") == ""
