"""A parameter model as form fields: what a field shows, sent as it is, means the same again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.experiment import Installation
from poolscope.experiments.factorials.params import FactorialsParams
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.params import PoolSizesParams, WhichPoolParams, WorkloadOfSizes
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.experiments.shared_list.params import Guard, SharedListParams
from poolscope.experiments.shared_list.payloads import ControlsInForce
from poolscope.experiments.sharing.params import SharingParams
from poolscope.protocol.records import Result
from poolscope.runs.run import Run, Status
from poolscope.web.app_state import AppState
from poolscope.web.context import form_facts, run_facts, takes
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
        assert field.kind in ("number", "text", "choice", "several")
        assert (field.kind == "choice") == bool(field.options) or field.kind == "several"
        assert field.kind == "number" or not field.low
        assert bool(field.range) == (field.kind == "number") or field.kind == "text"
        assert not field.complaint
        if field.kind == "choice":
            assert field.value in [option.value for option in field.options]
        if field.low and field.high:
            assert float(field.low) < float(field.high)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_an_untouched_form_means_the_defaults(experiment: Any) -> None:
    assert parse(experiment.params, sent(*fields(experiment.params, {}))) == experiment.params()


def sent(*found: FormField) -> dict[str, Any]:
    """What a browser sends of these fields: of several options those that are ticked."""
    return {
        field.name: [option.value for option in field.options if option.chosen] if several else field.value
        for field in found
        if not (several := field.kind == "several") or any(option.chosen for option in field.options)
    }


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


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_a_number_that_is_emptied_says_what_is_taken_for_it(experiment: Any) -> None:
    for field in (field for field in fields(experiment.params, {}) if field.kind == "number"):
        taken = getattr(parse(experiment.params, {field.name: ""}), field.name)
        assert field.none == (as_text(taken) or field.none) != "", field.name


def test_an_emptied_control_of_a_live_run_says_that_it_stays_as_it_is() -> None:
    about = EXPERIMENTS["shared-list"]
    app_state = cast("AppState", SimpleNamespace(scheduler=SimpleNamespace(installation=Installation())))
    run = Run("sl-0001", about, parse(about.params, {"delay_max": 2}), status=Status.RUNNING)
    run.controls = {"delay_min": 0.01}
    controls = by_name(*form_facts(app_state, about, run, {"delay_min": ""}).controls)
    assert [controls[name].none for name in ("delay_min", "delay_max")] == ["0.01", "2"]


def test_what_an_installation_offers_can_be_chosen() -> None:
    offered = {"workload": ("square", "tasks:parse@samples"), "pythons": ("3.11", "3.13t")}
    found = by_name(
        *fields(WhichPoolParams, {"workload": "tasks:parse@samples", "pythons": ["3.13t"]}, choices=offered)
    )
    work, pythons = found["workload"], found["pythons"]
    assert (work.kind, work.value) == ("choice", "tasks:parse@samples")
    assert [option.value for option in work.options] == ["square", "tasks:parse@samples"]  # it has a default of its own
    assert (pythons.kind, pythons.summary) == ("several", "3.13t")
    assert [(option.value, option.chosen) for option in pythons.options] == [("3.11", False), ("3.13t", True)]


def test_work_that_is_not_offered_stays_to_be_seen_above_its_result() -> None:
    gone = by_name(*fields(WhichPoolParams, {"workload": "gone:f@items"}, choices={"workload": ("sum-of-squares",)}))
    assert gone["workload"].value == "gone:f@items"
    assert [option.word for option in gone["workload"].options if option.chosen] == ["gone:f, not offered here"]
    assert by_name(*fields(FactorialsParams, {"kind": "gone"}))["kind"].value == "thread"


def test_a_form_holds_no_work_that_only_a_terminal_can_start() -> None:
    about, app_state = (
        EXPERIMENTS["which-pool"],
        SimpleNamespace(scheduler=SimpleNamespace(installation=Installation())),
    )
    for work, shown in (("sleep", "sleep"), ("gone:f@items", "sum-of-squares")):
        run = Run("wp-0001", about, WhichPoolParams(workload=work), status=Status.FINISHED)
        form = by_name(*form_facts(cast("AppState", app_state), about, run).fields)
        assert form["workload"].value == shown


def test_a_heading_says_the_controls_as_they_were_last() -> None:
    about = EXPERIMENTS["shared-list"]
    run = Run("sl-0001", about, parse(about.params, {"guard": "none"}))
    assert run_facts(run).facts[1:] == ("no guard", "delay 0.1–0.5 s")  # behind when it began to wait
    run.state = about.meaning.fold(run.state, Result(1, ControlsInForce(0, 0.01, paused=False)))
    assert run_facts(run).facts[1:] == ("no guard", "delay 0–0.01 s")


def test_of_several_names_those_are_ticked_that_were_chosen_and_none_where_it_is_all() -> None:
    every = by_name(*fields(SharingParams, {"tools": ["all"]}))["tools"]
    assert every.summary == "all"
    assert not any(option.chosen for option in every.options)
    some = fields(SharingParams, {"tools": ["lock", "pipe"]})
    assert parse(SharingParams, sent(*some)).tools == ["lock", "pipe"]


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


def test_a_complaint_names_the_labels_and_the_first_wrong_field_is_where_to_go_on() -> None:
    with pytest.raises(BadParameters) as wrong:
        parse(SharedListParams, {"delay_min": 3, "delay_max": 2})
    assert str(wrong.value).startswith("delay_min must not exceed delay_max;")
    found = by_name(*fields(SharedListParams, {"delay_min": 3, "delay_max": 2}, wrong.value.errors))
    assert found["delay_min"].complaint.startswith("“delay from” must not exceed “delay to”;")
    assert [name for name, field in found.items() if field.first_wrong] == ["delay_min"]


@pytest.mark.parametrize(
    ("experiment", "given", "words"),
    [
        ("shared-list", {"seconds": "7"}, "about 7 s"),
        ("which-pool", {}, "up to about 30 s"),
        ("which-pool", {"workload": "tasks:f@items", "repeats": "3"}, ""),
        ("pool-sizes", {"sizes": "nonsense"}, ""),
    ],
)
def test_a_form_says_how_long_a_run_takes_as_far_as_that_is_known(
    experiment: str, given: dict[str, Any], words: str
) -> None:
    assert takes(EXPERIMENTS[experiment], given).replace("\u00a0", " ") == words


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_the_length_of_a_run_with_the_defaults_is_known(experiment: Any) -> None:
    assert 0 < experiment.params().run_length.seconds < 120


def test_a_complaint_about_the_work_goes_as_other_work_is_chosen() -> None:
    with pytest.raises(BadParameters) as wrong:
        parse(WhichPoolParams, {"workload": "mine:parse@rows", "work_ms": "3"})
    choices = {"workload": {"mine:parse@rows": "mine:parse"}}
    found = by_name(*fields(WhichPoolParams, {}, wrong.value.errors, choices))["work_ms"]
    assert found.complaint.startswith("“time per item” must stay empty for “mine:parse”, whose length")
    assert found.about == "work_ms workload"


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
