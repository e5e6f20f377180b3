"""What may be asked of the tools that share data: names in every way in which one would write them."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.experiments.parameters import parse
from poolscope.experiments.sharing.catalog import CATALOG, TOOLS
from poolscope.experiments.sharing.params import SharingParams


def test_all_tools_are_asked_for_unless_told_otherwise() -> None:
    params = parse(SharingParams, {})
    assert (params.tools, params.operations, params.workers) == (["all"], 2000, 4)
    assert params.chosen == tuple(TOOLS)


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ("lock, pipe", ("lock", "pipe")),
        ("pipe;lock", ("pipe", "lock")),
        (["lock", "queue, event"], ("lock", "queue", "event")),
        ("threading.Lock", ("lock",)),
        ("Value, Array", ("value",)),
        ("no guard", ("none",)),
        ("ALL", tuple(TOOLS)),
        (["all"], tuple(TOOLS)),
        ("lock, all", tuple(TOOLS)),
        (list(TOOLS), tuple(TOOLS)),
        ("  ", tuple(TOOLS)),
    ],
)
def test_tools_may_be_written_as_one_likes(given: Any, chosen: tuple[str, ...]) -> None:
    params = parse(SharingParams, {"tools": given})
    assert params.chosen == chosen
    assert parse(SharingParams, params.model_dump()) == params


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("mutex", "tools must be 'all' or names out of none, lock, rlock"),
        ("lock, mutex", "'mutex' is not"),
        (["lock", 3], "3 is not"),
        (True, "true"),
        ([], "there is none"),
        ("lock, lock", "lock stands there more than once"),
        (None, "None is not"),
        ([["lock"]], "is not"),
    ],
)
def test_a_bad_name_is_told_what_is_allowed(given: Any, complaint: str) -> None:
    with pytest.raises(BadParameters) as bad:
        parse(SharingParams, {"tools": given})
    (said,) = bad.value.errors
    assert said.name == "tools"
    assert complaint.lower() in said.message.lower()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("operations", 9, "from 10 to 20,000"),
        ("operations", 20_001, "from 10 to 20,000"),
        ("workers", 0, "from 1 to 16"),
        ("workers", 17, "from 1 to 16"),
        ("repeats", 0, "from 1 to 50"),
        ("start_method", "clone", "one of fork"),
    ],
)
def test_bounds_are_told(name: str, value: Any, words: str) -> None:
    with pytest.raises(BadParameters) as bad:
        parse(SharingParams, {name: value})
    assert words in bad.value.errors[0].message


def test_every_start_method_of_this_platform_may_be_asked_for() -> None:
    for method in multiprocessing.get_all_start_methods():
        assert parse(SharingParams, {"start_method": method}).start_method == method
    assert parse(SharingParams, {"start_method": " "}).start_method is None


@pytest.mark.parametrize("tool", CATALOG, ids=lambda tool: tool.name)
def test_every_tool_says_what_it_is_for(tool: Any) -> None:
    assert all((tool.title, tool.short, tool.operation, tool.copies, tool.use, tool.explanation, tool.code))
    assert tool.between in ("threads", "processes", "interpreters")
    assert tool.amount(10) >= 2
    assert tool.explanation.count("`") % 2 == 0
