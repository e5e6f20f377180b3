"""Pools whose workers are replaced after so many tasks: measured, watched, and judged by what that costs."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import process
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark.findings.overhead import replacing_workers_costs
from poolscope.protocol.kinds import PoolUse
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools.kinds import measure
from poolscope.runner.pools.mp_pool import MultiprocessingPool
from poolscope.runner.pools.start_methods import replaces_every_worker
from poolscope.workloads.work import Work

from tests.cases import replaced
from tests.experiments.pool_benchmark.invented_runs import about, told
from tests.runner.conftest import context

__all__ = ["context"]
KEPT = "pool 2 c1"


@pytest.mark.parametrize(("max_tasks", "option"), [(0, {}), (1, {"chunksize": 3})])
def test_a_pool_does_not_choose_chunks_while_it_has_fewer_workers(max_tasks: int, option: dict[str, int]) -> None:
    pool = MultiprocessingPool(PoolUse("pool", 2, "fork", max_tasks=max_tasks), Work(replaced.square, replaced.few))
    assert pool.chunk_option(20) == option


@pytest.mark.parametrize(
    "use",
    [
        PoolUse("pool", 2, "fork", 1, max_tasks=1),
        PoolUse("pool", 2, "fork", 1, max_tasks=3),
        PoolUse("pool", 1, "fork", 4, max_tasks=1),
        PoolUse("pool", 1, "spawn", 2, max_tasks=3),
        PoolUse("process", 1, "forkserver", 4, max_tasks=1),
    ],
)
def test_a_planned_replacement_is_no_death_and_comes_after_so_many_tasks_of_the_map(
    context: RunContext, use: PoolUse
) -> None:
    found = measure(context, use, Work(replaced.pid_of, replaced.few))
    assert found.map > 0
    done = Counter(found.results)
    assert sum(done.values()) == 8
    assert max(done.values()) <= use.max_tasks * use.chunksize
    if use.size == 1:  # the first worker's own share of the map is whole: its answer before does not count
        first = use.max_tasks * use.chunksize if use.kind == "pool" or replaces_every_worker() else 0
        assert done[found.workers[0]] == first


def test_a_replacement_that_dies_in_its_task_is_noticed(context: RunContext) -> None:
    with pytest.raises(WorkerDied, match="ended with exit code 3 while its pool was mapping"):
        measure(context, PoolUse("pool", 2, "fork", 1, max_tasks=2), Work(replaced.dies_of_zero, replaced.deadly))


def found(maps: dict[str, list[float]], **asked: Any) -> Any:
    return replacing_workers_costs(told({"serial": about(640), **maps}, asked=asked), 2)


@pytest.mark.parametrize(
    ("maps", "code", "holds"),
    [
        ({KEPT: about(335)}, "never", False),
        ({KEPT: about(335), f"{KEPT} t4": about(670)}, "costs", True),
        ({KEPT: about(335), f"{KEPT} t4": about(337)}, "nothing", False),
        ({KEPT: about(335), f"{KEPT} t4": [200.0, 500, 350, 280, 420]}, "undecided", None),
        ({KEPT: about(335, 1), f"{KEPT} t4": about(670, 1)}, "few repetitions", None),
        ({"pool 4 c1": about(335), f"{KEPT} t4": about(670)}, "not compared", None),
        ({KEPT: about(335), f"{KEPT} t4": about(400), f"{KEPT} t1": about(900)}, "costs", True),
    ],
)
def test_what_replacing_costs_is_told_against_the_same_pool_without_it(
    maps: dict[str, list[float]], code: str, holds: bool | None
) -> None:
    result = found(maps, max_tasks=[0, 4])
    assert (result.code, result.holds) == (code, holds)


def test_the_dearest_is_told_with_its_numbers_and_what_to_do() -> None:
    result = found({KEPT: about(335), f"{KEPT} t4": about(400), f"{KEPT} t1": about(1005)}, max_tasks=[0, 1, 4])
    numbers = result.numbers
    assert (numbers["tasks"], numbers["replaced"]) == (1, 30)  # the first two have a task each
    assert numbers["cost"] == pytest.approx(3, rel=0.02)
    assert numbers["each_s"] == pytest.approx(0.67 * 2 / 30, rel=0.02)
    assert result.lost_share == pytest.approx(2 / 3, rel=0.02)
    assert result.remedy == {"max_tasks": [0, 10]}


def test_a_python_without_the_mend_is_known() -> None:
    """As its executors really are: those of 3.11.7, 3.12.1 and 3.13.5 stop, those of 3.14.10 and 3.15.2 do not."""
    mended = replaces_every_worker()
    assert mended is any(hasattr(found, "_replace_dead_worker") for found in vars(process).values())
    assert not (mended and sys.version_info < (3, 13))
