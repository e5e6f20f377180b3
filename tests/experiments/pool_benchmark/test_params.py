"""What may be asked about which pool suits a piece of work, and what each refusal says."""

from __future__ import annotations

import json
import multiprocessing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.workloads.catalog import OF_WHICH_POOL, WORK_MS


def complaints(**asked: Any) -> dict[str, str]:
    with pytest.raises(BadParameters) as refused:
        parse(WhichPoolParams, asked)
    return {complaint.name: complaint.message for complaint in refused.value.errors}


def test_the_defaults_are_the_contracts() -> None:
    assert parse(WhichPoolParams, {}).model_dump(mode="json") == {
        "workload": "sum-of-squares",
        "work_ms": None,
        "items": 0,
        "kinds": [],
        "sizes": [1, 2, 4, 8],
        "chunksizes": [0],
        "repeats": 5,
        "start_methods": [],
        "pythons": [],
        "limit_s": 60.0,
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
        "t:" + "f" * 300 + "@i",
        5,
        True,
        ["square"],
        {"a": 1},
    ],
    ids=repr,
)
def test_what_is_no_name_of_work_is_refused_with_what_is_allowed(name: Any) -> None:
    said = complaints(workload=name)["workload"]
    assert said.startswith("workload must be one of square, sum-of-squares, ")
    assert "module:function@items" in said


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ("", []),
        ("all", []),
        ("thread, all", []),
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
        ({"kinds": "fibers"}, "kinds", "'all' or names out of thread, process, pool, interpreter, asyncio; 'fibers'"),
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
        ({"start_methods": "thread"}, "start_methods", "start_methods must be names out of "),
        ({"start_methods": "spawn", "kinds": "thread"}, "start_methods", "where no kind starts processes"),
        ({"chunksizes": "4", "kinds": "thread, interpreter"}, "chunksizes", "where no kind takes chunks"),
        ({"pythons": "3.13, /usr/bin/python"}, "pythons", "labels of Pythons, such as '3.13, 3.13t'"),
        ({"pythons": "a b c d e f g h i"}, "pythons", "at most 8"),
        ({"sizes": "1-16", "chunksizes": "0-7"}, "sizes", "304 settings, and at most 200 are allowed"),
        ({"items": 100_000}, "items", "hours, and at most 1 is allowed"),
        ({"work_ms": 60_000, "repeats": 50}, "work_ms", "hours, and at most 1 is allowed"),
        ({"colour": "red"}, "colour", "colour is not a parameter here"),
    ],
    ids=str,
)
def test_a_refusal_names_the_parameter_and_says_what_is_allowed(asked: dict[str, Any], name: str, says: str) -> None:
    assert says in complaints(**asked)[name]


@pytest.mark.parametrize("field", ["workload", "kinds", "sizes", "chunksizes", "start_methods", "pythons"])
@given(text=st.text(max_size=30))
def test_any_text_is_taken_or_refused_in_words(field: str, text: str) -> None:
    refused: list[ParameterError] = []
    try:
        parse(WhichPoolParams, {field: text})
    except BadParameters as error:
        refused = list(error.errors)
    assert [complaint.name for complaint in refused] in ([], [field])
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
