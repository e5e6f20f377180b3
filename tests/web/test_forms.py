"""A parameter model as form fields: what a field shows, sent as it is, means the same again."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poolscope.errors import ParameterError
from poolscope.experiments.factorials.params import FactorialsParams
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.params import PoolSizesParams, WhichPoolParams, WorkloadOfSizes
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.experiments.shared_list.params import Guard, SharedListParams
from poolscope.web.forms import FormField, as_text, fields
from pydantic import ValidationError


def by_name(*found: FormField) -> dict[str, FormField]:
    return {field.name: field for field in found}


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_there_is_a_field_a_parameter_with_words_bounds_and_help(experiment: Any) -> None:
    found = fields(experiment.params, {})
    assert [field.name for field in found] == list(experiment.params.model_fields)
    for field in found:
        assert field.label
        assert field.help.endswith(".")
        assert field.kind in ("number", "text", "choice")
        assert (field.kind == "choice") == bool(field.options)
        assert not field.complaint
        if field.kind == "choice":
            assert field.value in [option.value for option in field.options]
        if field.low and field.high:
            assert float(field.low) < float(field.high)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_an_untouched_form_means_the_defaults(experiment: Any) -> None:
    typed = {field.name: field.value for field in fields(experiment.params, {})}
    assert parse(experiment.params, typed) == experiment.params()


def test_kinds_steps_bounds_and_choices_come_from_the_model() -> None:
    shared = by_name(*fields(SharedListParams, {}))
    assert (shared["producers"].kind, shared["producers"].step) == ("number", "1")
    assert (shared["producers"].low, shared["producers"].high) == ("1", "16")
    assert (shared["delay_min"].step, shared["delay_min"].label) == ("any", "delay from, s")
    assert [option.value for option in shared["guard"].options] == list(get_args(Guard))
    assert shared["capacity"].advanced
    pools = by_name(*fields(PoolSizesParams, {}, choices={"start_method": ("fork", "spawn")}))
    assert (pools["sizes"].kind, pools["sizes"].value) == ("text", "2, 4, 6, 8")
    assert (pools["work_ms"].kind, pools["work_ms"].value) == ("number", "")
    assert [option.value for option in pools["workload"].options] == list(get_args(WorkloadOfSizes))
    assert [option.value for option in pools["start_method"].options] == ["", "fork", "spawn"]
    assert [float(bound) for bound in (pools["first"].low, pools["first"].high)] == [-1e6, 1e6]


def test_what_an_installation_offers_can_be_chosen_and_of_several_the_help_names_them() -> None:
    offered = {"workload": ("square", "tasks:parse@samples"), "pythons": ("3.11", "3.13t")}
    found = by_name(
        *fields(WhichPoolParams, {"workload": "tasks:parse@samples", "pythons": ["3.13t"]}, choices=offered)
    )
    work, pythons = found["workload"], found["pythons"]
    assert (work.kind, work.value) == ("choice", "tasks:parse@samples")
    assert [option.value for option in work.options] == ["square", "tasks:parse@samples"]  # it has a default of its own
    assert (pythons.kind, pythons.value) == ("text", "3.13t")
    assert [option.value for option in pythons.options] == ["3.11", "3.13t"]
    assert pythons.help.endswith(" Here: 3.11, 3.13t.")


def test_a_field_that_does_not_stand_at_its_default_is_told_from_the_others() -> None:
    shared = by_name(*fields(SharedListParams, {"capacity": 7, "delay_min": 0.1, "seconds": "10"}))
    assert [name for name, field in shared.items() if field.changed] == ["capacity"]
    pools = by_name(*fields(PoolSizesParams, {"sizes": [2, 4, 6, 8], "start_method": None, "chunksize": 0}))
    assert not any(field.changed for field in pools.values())


def test_what_was_typed_stays_and_its_complaint_stands_beside_it() -> None:
    typed = {"first": "x", "workers": "99"}
    found = by_name(
        *fields(FactorialsParams, typed, [ParameterError("first", "No."), ParameterError("", "All wrong.")])
    )
    assert (found["first"].value, found["first"].complaint) == ("x", "No.")
    assert (found["workers"].value, found["workers"].complaint) == ("99", "")
    assert found["last"].value == "10"


@st.composite
def shared_lists(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted((draw(st.floats(0, 10)), draw(st.floats(0, 10))))
    return {
        "producers": draw(st.integers(1, 16)),
        "consumers": draw(st.integers(1, 16)),
        "delay_min": low,
        "delay_max": high,
        "guard": draw(st.sampled_from(get_args(Guard))),
        "capacity": draw(st.integers(0, 100_000)),
        "seconds": draw(st.floats(0.1, 600)),
    }


@settings(deadline=None)
@given(shared_lists())
def test_a_form_that_shows_a_run_means_that_run_again(params: dict[str, Any]) -> None:
    asked = SharedListParams(**params)
    typed = {field.name: field.value for field in fields(SharedListParams, asked.model_dump())}
    assert parse(SharedListParams, typed) == asked


@settings(deadline=None)
@given(st.lists(st.integers(1, 64), min_size=1, max_size=16, unique=True), st.none() | st.floats(0.01, 60_000))
def test_a_form_of_pool_sizes_means_the_same_again(sizes: list[int], work_ms: float | None) -> None:
    try:
        asked = PoolSizesParams(sizes=sizes, workload="sha256", work_ms=work_ms, repeats=1)
    except ValidationError:  # together they would take too long
        return
    typed = {field.name: field.value for field in fields(PoolSizesParams, asked.model_dump())}
    assert parse(PoolSizesParams, typed) == asked


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("x", "x"),
        (3, "3"),
        (10.0, "10"),
        (0.1, "0.1"),
        (12345.678, "12345.678"),
        ([2, 4], "2, 4"),
        ((), ""),
    ],
)
def test_a_value_as_it_stands_in_a_field(value: Any, text: str) -> None:
    assert as_text(value) == text
