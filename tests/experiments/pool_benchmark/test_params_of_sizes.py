"""What may be asked of the pool sizes, from a form, JSON or the command line, and what each refusal says."""

from __future__ import annotations

import json
import multiprocessing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.errors import BadParameters
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.params import PoolSizesParams


def complaints(**asked: Any) -> dict[str, str]:
    with pytest.raises(BadParameters) as refused:
        parse(PoolSizesParams, asked)
    return {complaint.name: complaint.message for complaint in refused.value.errors}


def test_the_defaults_are_the_contracts() -> None:
    assert parse(PoolSizesParams, {}).model_dump(mode="json") == {
        "sizes": [2, 4, 6, 8],
        "first": 1,
        "last": 10,
        "workload": "square",
        "work_ms": None,
        "repeats": 5,
        "start_method": None,
        "chunksize": 0,
        "method": "map",
    }


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("2, 4, 6, 8", [2, 4, 6, 8]),
        ("1-4, 8", [1, 2, 3, 4, 8]),
        ("3", [3]),
        (" 2 4;6 ", [2, 4, 6]),
        ("1 - 3", [1, 2, 3]),
        ("8,2", [8, 2]),
        ("64", [64]),
        (5, [5]),
        ([4, 2], [4, 2]),
        (["2", "4-5"], [2, 4, 5]),
    ],
)
def test_sizes_may_be_written_as_people_write_them(text: Any, sizes: list[int]) -> None:
    assert parse(PoolSizesParams, {"sizes": text}).sizes == sizes


@pytest.mark.parametrize(
    "text",
    ["x", "2, x", "0", "65", "4-2", "1-65", "-3", "2.5", "1-2-3", "٣", 0, 65, True, 2.0, None, [2.5], {"a": 1}],
    ids=repr,
)
def test_sizes_that_are_none_are_refused_with_what_is_allowed(text: Any) -> None:
    assert "sizes must be whole numbers from 1 to 64" in complaints(sizes=text)["sizes"]


def test_sizes_are_distinct_and_at_most_sixteen() -> None:
    assert complaints(sizes="2, 4, 2")["sizes"] == "sizes must be distinct; 2 stands there more than once."
    assert complaints(sizes="1-17")["sizes"].startswith("sizes must be 1 to 16 whole numbers")
    assert complaints(sizes=[])["sizes"].endswith("these are 0.")
    assert complaints(sizes=",")["sizes"].endswith("these are 0.")


@given(st.lists(st.integers(1, 64), min_size=1, max_size=16, unique=True))
def test_sizes_come_back_from_their_own_text(sizes: list[int]) -> None:
    assert parse(PoolSizesParams, {"sizes": ", ".join(map(str, sizes))}).sizes == sizes


@given(st.text(max_size=30))
def test_any_text_for_sizes_is_taken_or_refused_in_words(text: str) -> None:
    refused = []
    try:
        parse(PoolSizesParams, {"sizes": text})
    except BadParameters as error:
        refused = [complaint.name for complaint in error.errors]
    assert refused in ([], ["sizes"])


@pytest.mark.parametrize(
    ("asked", "name", "says"),
    [
        ({"first": 5, "last": 4}, "last", "last must not be less than first; 4 is less than 5."),
        ({"first": 1, "last": 100_001}, "last", "at most 100,000 items"),
        ({"first": -1_000_001}, "first", "first must be a whole number from -1,000,000 to 1,000,000"),
        ({"workload": "factorial", "first": -1}, "first", "0 or more for factorial"),
        ({"workload": "factorial", "last": 5001}, "last", "at most 5,000 for factorial"),
        ({"work_ms": 5}, "work_ms", "work_ms must stay empty for square, which has no length"),
        ({"workload": "sha256", "work_ms": 0}, "work_ms", "0"),
        ({"workload": "cube"}, "workload", "one of square, square-sleep"),
        ({"repeats": 0}, "repeats", "from 1 to 100"),
        ({"repeats": 101}, "repeats", "from 1 to 100"),
        ({"start_method": "thread"}, "start_method", "start_method must be one of "),
        ({"chunksize": -1}, "chunksize", "from 0 to 100,000"),
        ({"chunksize": 2, "method": "apply_async"}, "chunksize", "chunksize must be 0 for apply_async"),
        ({"method": "starmap"}, "method", "one of map, imap"),
        ({"colour": "red"}, "colour", "colour is not a parameter here"),
        ({"workload": "square-sleep", "work_ms": 60_000, "repeats": 100}, "work_ms", "work_ms must be less"),
        ({"last": 100_000, "method": "imap", "sizes": "1-16", "repeats": 100}, "repeats", "at most 1 is allowed"),
        ({"work_ms": "nan", "workload": "sha256"}, "work_ms", "nan"),
    ],
)
def test_a_refusal_names_the_parameter_and_says_what_is_allowed(asked: dict[str, Any], name: str, says: str) -> None:
    assert says in complaints(**asked)[name]


@pytest.mark.parametrize("method", [*multiprocessing.get_all_start_methods(), None, ""])
def test_every_start_method_of_this_platform_may_be_asked_for(method: str | None) -> None:
    assert parse(PoolSizesParams, {"start_method": method}).start_method == (method or None)


def test_what_was_asked_can_be_asked_again_from_its_json() -> None:
    asked = parse(PoolSizesParams, {"sizes": "1-3", "workload": "sha256", "work_ms": "2.5", "start_method": "spawn"})
    assert parse(PoolSizesParams, json.loads(asked.model_dump_json())) == asked


def test_the_schema_says_the_bounds() -> None:
    sizes = PoolSizesParams.model_json_schema()["properties"]["sizes"]
    assert sizes["items"] == {"maximum": 64, "minimum": 1, "type": "integer"}
    assert (sizes["minItems"], sizes["maxItems"]) == (1, 16)


def test_a_usual_long_run_is_allowed() -> None:
    parse(PoolSizesParams, {"workload": "square-sleep", "repeats": 20})
    parse(PoolSizesParams, {"last": 100_000, "repeats": 20})
    parse(PoolSizesParams, {"sizes": "1-16", "start_method": "spawn", "repeats": 30})
