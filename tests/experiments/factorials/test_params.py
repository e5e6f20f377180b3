"""What may be asked of the factorials, and the sentences for what may not."""

from __future__ import annotations

from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.experiments.factorials.params import FactorialsParams
from poolscope.experiments.parameters import parse


def test_the_defaults_are_one_to_ten_in_five_threads() -> None:
    asked = parse(FactorialsParams, {})
    assert asked.model_dump() == {"first": 1, "last": 10, "workers": 5, "kind": "thread", "time_limit": 10}


@pytest.mark.parametrize(
    "raw",
    [
        {"first": "-10", "last": "5", "workers": "64", "kind": "process", "time_limit": "0.001"},
        {"first": 4001, "last": 5000},
        {"first": 7, "last": 7},
        {"first": "", "last": " "},
    ],
)
def test_the_bounds_themselves_and_empty_fields_are_allowed(raw: dict[str, Any]) -> None:
    parse(FactorialsParams, raw)


@pytest.mark.parametrize(
    ("raw", "name", "sentence"),
    [
        ({"first": -11}, "first", "first must be a whole number from -10 to 5,000; -11 is not."),
        ({"last": 5001}, "last", "last must be a whole number from -10 to 5,000; 5001 is not."),
        ({"first": "one"}, "first", "first must be a whole number from -10 to 5,000; 'one' is not."),
        ({"first": 1.5}, "first", "first must be a whole number from -10 to 5,000; 1.5 is not."),
        ({"workers": 0}, "workers", "workers must be a whole number from 1 to 64; 0 is not."),
        ({"workers": 65}, "workers", "workers must be a whole number from 1 to 64; 65 is not."),
        ({"kind": "fiber"}, "kind", "kind must be one of thread, process; 'fiber' is not."),
        ({"time_limit": 0}, "time_limit", "time_limit must be a number from 0.001 to 60; 0 is not."),
        ({"time_limit": "nan"}, "time_limit", "time_limit must be a number from 0.001 to 60; 'nan' is not."),
        ({"first": 7, "last": 3}, "last", "last must not be less than first; 3 is less than 7."),
        ({"first": 20}, "last", "last must not be less than first; 10 is less than 20."),
        (
            {"first": 1, "last": 1001},
            "last",
            "last must leave at most 1,000 numbers to do; 1 to 1001 are 1,001.",
        ),
        ({"upto": 3}, "upto", "upto is not a parameter here. There are: first, last, workers, kind, time_limit."),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(raw: dict[str, Any], name: str, sentence: str) -> None:
    with pytest.raises(BadParameters) as caught:
        parse(FactorialsParams, raw)
    assert [(one.name, one.message) for one in caught.value.errors] == [(name, sentence)]
