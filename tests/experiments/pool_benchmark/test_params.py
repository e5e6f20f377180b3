"""What may be asked of both experiments, from a form, JSON or the command line, and what each refusal says."""

from __future__ import annotations

import json
import multiprocessing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.params import PoolSizesParams, WhichPoolParams
from poolscope.workloads.catalog import OF_WHICH_POOL, WORK_MS


def complaints(model: type[PoolSizesParams | WhichPoolParams], **asked: Any) -> dict[str, str]:
    with pytest.raises(BadParameters) as refused:
        parse(model, asked)
    return {complaint.name: complaint.message for complaint in refused.value.errors}


# which-pool


def test_the_defaults_are_the_contracts() -> None:
    assert parse(WhichPoolParams, {}).model_dump(mode="json") == {
        "workload": "sum-of-squares",
        "work_ms": None,
        "items": 0,
        "kinds": [],
        "sizes": [1, 2, 4, 8],
        "chunksizes": [0],
        "repeats": None,
        "seconds": 30.0,
        "max_tasks": [0],
        "star": False,
        "executor": "",
        "start_methods": [],
        "native_threads": [],
        "pythons": [],
        "limit_s": 60.0,
        "item_limit_s": None,
    }


def test_no_count_means_what_suits_the_built_in_work_and_all_of_the_users_own() -> None:
    assert parse(WhichPoolParams, {}).count == 40
    assert parse(WhichPoolParams, {"workload": "tasks:parse@samples"}).count == 0
    assert parse(WhichPoolParams, {"workload": "tasks:parse@samples", "items": 7}).count == 7


@pytest.mark.parametrize("name", OF_WHICH_POOL)
def test_every_built_in_work_can_be_asked_for_as_it_stands(name: str) -> None:
    asked = parse(WhichPoolParams, {"workload": name})
    assert asked.built_in
    assert asked.count > 0
    assert asked.length_ms == WORK_MS.get(name)


@pytest.mark.parametrize(
    "name",
    [
        "tasks:parse@samples",
        "my.package.tasks:Parser.parse@load+connect",
        "tasks:parse@other.module:samples+setting.up:connect",
        "_private:_f@_i",
        " tasks:parse@samples ",
    ],
)
def test_ones_own_work_may_be_any_well_formed_name(name: str) -> None:
    assert parse(WhichPoolParams, {"workload": name}).workload == name.strip()


@pytest.mark.parametrize(
    "name",
    [
        "cube",
        "tasks:parse",
        "tasks@samples",
        ":parse@samples",
        "tasks:parse@",
        "tasks:parse@samples+",
        "a b:c@d",
        "tasks:parse@samples+a:b:c",
        "../tasks:parse@samples",
        "tasks:parse()@samples",
        "1a:b@c",
        "tasks:parse@x;y",
        "t:" + "f" * 1000 + "@i",
        5,
        True,
        ["square"],
        {"a": 1},
    ],
    ids=repr,
)
def test_what_is_no_name_of_work_is_refused_with_what_is_allowed(name: Any) -> None:
    said = complaints(WhichPoolParams, workload=name)["workload"]
    assert said.startswith("workload must be one of square, sum-of-squares, ")
    assert "module:function@items" in said


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ("", []),
        ("all", []),
        ("thread, all", []),
        ("all, loky", ["thread", "process", "pool", "interpreter", "asyncio", "loky"]),
        ([], []),
        ("threads; Processes", ["thread", "process"]),
        (["asyncio", "pool"], ["asyncio", "pool"]),
        ("serial, thread", ["thread"]),
        ("ProcessPoolExecutor multiprocessing.Pool", ["process", "pool"]),
    ],
)
def test_kinds_may_be_written_as_people_write_them(given: Any, kinds: list[str]) -> None:
    assert parse(WhichPoolParams, {"kinds": given}).kinds == kinds


