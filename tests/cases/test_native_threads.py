"""Threads that a task starts by itself, a library's or its own, are seen in the plain loop."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark.findings.cpus import oversubscribed, siblings_share_cores
from poolscope.experiments.pool_benchmark.findings.dispatch import work_too_small
from poolscope.experiments.pool_benchmark.findings.function import gil_held
from poolscope.experiments.pool_benchmark.plan import planned as planned_for
from poolscope.experiments.pool_benchmark.reasons import reasons
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.sessions import HowToMeasure, InterpreterSession
from poolscope.experiments.pool_benchmark.verdict import verdict
from poolscope.experiments.pool_benchmark.work import side_by_side
from poolscope.protocol.arguments import BenchmarkWork, InterpreterPath
from poolscope.protocol.commands import OpenWork
from poolscope.protocol.native import LIBRARIES, variables
from poolscope.protocol.payloads import LoopTimes, TrialReport
from poolscope.protocol.records import Result
from poolscope.runner.context import RunContext
from poolscope.runner.host.client import HostProcess

from tests.cases.judging import looped, state_with, times_of, tried
from tests.cases.measuring import HERE, LIMIT_S, StartHost, measured, start_host
from tests.experiments.pool_benchmark.invented_runs import about, planned, told, traced
from tests.runner.conftest import context

__all__ = ["context", "start_host"]

pytestmark = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one CPU has room for one thread")


def test_threads_are_seen_whoever_starts_them(start_host: StartHost, tmp_path: Path) -> None:
    """In one host: a library's threads may be at work for a while after a call, so that its calls come last."""
    host = start_host("native:in_one_thread_without_gil@few")

    def opened(function: str) -> TrialReport:
        host.open_work(OpenWork(BenchmarkWork(f"native:{function}@few", str(HERE)), str(tmp_path)), LIMIT_S)
        return tried(host, tmp_path)

    # Who lets go of the GIL makes no second thread, nor do threads that take turns.
    for function in ("in_one_thread_without_gil", "in_threads_under_gil"):
        trial = opened(function)
        found = oversubscribed(state_with(times_of(looped(host)), trial), 2)
        assert found.code in ("one thread", "unclear"), function
        assert found.facts["cpu_over_wall"] < 1.3, function

    trial = opened("in_own_threads")
    report = looped(host)
    assert (report.cpu or 0) > 10 * (report.main_thread_cpu or 0)  # which only waits for them
    assert oversubscribed(state_with(times_of(report, cpus=1.9), trial, gain=1.0), 2).holds is True

    for function in ("in_blas", "in_solver"):
        trial = opened(function)
        # On a busy machine one thread may get the CPU for nearly all of a pass.
        reports = (looped(host) for _ in range(20))
        report = next(one for one in reports if (one.cpu or 0) > 1.4 * (one.main_thread_cpu or 0))
        now = state_with(times_of(report, cpus=1.9), trial, gain=1.0)
        found = oversubscribed(now, 2)
        assert (found.holds, found.code, found.facts["libraries"]) == (True, "library threads", ("OpenBLAS",))
        assert found.facts["threads"] >= 2
        assert found.facts["enough"] == 1
        assert found.lost_share == pytest.approx(1 - 1 / found.facts["cpu_over_wall"])
        assert found.facts["cpu_over_wall"] > 1.3
        assert siblings_share_cores(now, 2).holds is not True
        # Nor is the GIL blamed where one call uses several CPUs.
        summary = traced(planned("thread 2"), report.map / 1e6, cpus=1.0, items=2)
        now = state_with(times_of(report, cpus=1.9), trial, gain=1.0, traces={"thread 2": summary})
        assert gil_held(now, 2).code == "several CPUs"
    # Traced, tasks in a thread cost what a library's threads do; one pass may be as above.
    summaries = (measured(host, "thread", size=1, traced=True).traced for _ in range(20))
    assert any(each is not None and each.native_cpu_s > 0.2 * each.cost_s > 0 for each in summaries)


