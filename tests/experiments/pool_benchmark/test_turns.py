"""Threads that wait for each other, and what an item costs to hand over, are told before what follows from them."""

from __future__ import annotations

import pytest
from poolscope.experiments.pool_benchmark.findings import function
from poolscope.experiments.pool_benchmark.findings.dispatch import too_large_to_hand_over
from poolscope.experiments.pool_benchmark.findings.function import gil_held
from poolscope.experiments.pool_benchmark.messages import HEADLINES
from poolscope.experiments.pool_benchmark.reasons import reasons
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.verdict import verdict

from tests.experiments.pool_benchmark.invented_runs import about, planned, told, traced

OWN = {"workload": "mine:work@items"}


def test_waiting_work_that_one_thread_at_a_time_may_do_is_told_with_its_figures() -> None:
    maps = {"serial": about(640), "thread 2": about(640), "process 2": about(330)}
    traces = {"thread 2": traced(planned("thread 2"), 640, cpus=0.02, share=0.01)}
    now = told(maps, loop_share=0.02, traces=traces, asked=OWN)
    found, recommendation = gil_held(now, 2), recommend(now)
    assert (found.holds, found.code, found.lost_share) == (True, "in turn", 0.5)
    assert found.facts["stretched"] == pytest.approx(1.96, rel=0.01)
    assert recommendation is not None
    codes = [reason.code for reason in reasons(now, recommendation, 2)]
    assert "in turn" in codes
    assert "under the GIL" not in codes


def test_coroutines_that_wait_for_each_other_are_told_in_the_first_line() -> None:
    tried = {"is_async": True, "coroutine": True}
    traces = {"asyncio 4": traced(planned("asyncio 4"), 640, cpus=0.02, share=0.005)}
    maps = {"serial": about(640), "asyncio 4": [645.0, 636, 641, 638, 644]}
    now = told(maps, loop_share=0.02, traces=traces, tried=tried, asked=OWN)
    found, stated = gil_held(now, 2), verdict(now, 2)
    assert (found.holds, found.code, found.lost_share) == (True, "coroutines in turn", 0.75)
    assert found.facts["stretched"] == pytest.approx(3.92, rel=0.01)
    assert stated is not None
    assert stated.headline.startswith(HEADLINES["gil_held: coroutines in turn"])
    side_by_side = told({**maps, "asyncio 4": about(165)}, loop_share=0.02, traces=traces, tried=tried, asked=OWN)
    assert gil_held(side_by_side, 2).holds is None


def test_waiting_work_that_threads_do_side_by_side_takes_no_turns() -> None:
    maps = {"serial": about(640), "thread 2": about(330)}
    traces = {"thread 2": traced(planned("thread 2"), 330, cpus=0.02, share=0.01)}
    found = gil_held(told(maps, loop_share=0.02, traces=traces, asked=OWN), 2)
    assert (found.holds, found.code) == (False, "waits")


def test_large_items_count_by_what_they_cost() -> None:
    tried = {"item_bytes": 1_200_000, "result_bytes": 17, "pickle_s": 0.02}
    found = too_large_to_hand_over(told({"serial": about(200), "process 2": about(470)}, items=20, tried=tried), 2)
    assert (found.holds, found.code) == (True, "too large")
    assert found.lost_share == pytest.approx(0.02 / 0.03, rel=0.02)


def test_a_busy_machine_is_no_excuse_where_processes_overlapped_beside_the_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(function, "was_disturbed", lambda *_: True)
    traces = {"thread 2": traced(planned("thread 2"), 640, cpus=0.02, share=0.01)}
    maps = {"serial": about(640), "thread 2": about(640)}
    runs = [
        told(pools, loop_share=0.02, traces=traces, asked=OWN) for pools in (maps, maps | {"process 2": about(330)})
    ]
    assert [gil_held(now, 2).code for now in runs] == ["in turn, disturbed", "in turn"]
