"""Which scenarios may be asked for, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.experiments.failures.catalogue import BY_HAND, EVERY, SCENARIOS, chosen
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.parameters import parse


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("all", ["all"]),
        ("deadlock", ["deadlock"]),
        ("deadlock, thread-caught", ["thread-caught", "deadlock"]),
        (["deadlock", "deadlock"], ["deadlock"]),
        (["all", "deadlock"], ["all"]),
        (list(EVERY), ["all"]),
        (", ".join(EVERY), ["all"]),
        (["all", BY_HAND], list(SCENARIOS)),
        ("  ", ["all"]),
    ],
)
def test_scenarios_are_names_by_commas_a_list_or_all(given: Any, names: list[str]) -> None:
    assert parse(FailuresParams, {"scenarios": given}).scenarios == names


def test_all_is_every_scenario_that_waits_for_nobody_in_the_catalogues_order() -> None:
    assert chosen(["all"]) == [name for name in SCENARIOS if name != BY_HAND]
    assert chosen(["deadlock", "thread-caught"]) == ["thread-caught", "deadlock"]


@pytest.mark.parametrize("given", ["earthquake", "deadlock,", ["deadlock", 7], [], [[1]], 3, True, {"deadlock": 1}])
def test_a_wrong_name_says_which_there_are(given: Any) -> None:
    with pytest.raises(BadParameters) as wrong:
        parse(FailuresParams, {"scenarios": given})
    (complaint,) = wrong.value.errors
    assert complaint.name == "scenarios"
    assert "'all' or some of thread-caught, thread-uncaught, " in complaint.message
    assert "side-by-side" in complaint.message


def test_a_task_that_is_not_longer_than_its_limit_is_refused() -> None:
    with pytest.raises(BadParameters, match="task must be longer than the limit of 2 s; 1 s is not"):
        parse(FailuresParams, {"task": 1, "limit": 2})
    original = parse(FailuresParams, {"task": "10", "limit": "5"})
    assert (original.task, original.limit) == (10, 5)


def test_every_scenario_says_what_to_take_away() -> None:
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        assert scenario.cases
        assert scenario.explanation.endswith(".")


@pytest.mark.parametrize(("given", "names"), [("dask, loky", ["loky", "dask"]), (["dask"], ["dask"]), ("", [])])
def test_pools_of_other_packages_are_asked_for_by_name(given: Any, names: list[str]) -> None:
    params = parse(FailuresParams, {"engines": given, "scenarios": "side-by-side"})
    assert params.engines == names
    without = parse(FailuresParams, {"scenarios": "side-by-side"})
    assert params.run_length.seconds > without.run_length.seconds or not names
    assert params.demand.memory > without.demand.memory or not names


def test_a_pool_that_is_no_engine_is_refused() -> None:
    with pytest.raises(BadParameters, match="engines must be some of loky, dask, or empty; 'ray' is not"):
        parse(FailuresParams, {"engines": "loky, ray"})


def test_the_scenario_that_waits_for_somebody_says_how_long_at_most_and_has_workers_to_kill() -> None:
    waiting, others = parse(FailuresParams, {"scenarios": BY_HAND, "wait": 90}), parse(FailuresParams, {})
    assert waiting.run_length.at_most
    assert waiting.run_length.seconds > 90
    assert (waiting.worker_processes, others.worker_processes) == (4, 0)
    assert not others.run_length.at_most
