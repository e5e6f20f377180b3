"""The budget: what fits beside what, what is refused and with which bound, and what a machine has room for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.experiments.demand import MIB, Demand
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.budget import LEAST_BUSY, SERVER_PROCESSES, ResourceBudget, Shortage

SMALL_CONTAINER = ResourceBudget(busy=96, processes=448, memory=1536 * MIB)
GREEDY: list[tuple[str, dict[str, Any], str]] = [
    ("which-pool", {"workload": "memory-hungry", "items": 100, "sizes": "32", "kinds": "process"}, "sizes"),
    ("which-pool", {"workload": "memory-hungry", "items": 100, "sizes": "2, 64", "kinds": "thread"}, "sizes"),
    ("which-pool", {"workload": "large-arguments", "items": 256, "sizes": "64", "kinds": "process"}, "items"),
]


@pytest.mark.parametrize(("experiment", "raw", "field"), GREEDY)
def test_what_never_fits_is_refused_with_the_most_that_would(experiment: str, raw: dict[str, Any], field: str) -> None:
    model = EXPERIMENTS[experiment].params
    with pytest.raises(BadParameters) as refused:
        SMALL_CONTAINER.check(parse(model, raw))
    (error,) = refused.value.errors
    assert error.name == field
    most = next(int(word.rstrip(":").replace(",", "")) for word in error.message.split() if word[0].isdigit())
    SMALL_CONTAINER.check(parse(model, {**raw, field: most}))
    with pytest.raises(BadParameters):
        SMALL_CONTAINER.check(parse(model, {**raw, field: most + 1}))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_fits_a_small_container_as_its_form_has_it(name: str) -> None:
    params = parse(EXPERIMENTS[name].params, {})
    SMALL_CONTAINER.check(params)
    assert ResourceBudget.of_machine(memory_mib=256).shortage(params.demand) is None
    assert set(params.amounts) <= set(type(params).model_fields)


def test_a_refusal_names_no_field_where_none_is_enough() -> None:
    with pytest.raises(BadParameters) as refused:
        ResourceBudget(processes=1).check(parse(EXPERIMENTS["factorials"].params, {}))
    assert [error.name for error in refused.value.errors] == [""]


def test_a_run_waits_for_what_others_hold() -> None:
    budget, demand = ResourceBudget(busy=10, memory=100), Demand(6, 1, 40)
    assert budget.shortage(demand) is None
    assert budget.shortage(demand, [demand]) == Shortage("busy", 6, 4, 10)
    assert budget.shortage(Demand(4, 1_000, 60), [demand]) is None
    assert budget.shortage(Demand(4, 1, 61), [demand]) == Shortage("memory", 61, 60, 100)
    assert ResourceBudget().shortage(Demand(10**6, 10**6, 10**15), [demand]) is None


def test_a_longer_list_or_a_larger_pool_takes_more() -> None:
    def demand(**raw: Any) -> Demand:
        return parse(EXPERIMENTS["which-pool"].params, {"workload": "large-arguments", **raw}).demand

    assert demand(sizes=8).memory > demand(sizes=2).memory
    assert demand(items=64).memory > demand(items=16).memory + 48 * 8 * MIB
    assert demand(sizes=[2, 16]).busy == 16


def test_a_machines_budget_is_that_of_its_container(tmp_path: Path) -> None:
    proc, sys = tmp_path / "proc", tmp_path / "sys"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 67108864 kB\nMemAvailable: 50000000 kB\n")
    (proc / "self" / "cgroup").write_text("0::/\n")
    (proc / "self" / "mountinfo").write_text("1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    home = sys / "fs" / "cgroup"
    home.mkdir(parents=True)
    (home / "memory.max").write_text(f"{2048 * MIB}\n")
    (home / "pids.max").write_text("512\n")
    budget = ResourceBudget.of_machine(proc=proc, sys=sys)
    assert budget.memory == 1536 * MIB
    assert budget.processes == 512 - SERVER_PROCESSES
    assert (budget.busy or 0) >= LEAST_BUSY
    assert ResourceBudget.of_machine(7, 8, 9, proc=proc, sys=sys) == ResourceBudget(7, 8, 9 * MIB)
