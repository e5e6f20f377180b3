"""Which settings are compared, which can't do the work, and how long each may take."""

from __future__ import annotations

from typing import Any

import pytest
from poolscope.experiments.pool_benchmark.cost_estimates import beforehand, pass_s
from poolscope.experiments.pool_benchmark.plan import Configuration, Wanted, unfit

ABOUT: dict[str, Any] = {
    "kinds": dict.fromkeys(("serial", "thread", "process", "pool", "asyncio")) | {"interpreter": "It came with 3.14."},
    "start_method": "fork",
    "start_methods": ["fork", "spawn"],
}
SEEN: dict[str, Any] = {
    "function": "tasks:parse",
    "coroutine": False,
    "is_async": False,
    "unpicklable": {},
    "count": 10,
    "call_s": [0.1, 0.1],
    "cpu_s": [0.1, 0.1],
    "pickle_s": 0.0,
}
ASYNC = {**SEEN, "coroutine": True, "is_async": True}


def wanted(**changes: Any) -> Wanted:
    return Wanted(**{"kinds": [], "sizes": [2], "chunksizes": [0], "start_methods": [], **changes})


def keys(asked: Wanted, seen: dict[str, Any] = SEEN) -> list[str]:
    return [config.key for config in asked.configs("3.11", ABOUT, seen)]


def test_without_a_wish_there_is_every_kind_that_fits() -> None:
    assert keys(wanted()) == ["3.11 serial", "3.11 thread 2", "3.11 process fork 2 c0", "3.11 pool fork 2 c0"]
    assert keys(wanted(), {**SEEN, "coroutine": True})[-1] == "3.11 asyncio 2"


def test_what_was_asked_for_by_name_is_there_even_if_it_can_not() -> None:
    assert keys(wanted(kinds=["asyncio", "interpreter"])) == ["3.11 serial", "3.11 interpreter 2", "3.11 asyncio 2"]


def test_start_methods_and_chunk_sizes_vary_for_processes_alone() -> None:
    asked = wanted(kinds=["pool", "thread"], sizes=[2, 4], chunksizes=[0, 5], start_methods=["fork", "spawn"])
    found = keys(asked)
    assert found[:3] == ["3.11 serial", "3.11 thread 2", "3.11 thread 4"]
    assert len(found) == len(set(found)) == 3 + 2 * 2 * 2
    assert "3.11 pool spawn 4 c5" in found


@pytest.mark.parametrize(
    ("config", "used", "spare"),
    [
        (Configuration("3.11", "serial"), 1, 0),
        (Configuration("3.11", "thread", 16), 1, 6),
        (Configuration("3.11", "pool", 2, "fork"), 2, 0),
        (Configuration("3.11", "pool", 4, "fork", 5), 5, 2),
    ],
    ids=lambda value: getattr(value, "key", ""),
)
def test_the_plan_tells_the_chunk_and_who_will_have_nothing_to_do(config: Configuration, used: int, spare: int) -> None:
    row = config.planned(items=10)
    assert (row["arm"], row["chunk_used"], row["spare_workers"]) == (config.key, used, spare)


@pytest.mark.parametrize(
    ("config", "seen", "why"),
    [
        (Configuration("3.11", "interpreter", 2), SEEN, "It came with 3.14."),
        (Configuration("3.11", "pool", 2, "forkserver"), SEEN, "This Python has no start method forkserver."),
        (Configuration("3.11", "asyncio", 2), SEEN, "tasks:parse has no form as an async def"),
        (Configuration("3.11", "thread", 2), ASYNC, "tasks:parse is an async def"),
        (Configuration("3.11", "process", 2, "fork"), {**SEEN, "unpicklable": {"item": "I.", "result": "R."}}, "I. R."),
    ],
)
def test_an_arm_that_can_not_do_the_work_says_why(config: Configuration, seen: dict[str, Any], why: str) -> None:
    assert str(unfit(config, ABOUT, seen)).startswith(why)


@pytest.mark.parametrize("kind", ["serial", "thread", "asyncio"])
def test_what_can_not_be_pickled_hurts_processes_alone(kind: str) -> None:
    seen = {**SEEN, "coroutine": True, "unpicklable": {"function": "F."}}
    assert unfit(Configuration("3.11", kind, 2), ABOUT, seen) is None


def test_a_guess_knows_who_can_work_at_once() -> None:
    def guess(kind: str, size: int, gil: bool = True, waits: bool = False) -> float:
        seen = {**SEEN, "cpu_s": [0.0]} if waits else SEEN
        return pass_s(Configuration("3.11", kind, size), seen, gil, cpus=2)

    assert guess("serial", 1) == pytest.approx(1.0)
    assert guess("thread", 4) == pytest.approx(1.0, rel=0.01)
    assert guess("thread", 4, gil=False) == pytest.approx(0.5, rel=0.01)
    assert guess("thread", 5, waits=True) == pytest.approx(0.2, rel=0.1)
    assert guess("asyncio", 10, waits=True) == pytest.approx(0.1)
    assert 0.5 < guess("process", 8) < 1.0


def test_built_in_work_has_a_time_before_anything_is_known() -> None:
    params = {"workload": {"name": "sleep"}, "work_ms": 100.0, "items": 4, "repeats": 1, "pythons": [{"label": "3.11"}]}
    done, total, left = beforehand(params, wanted(kinds=["thread"]), cpus=2).estimate()
    assert (done, total) == (0, 6)
    assert left == pytest.approx(3 * 0.4 + 3 * 0.2, rel=0.1)
    assert beforehand({**params, "workload": {"name": "a:b@c"}}, wanted(), cpus=2).estimate()[2] is None
