"""What a run may use of an installation: one's own work and other Pythons if they are offered, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.experiments.experiment import Installation, this_python
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.validation import choices, own_executors, own_work
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.arguments import BenchmarkArguments, BenchmarkWork, InterpreterPath
from poolscope.workloads.catalog import OF_WHICH_POOL

OFFERS = Installation(
    ("tasks:parse@samples", "tasks:load@more.tasks:names+connect"),
    "/home/ann/project",
    ("/home/ann/lib",),
    {"3.11": "/ours/python", "3.13t": "/free/python"},
)


def arguments(installation: Installation = OFFERS, **given: Any) -> BenchmarkArguments:
    experiment = EXPERIMENTS["which-pool"]
    found = experiment.arguments(parse(experiment.params, given), installation)
    assert isinstance(found, BenchmarkArguments)
    return found


@pytest.mark.parametrize("name", OF_WHICH_POOL)
def test_built_in_work_needs_no_offer(name: str) -> None:
    found = arguments(Installation(), workload=name)
    assert (found.work.name, found.work.folder) == (name, "")
    ((label, path),) = this_python().items()
    assert found.pythons == (InterpreterPath(label, path),)


def test_offered_work_comes_with_its_folder_and_pythons_with_their_paths() -> None:
    found = arguments(workload="tasks:parse@samples", pythons="3.13t, 3.11", sizes="2", repeats=3)
    assert found.work == BenchmarkWork("tasks:parse@samples", "/home/ann/project", path=("/home/ann/lib",))
    assert found.pythons == (InterpreterPath("3.13t", "/free/python"), InterpreterPath("3.11", "/ours/python"))
    assert (found.sizes, found.repeats) == ((2,), 3)


def test_no_python_means_the_first_that_is_offered() -> None:
    assert arguments().pythons == (InterpreterPath("3.11", "/ours/python"),)


@pytest.mark.parametrize(
    "name", ["os:system@sys:argv", "tasks:parse@other", "tasks:parse@samples+connect", "tasks:load@names+connect"]
)
def test_work_that_is_not_offered_is_refused_and_the_offers_are_named(name: str) -> None:
    with pytest.raises(BadParameters) as refused:
        arguments(workload=name)
    (complaint,) = refused.value.errors
    assert complaint.name == "workload"
    assert f"'{name}' is not offered here" in complaint.message
    assert "sum-of-squares" in complaint.message
    assert "tasks:parse@samples" in complaint.message


def test_a_python_that_is_not_offered_is_refused_and_so_is_the_work_beside_it() -> None:
    with pytest.raises(BadParameters) as refused:
        arguments(workload="os:system@sys:argv", pythons="3.11, 3.9, python")
    assert [complaint.name for complaint in refused.value.errors] == ["workload", "pythons"]
    assert refused.value.errors[1].message == (
        "pythons must be out of 3.11, 3.13t; '3.9', 'python' are not. `poolscope doctor` tells which Pythons are there."
    )


def test_while_pythons_are_looked_for_a_refusal_says_so() -> None:
    with pytest.raises(BadParameters, match="still being looked for: try again"):
        arguments(Installation(searching=True), pythons="3.99")


def test_a_path_is_never_taken_for_a_label() -> None:
    with pytest.raises(BadParameters, match="pythons must be"):
        arguments(pythons="/free/python")


def test_an_old_run_with_work_that_is_no_longer_offered_can_still_be_read() -> None:
    assert WhichPoolParams(workload="gone:work@items", pythons=["3.8"]).workload == "gone:work@items"


def test_a_form_lists_all_work_and_all_pythons() -> None:
    assert choices(OFFERS) == {
        "workload": (*OF_WHICH_POOL, *OFFERS.workloads),
        "pythons": ("3.11", "3.13t"),
        "executor": (),
    }


def test_a_setting_names_work_by_commas_each_once() -> None:
    assert own_work("") == ()
    assert own_work(" a:f@x, b.c:g@d:y+h,a:f@x,") == ("a:f@x", "b.c:g@d:y+h")


@pytest.mark.parametrize("text", ["a:f", "f@x", "a:f@x+", "a:f(1)@x", "a:f@x;b:g@y", "a:f@x+b c"])
def test_a_setting_that_names_no_work_is_refused_with_what_is_meant(text: str) -> None:
    with pytest.raises(BadParameters, match="must be module:function@items"):
        own_work(text)


def test_an_executor_is_used_where_it_is_offered_and_imported_from_the_same_folder() -> None:
    offers = replace(
        OFFERS, executors=own_executors("lab=cluster:make, near = here.py:make"), cluster="tcp://there:8786"
    )
    found = arguments(offers, kinds="executor, dask", executor="lab")
    assert (found.work.executor, found.work.cluster) == ("cluster:make", "tcp://there:8786")
    assert found.work.packages
    assert found.work.folder == "/home/ann/project"
    with pytest.raises(BadParameters, match="must be one of lab, near; 'cluster:make' is not offered"):
        arguments(offers, kinds="executor", executor="cluster:make")
    with pytest.raises(BadParameters, match="must be empty here"):
        arguments(OFFERS, kinds="executor", executor="lab")


@pytest.mark.parametrize("setting", ["lab", "lab=make", "=cluster:make", "lab=cluster:make()"])
def test_a_setting_that_names_no_factory_is_refused(setting: str) -> None:
    with pytest.raises(BadParameters, match="name=module:factory"):
        own_executors(setting)
