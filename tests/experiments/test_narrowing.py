"""Narrower bounds for a demo: parameters, messages and JSON Schema keep to them, whatever the experiment."""

from __future__ import annotations

from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.experiments.narrowing import narrowed
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.limits import LIMITS, OF_A_RUN

LIMITED = narrowed(EXPERIMENTS, {name: LIMITS[name].demo for name in OF_A_RUN})


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_default_is_within_the_demos_limits_and_no_parameter_is_lost(name: str) -> None:
    narrow, whole = LIMITED[name].params, EXPERIMENTS[name].params
    assert isinstance(parse(narrow, {}), whole)
    assert list(narrow.model_fields) == list(whole.model_fields)
    assert LIMITED[name].meaning is EXPERIMENTS[name].meaning


@pytest.mark.parametrize(
    ("experiment", "asked", "parameter", "most"),
    [
        ("shared-list", {"producers": 9}, "producers", "8"),
        ("shared-list", {"consumers": 9}, "consumers", "8"),
        ("shared-list", {"seconds": 31}, "seconds", "30"),
        ("factorials", {"workers": 9}, "workers", "8"),
        ("sharing", {"workers": 9}, "workers", "8"),
        ("sharing", {"operations": 2_001}, "operations", "2,000"),
        ("sharing", {"repeats": 21}, "repeats", "20"),
        ("pool-sizes", {"sizes": "4-9"}, "sizes", "8"),
        ("pool-sizes", {"first": 1, "last": 2_001}, "last", "2,000"),
        ("pool-sizes", {"seconds": 31}, "seconds", "30"),
        ("which-pool", {"sizes": [1, 16]}, "sizes", "8"),
        ("which-pool", {"items": 2_001}, "items", "2,000"),
        ("which-pool", {"native_threads": [9]}, "native_threads", "8"),
        ("which-pool", {"limit_s": 31}, "limit_s", "30"),
        ("which-pool", {"repeats": 21}, "repeats", "20"),
    ],
)
def test_what_the_demo_refuses_names_the_parameter_and_the_demos_bound(
    experiment: str, asked: dict[str, Any], parameter: str, most: str
) -> None:
    parse(EXPERIMENTS[experiment].params, asked)
    with pytest.raises(BadParameters) as refused:
        parse(LIMITED[experiment].params, asked)
    (error,) = refused.value.errors
    assert error.name == parameter
    assert most in error.message


def test_a_plan_that_would_last_too_long_is_refused() -> None:
    asked = {"workload": "square-sleep", "work_ms": 20_000}
    parse(EXPERIMENTS["pool-sizes"].params, asked)
    with pytest.raises(BadParameters) as refused:
        parse(LIMITED["pool-sizes"].params, asked)
    assert [error.name for error in refused.value.errors] == ["work_ms"]


def test_the_json_schema_has_the_demos_bounds() -> None:
    schema = LIMITED["pool-sizes"].params.model_json_schema()["properties"]
    assert schema["sizes"]["items"]["maximum"] == 8
    assert schema["seconds"]["maximum"] == 30
    assert EXPERIMENTS["pool-sizes"].params.model_json_schema()["properties"]["seconds"]["maximum"] > 30
