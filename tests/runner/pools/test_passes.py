"""Maps that are timed in a row: how often the function is called, with which items, and how many fill a sample."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from poolscope.protocol.kinds import PoolUse
from poolscope.runner.context import RunContext
from poolscope.runner.pools import measurement
from poolscope.runner.pools.kinds import measure
from poolscope.workloads.compute import square
from poolscope.workloads.work import Work

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@pytest.mark.parametrize("kind", ["serial", "thread"])
def test_so_many_passes_are_made_and_their_mean_is_told(context: RunContext, kind: str) -> None:
    called: list[int] = []

    def wait(n: int) -> int:
        called.append(n)
        time.sleep(0.004)
        return n

    began = time.perf_counter_ns()
    found = measure(context, PoolUse(kind, 1), Work(wait, [1, 2]), passes=3)
    whole = time.perf_counter_ns() - began
    assert (called, found.results) == ([1, 2] * 3, [1, 2])
    assert 8_000_000 <= found.map <= whole / 3


def test_each_pass_has_fresh_items_where_calls_change_them(context: RunContext) -> None:
    made: list[list[list[int]]] = []

    def fresh() -> list[list[int]]:
        made.append([[3, 1, 2], [2, 1]])
        return made[-1]

    def takes_one(numbers: list[int]) -> int:
        return numbers.pop()

    work = Work(takes_one, fresh(), fresh=fresh)
    found = measure(context, PoolUse("thread", 1), work, passes=4)
    assert found.results == [2, 1]
    assert made == [[[3, 1, 2], [2, 1]], *[[[3, 1], [2]]] * 4]  # the first were never mapped


@pytest.mark.parametrize("kind", ["serial", "thread", "asyncio", "process", "pool"])
def test_short_maps_say_how_many_of_them_fill_a_sample(context: RunContext, kind: str) -> None:
    async def square_at_once(n: int) -> int:
        return n * n

    found = measure(context, PoolUse(kind, 1), Work(square, range(3), square_at_once), fill_s=0.1)
    assert 1 < found.passes_to_fill <= measurement.MOST_PASSES


@pytest.mark.parametrize("asked", [{"fill_s": 0.01}, {}])
def test_a_map_that_is_long_enough_is_its_own_sample(context: RunContext, asked: dict[str, Any]) -> None:
    async def wait(n: int) -> int:
        await asyncio.sleep(0.012)
        return n

    found = measure(context, PoolUse("serial", 1), Work(wait, [1], wait), **asked)
    assert found.passes_to_fill == 1
