"""The differences that results show by themselves."""

from __future__ import annotations

import time
from typing import Any

import numpy
import pytest
from poolscope.runner.host.difference import explained, is_of_fast_clock


@pytest.mark.parametrize(
    ("results", "expected", "code"),
    [
        ([1], [1, 2], "count"),
        ([1.0, 2.0 + 1e-12], [1.0, 2.0], "rounding"),
        ([{"sum": 0.1 + 0.2}], [{"sum": 0.3}], "rounding"),
        ([[1e-20, 1.0]], [[3e-20, 1.0]], "rounding"),  # beside 1.0
        ([1e-20], [3e-20], "unknown"),
        ([1.0, 2.001], [1.0, 2.0], "unknown"),
        ([2.0 + 1e-12, "b"], [2.0, "c"], "unknown"),
        ([["b", "a"], [1]], [["a", "b"], [1]], "order"),
        (["b, a"], ["a, b"], "order"),
        ([["a", "a", "b"]], [["a", "b", "b"]], "unknown"),
        (["at 2026-05-01 10:00:00.25"], ["at 2026-05-01 10:00:01.5"], "clock"),
        (["row 3 at 2026-05-01T10:00"], ["row 4 at 2026-05-01T10:01"], "unknown"),
        (["<a object at 0x7f01>"], ["<a object at 0x7f02>"], "address"),
        (["0x7f01"], ["0x7f02"], "unknown"),
        ([float("nan")], [1.0], "unknown"),
        ([float("inf")], [1.0], "unknown"),
    ],
)
def test_results_tell_how_they_differ(results: list[Any], expected: list[Any], code: str) -> None:
    assert explained(results, expected, kind="process").code == code


def test_numbers_that_two_items_share_by_nature_are_no_random_numbers() -> None:
    thirds = [0.1234567890123, 0.1234567890123]
    assert explained([0.9876543210987, 0.9876543210987], thirds, kind="process").code == "unknown"
    drawn = [0.1234567890123, 0.2345678901234]
    found = explained([0.9876543210987, 0.9876543210987], drawn, kind="process", drawn=["rng"])
    assert (found.code, found.pair, found.repeated, found.names) == ("same-random-state", (0, 1), 2, ("rng",))
    assert explained([0.9876543210987, 0.9876543210987], drawn, kind="thread").code == "unknown"


def test_what_is_drawn_in_another_order_in_one_process_is_no_order_of_sets() -> None:
    assert explained([[3, 1, 2]], [[1, 2, 3]], kind="serial", drawn=["deck"]).code == "random"
    assert explained([[3, 1, 2]], [[1, 2, 3]], kind="serial").code == "order"


def test_rows_that_two_items_share_were_drawn_from_one_state() -> None:
    one, other = [3, 1, 4, 0, 5, 2], [2, 5, 0, 4, 1, 3]
    header = ["a", "b", "c", "d", "e", "f"]  # in every result, of the loop as well
    drawn = [[header, one], [header, one]]
    found = explained(drawn, [[header, one], [header, other]], kind="process", drawn=["deck"])
    assert (found.code, found.pair, found.names) == ("same-random-state", (0, 1), ("deck",))
    assert explained([[one[:3]], [one[:3]]], [[other[:3]], [one[:3]]], kind="process", drawn=["deck"]).code == "random"


def test_a_time_of_the_fast_clock_is_one_of_a_short_while_ago() -> None:
    now = time.perf_counter()
    results = [{"at": now}, {"at": now - 0.25}]
    assert is_of_fast_clock(now) == (now > 300)
    expected = "clock" if now > 300.25 else "unknown"
    assert explained(results, [{"at": now - 1.5}, {"at": now - 1.25}], kind="process").code == expected


def test_arrays_round_by_their_precision() -> None:
    single = numpy.ones(3, numpy.float32)
    assert explained([single * (1 + 1e-6)], [single], kind="process").code == "rounding"
    assert explained([numpy.ones(3) * (1 + 1e-6)], [numpy.ones(3)], kind="process").code == "unknown"
    assert explained([numpy.ones(4)], [numpy.ones(3)], kind="process").code == "unknown"


@pytest.mark.parametrize(
    ("result", "expected", "code"),
    [
        ("/tmp/tmpgwx4j0ds", "/tmp/tmpgsxpyedm", "token"),
        ("batch-20261130-17", "batch-20261130-18", "unknown"),
    ],
)
def test_words_that_were_drawn_agree_in_few_places(result: str, expected: str, code: str) -> None:
    assert explained([result], [expected], kind="serial").code == code
