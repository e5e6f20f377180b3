"""CPU time of child processes is a part of what an item costs, and is told apart from waiting."""

from __future__ import annotations

from pathlib import Path

import pytest
from poolscope.experiments.pool_benchmark.findings.cpus import more_workers_than_cpus, oversubscribed
from poolscope.experiments.pool_benchmark.findings.function import child_processes, light_kinds_suffice
from poolscope.experiments.pool_benchmark.reasons import as_good, reasons
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.work import waits
from poolscope.protocol.arguments import BenchmarkWork
from poolscope.protocol.commands import OpenWork
from poolscope.protocol.payloads import LoopTimes
from poolscope.protocol.records import Result
from poolscope.text.sentences import Part

from tests.cases.judging import looped, state_with, times_of, tried
from tests.cases.measuring import LIMIT_S, StartHost, measured, shared_host
from tests.experiments.pool_benchmark.invented_runs import about, told

__all__ = ["shared_host"]


@pytest.mark.parametrize(
    "function",
    ["in_program", "in_shells_background", "in_own_pool", "in_kept_executor", "in_awaited_program"],
)
def test_child_processes_that_compute_are_no_waiting(shared_host: StartHost, tmp_path: Path, function: str) -> None:
    host = shared_host(f"programs:{function}@few")
    trial, loop = tried(host, tmp_path), looped(host)
    now = state_with(times_of(loop, cpus=1.0), trial, pools=("thread 2", "thread 4"))
    found = child_processes(now, 2)
    assert (found.holds, found.code) == (True, "compute")
    assert found.facts["children_share"] > 0.7
    assert found.facts["children_s"] > 0.01
    assert found.remedy["sizes"] == [1, 2]
    assert waits(now) is False
    assert more_workers_than_cpus(now, 2).code == "no gain"
    assert trial.cpu_s[0] > 0.01  # the trial's calls have theirs as well
    # Two of them at once, as those of a pool, leave no CPU to another call.
    two = oversubscribed(state_with(times_of(loop, cpus=1.9), trial, gain=1.0), 2)
    assert (two.holds, two.code) == (True, "child processes")
    assert two.facts["cpu_over_wall"] == pytest.approx(1.9)
    assert two.facts["enough"] == 1


def test_a_child_process_that_waits_is_waiting(shared_host: StartHost, tmp_path: Path) -> None:
    host = shared_host("programs:in_waiting_program@few")
    trial = tried(host, tmp_path)
    now = state_with(times_of(looped(host)), trial)
    found = child_processes(now, 2)
    assert (found.holds, found.code) in [(False, "wait"), (False, "few")]
    assert found.facts["children_on_cpu"] < 0.3
    assert waits(now) is True


def test_where_child_processes_hardly_work_the_work_waits() -> None:
    maps = {"serial": about(800), "thread 2": about(415), "thread 4": about(216), "process 4": about(218)}
    times = LoopTimes(wall_s=4.0, cpu_s=0.1, children_cpu_s=0.7)
    now = told(maps, loop_share=None, asked={"workload": "mine:ask@many"}, more=[Result(0, times, "serial")])
    assert child_processes(now, 2).code == "wait"
    found = light_kinds_suffice(now, 2)
    assert (found.code, found.facts["why"]) == ("suffices", Part("work waits"))
    recommendation = recommend(now)
    assert recommendation is not None
    codes = [reason.code for reason in reasons(now, recommendation, 2)]
    assert ("work waits" in codes, "programs work" in codes) == (True, False)


def test_the_server_that_built_in_work_asks_is_not_the_work(shared_host: StartHost, tmp_path: Path) -> None:
    host = shared_host("programs:itself@few")
    host.open_work(OpenWork(BenchmarkWork("http", work_ms=0.1, items=300), str(tmp_path)), LIMIT_S)
    # To answer takes the server some hundredths of a second each time.
    assert [measured(host, kind).children_cpu for kind in ("serial", "thread", "asyncio")] == [0, 0, 0]


def test_work_without_child_processes_has_none(shared_host: StartHost, tmp_path: Path) -> None:
    host = shared_host("programs:itself@few")
    now = state_with(times_of(looped(host), cpus=1.0), tried(host, tmp_path))
    found = child_processes(now, 2)
    assert (found.holds, found.code) == (False, "few")
    assert found.facts["children_share"] < 0.01


def test_traced_tasks_cost_what_their_child_processes_do(shared_host: StartHost) -> None:
    host = shared_host("programs:in_program@few")
    for kind, start_method in (("thread", ""), ("process", "fork")):
        traced = measured(host, kind, start_method, traced=True).traced
        assert traced is not None, kind
        assert traced.children_cpu_s > 0.5 * traced.cost_s > 0.01, kind


def test_two_threads_are_enough_for_programs_that_need_two_cpus() -> None:
    maps = {"serial": about(800), "thread 2": about(415), "thread 4": about(416), "process 2": about(418)}
    times = LoopTimes(wall_s=4.0, cpu_s=0.05, children_cpu_s=3.9)
    now = told(maps, loop_share=None, asked={"workload": "mine:encode@files"}, more=[Result(0, times, "serial")])
    recommendation = recommend(now)
    assert recommendation is not None
    assert recommendation.config is not None
    assert (recommendation.config.kind, recommendation.config.size) == ("thread", 2)
    codes = [reason.code for reason in reasons(now, recommendation, 2)]
    assert "programs work" in codes
    assert as_good(now, recommendation) == ()  # processes are as fast, and take more
    found = light_kinds_suffice(now, 2)
    assert (found.code, found.facts["why"]) == ("suffices", Part("programs work"))
    assert child_processes(now, 2).facts["children_s"] == pytest.approx(3.9 / 5 / 32)