@pytest.mark.parametrize(
    ("asked", "name", "says"),
    [
        (
            {"kinds": "fibers"},
            "kinds",
            "interpreter, asyncio, loky, joblib, dask, ray, executor; 'fibers'",
        ),
        ({"kinds": "thread, threads"}, "kinds", "distinct; thread stands there more than once"),
        ({"kinds": "serial"}, "kinds", "the plain loop is measured anyway"),
        ({"kinds": 3}, "kinds", "3 is not"),
        ({"sizes": "0"}, "sizes", "whole numbers from 1 to 64"),
        ({"sizes": "65"}, "sizes", "whole numbers from 1 to 64"),
        ({"sizes": "1-17"}, "sizes", "1 to 16 whole numbers"),
        ({"sizes": "2, 2"}, "sizes", "distinct"),
        ({"chunksizes": "-1"}, "chunksizes", "whole numbers from 0 to 100,000"),
        ({"chunksizes": "100001"}, "chunksizes", "whole numbers from 0 to 100,000"),
        ({"chunksizes": "0-100000"}, "chunksizes", "1 to 8 whole numbers"),
        ({"repeats": 0}, "repeats", "from 1 to 50"),
        ({"repeats": 51}, "repeats", "from 1 to 50"),
        ({"items": -1}, "items", "from 0 to 100,000"),
        ({"items": 100_001}, "items", "from 0 to 100,000"),
        ({"items": 257, "workload": "large-arguments"}, "items", "at most 256 for large-arguments; 257 is not"),
        ({"limit_s": 0}, "limit_s", "from 0.1 to 3,600"),
        ({"limit_s": "inf"}, "limit_s", "inf"),
        ({"work_ms": 0}, "work_ms", "0"),
        ({"work_ms": 5, "workload": "square"}, "work_ms", "work_ms must stay empty for square"),
        ({"work_ms": 5, "workload": "a:b@c"}, "work_ms", "work_ms must stay empty for a:b@c"),
        (
            {"work_ms": 5, "workload": "large-arguments"},
            "work_ms",
            "work_ms must stay empty for large-arguments, whose length can't be chosen; sum-of-squares, primes, ",
        ),
        ({"native_threads": "1, 257"}, "native_threads", "native_threads must be"),
        ({"start_methods": "thread"}, "start_methods", "start_methods must be names out of "),
        ({"start_methods": "spawn", "kinds": "thread"}, "start_methods", "where no kind has a start method"),
        ({"start_methods": "spawn", "kinds": "loky"}, "start_methods", "where no kind has a start method"),
        ({"max_tasks": "1", "kinds": "loky"}, "max_tasks", "where no kind replaces workers"),
        ({"kinds": "thread, executor"}, "executor", "must name a factory"),
        ({"executor": "lab"}, "executor", "be empty without the kind executor"),
        ({"chunksizes": "4", "kinds": "thread, interpreter"}, "chunksizes", "where no kind takes chunks"),
        ({"pythons": "3.13, /usr/bin/python"}, "pythons", "labels of Pythons, such as '3.13, 3.13t'"),
        ({"pythons": "a b c d e f g h i"}, "pythons", "at most 8"),
        ({"sizes": "1-16", "chunksizes": "0-7"}, "sizes", "304 settings, and at most 200 are allowed"),
        ({"items": 100_000}, "items", "and at most 1"),
        ({"work_ms": 60_000, "repeats": 50}, "work_ms", "and at most 1"),
        ({"colour": "red"}, "colour", "colour is not a parameter here"),
    ],
    ids=str,
)
def test_a_refusal_names_the_parameter_and_says_what_is_allowed(asked: dict[str, Any], name: str, says: str) -> None:
    assert says in complaints(WhichPoolParams, **asked)[name]


@pytest.mark.parametrize(
    "field", ["workload", "kinds", "sizes", "chunksizes", "start_methods", "native_threads", "pythons"]
)
@given(text=st.text(max_size=30))
def test_any_text_is_taken_or_refused_in_words(field: str, text: str) -> None:
    refused: list[ParameterError] = []
    try:
        parse(WhichPoolParams, {field: text})
    except BadParameters as error:
        refused = list(error.errors)
    # The kind executor asks for a factory, which is another field's.
    others = [["executor"]] if field == "kinds" and "executor" in text.lower() else []
    assert [complaint.name for complaint in refused] in ([], [field], *others)
    assert all(complaint.message.endswith(".") for complaint in refused)


def test_every_start_method_of_this_platform_may_be_compared() -> None:
    here = multiprocessing.get_all_start_methods()
    assert parse(WhichPoolParams, {"start_methods": ", ".join(here)}).start_methods == here


def test_what_was_asked_can_be_asked_again_from_its_json() -> None:
    asked = parse(
        WhichPoolParams,
        {"workload": "a.b:c@d+e", "sizes": "1-3", "chunksizes": "0, 16", "pythons": "3.13t", "start_methods": "spawn"},
    )
    assert parse(WhichPoolParams, json.loads(asked.model_dump_json())) == asked


def test_a_run_that_an_impatient_person_may_want_is_allowed() -> None:
    parse(WhichPoolParams, {"workload": "sleep", "items": 100, "sizes": "1-16", "kinds": "thread, asyncio"})
    parse(WhichPoolParams, {"pythons": "3.11, 3.13t, 3.14", "repeats": 10})
    parse(WhichPoolParams, {"workload": "square", "items": 100_000})


# pool-sizes


def test_the_defaults_of_pool_sizes_are_the_contracts() -> None:
    assert parse(PoolSizesParams, {}).model_dump(mode="json") == {
        "sizes": [2, 4, 6, 8],
        "first": 1,
        "last": 10,
        "workload": "square",
        "work_ms": None,
        "repeats": None,
        "seconds": 30.0,
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
    assert "sizes must be whole numbers from 1 to 64" in complaints(PoolSizesParams, sizes=text)["sizes"]


def test_sizes_are_distinct_and_at_most_sixteen() -> None:
    assert (
        complaints(PoolSizesParams, sizes="2, 4, 2")["sizes"]
        == "sizes must be distinct; 2 stands there more than once."
    )
    assert complaints(PoolSizesParams, sizes="1-17")["sizes"].startswith("sizes must be 1 to 16 whole numbers")
    assert complaints(PoolSizesParams, sizes=[])["sizes"].endswith("these are 0.")
    assert complaints(PoolSizesParams, sizes=",")["sizes"].endswith("these are 0.")


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
        ({"last": 100_000, "method": "imap", "sizes": "1-16", "repeats": 100}, "repeats", "and at most 1"),
        ({"work_ms": "nan", "workload": "sha256"}, "work_ms", "nan"),
    ],
)
def test_a_refusal_of_pool_sizes_says_what_is_allowed(asked: dict[str, Any], name: str, says: str) -> None:
    assert says in complaints(PoolSizesParams, **asked)[name]


@pytest.mark.parametrize("method", [*multiprocessing.get_all_start_methods(), None, ""])
def test_every_start_method_of_this_platform_may_be_asked_for(method: str | None) -> None:
    assert parse(PoolSizesParams, {"start_method": method}).start_method == (method or None)


def test_what_was_asked_of_pool_sizes_can_be_asked_again_from_its_json() -> None:
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