def test_a_limit_of_native_threads_reaches_every_worker(context: RunContext, tmp_path: Path) -> None:
    work = BenchmarkWork("native:limited_to_one@few", str(HERE))
    first = InterpreterSession(context, InterpreterPath("9.9", sys.executable), work, tmp_path, LIMIT_S)
    session = first.with_native_threads(1, tmp_path)
    try:
        for config in (("serial", 1, ""), ("thread", 2, ""), ("process", 1, "fork"), ("pool", 1, "spawn")):
            report = session.measure(planned_for("9.9", *config, items=2, native_threads=1), HowToMeasure())
            assert report.same is True, config
    finally:
        session.end()


def test_a_limit_that_the_user_has_set_reaches_the_host(
    context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in LIBRARIES.values():
        monkeypatch.setenv(library.variable, "1")
    host = HostProcess.start(context, "9.9", sys.executable, str(HERE), own_site=True)
    try:
        host.open_work(OpenWork(BenchmarkWork("native:limited_to_one@few", str(HERE)), str(tmp_path)), LIMIT_S)
        assert tried(host, tmp_path).raised is None
        assert measured(host, "serial").same is True
    finally:
        host.end()


def test_with_one_native_thread_a_task_uses_one_cpu(context: RunContext, tmp_path: Path) -> None:
    limits = variables(1)
    host = HostProcess.start(context, "9.9", sys.executable, str(HERE), own_site=True, limits=limits)
    try:
        host.open_work(OpenWork(BenchmarkWork("native:in_blas@few", str(HERE)), str(tmp_path)), LIMIT_S)
        trial, report = tried(host, tmp_path), looped(host)
        assert trial.native_libraries == ("OpenBLAS",)
        assert trial.native_threads == 0
        assert (report.cpu or 0) < 1.1 * (report.main_thread_cpu or 0)
    finally:
        host.end()


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [({}, {"native_threads": [1, 2], "sizes": [1, 2]}), ({"native_threads": [1]}, {})],
)
def test_limiting_them_is_offered_until_it_was_tried(asked: dict[str, Any], remedy: dict[str, Any]) -> None:
    now = told(
        {"serial": about(640), "process 2": about(600)},
        asked=asked,
        loop_share=1.9,
        tried={"native_libraries": ("MKL", "OpenMP"), "native_threads": 1},
    )
    found = oversubscribed(now, 2)
    assert (found.holds, found.code) == (True, "library threads")
    assert found.facts["variables"] == ["MKL_NUM_THREADS", "OMP_NUM_THREADS"]
    assert found.remedy == remedy


def test_pools_that_find_no_cpu_free_are_no_reason_for_longer_items() -> None:
    now = told({"serial": about(640), "thread 2": about(660), "process 2": about(680)}, loop_share=1.95)
    assert work_too_small(now, 2).code == "several CPUs"
    stated, recommendation = verdict(now, 2), recommend(now)
    assert stated is not None
    assert recommendation is not None
    assert stated.code == "loop"
    assert "several CPUs" in [reason.code for reason in reasons(now, recommendation, 2)]


@pytest.mark.parametrize(("usable_cpus", "at_once"), [(2, 1), (4, 2), (8, 4)])
def test_a_task_of_two_threads_takes_the_room_of_two(usable_cpus: int, at_once: int) -> None:
    now = told({"serial": about(640), "process 8": about(680)}, loop_share=1.95)
    assert side_by_side(now, now.configs["process 8"], usable_cpus) == at_once


def test_threads_that_wait_for_a_cpu_side_by_side_are_not_several_at_work() -> None:
    """As those of a background thread on a busy machine, whose waiting times come on top of the main thread's."""
    times = LoopTimes(wall_s=1.0, cpu_s=0.6, native_cpu_s=0.03, ready_s=0.8)
    now = told({"serial": about(200), "process 2": about(110)}, loop_share=None, more=[Result(0, times, "serial")])
    assert oversubscribed(now, 2).holds is not True
    assert oversubscribed(now, 2).facts["loop_on_cpu"] == 1.0


def test_one_thread_that_the_main_one_waits_for_is_not_several_at_work() -> None:
    """As that of a pool of one, where both wait for a CPU on a busy machine."""
    times = LoopTimes(wall_s=1.0, cpu_s=0.6, native_cpu_s=0.58, ready_s=1.2)
    now = told({"serial": about(200), "process 2": about(110)}, loop_share=None, more=[Result(0, times, "serial")])
    assert oversubscribed(now, 2).holds is not True
    assert oversubscribed(now, 2).facts["loop_on_cpu"] == pytest.approx(1.0)
