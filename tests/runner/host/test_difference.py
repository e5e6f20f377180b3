"""The differences that results show by themselves."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from poolscope.runner.host.difference import explained


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


def test_arrays_round_by_their_precision() -> None:
    single = numpy.ones(3, numpy.float32)
    assert explained([single * (1 + 1e-6)], [single], kind="process").code == "rounding"
    assert explained([numpy.ones(3) * (1 + 1e-6)], [numpy.ones(3)], kind="process").code == "unknown"
    assert explained([numpy.ones(4)], [numpy.ones(3)], kind="process").code == "unknown"
