"""A coroutine that keeps the event loop is told from one that gives it back, whatever it does meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from poolscope.experiments.pool_benchmark.findings.cpus import more_workers_than_cpus
from poolscope.experiments.pool_benchmark.findings.dispatch import work_too_small
from poolscope.experiments.pool_benchmark.findings.function import event_loop_blocked, light_kinds_suffice
from poolscope.experiments.pool_benchmark.verdict import verdict
from poolscope.protocol.payloads import LoopUse, TraceSummary
from poolscope.runner.host.client import HostProcess
from poolscope.runner.pools.loop_watch import LoopWatch

from tests.cases import coroutines
from tests.cases.judging import looped, state_with, times_of, tried
from tests.cases.measuring import StartHost, shared_host

__all__ = ["shared_host"]

AT_ONCE = ("asyncio 4", "asyncio 8")


def traced_loop(host: HostProcess) -> TraceSummary:
    summary = looped(host, traced=True).traced
    assert summary is not None
    return summary


@pytest.mark.parametrize(
    ("function", "code"),
    [
        ("sleeps", "waits"),
        ("computes", "computes"),
        ("runs_a_program", "programs"),
        ("suspends_once", "waits"),
        ("in_a_task", "waits"),
        ("awaits_what_never_suspends", "waits"),
        ("waits_for_a_thread", "waits"),
        ("partly_applied", "waits"),
    ],
)
def test_a_coroutine_that_blocks_is_found(shared_host: StartHost, tmp_path: Path, function: str, code: str) -> None:
    host = shared_host(f"coroutines:{function}@few")
    trial, times = tried(host, tmp_path), times_of(looped(host))
    for traces in ({}, {"serial": traced_loop(host)}):  # by the trial, and by the traced loop once it is there
        now = state_with(times, trial, pools=AT_ONCE, gain=1.0, traces=traces)
        found = event_loop_blocked(now, 2)
        assert (found.holds, found.code) == (True, code)
        assert found.facts["blocked_share"] > 0.8
        assert found.facts["longest_s"] > 0.03
        assert found.lost_share == pytest.approx(1 - 1 / (8 * found.facts["blocked_share"]))
        assert [check(now, 2).code for check in (work_too_small, more_workers_than_cpus, light_kinds_suffice)] == [
            "event loop blocked"
        ] * 3
        stated = verdict(now, 2)
        assert stated is not None
        assert stated.code == "blocked"
    # Nor is one blamed that overlapped after all, as where the first calls alone fill a cache.
    assert event_loop_blocked(state_with(times, trial, pools=AT_ONCE, gain=3.8), 2).code == "overlaps"


@pytest.mark.parametrize(
    "function", ["awaits", "awaits_often", "in_thread", "computes_in_thread", "awaits_a_program", "in_tasks"]
)
def test_a_coroutine_that_gives_the_loop_back_is_not_accused(
    shared_host: StartHost, tmp_path: Path, function: str
) -> None:
    host = shared_host(f"coroutines:{function}@few+start_helper")
    trial, times = tried(host, tmp_path), times_of(looped(host))
    for traces in ({}, {"serial": traced_loop(host)}):
        found = event_loop_blocked(state_with(times, trial, pools=AT_ONCE, gain=3.8, traces=traces), 2)
        assert (found.holds, found.code) == (False, "shares")
        assert found.facts["blocked_share"] < 0.25


def test_one_that_blocks_for_a_part_is_left_open(shared_host: StartHost, tmp_path: Path) -> None:
    host = shared_host("coroutines:does_half_of_each@few")
    trial = tried(host, tmp_path)
    assert trial.loop is not None
    assert 0.02 < trial.loop.busy_s / len((*trial.call_s, *trial.again_s)) < trial.loop.wall_s
    # As on a quiet machine: on a busy one it awaits for much longer than it asks for.
    quiet = replace(trial, loop=LoopUse(wall_s=0.64, busy_s=0.24, longest_s=0.024, cpu_s=0.0, ready_s=0.0))
    now = state_with(times_of(looped(host)), quiet, pools=AT_ONCE, gain=2.5)
    assert event_loop_blocked(now, 2).code == "partly"


def test_a_plain_function_is_no_coroutine(shared_host: StartHost, tmp_path: Path) -> None:
    host = shared_host("coroutines:compute@few")
    now = state_with(times_of(looped(host)), tried(host, tmp_path))
    assert (event_loop_blocked(now, 2).holds, event_loop_blocked(now, 2).code) == (False, "no coroutine")


def test_of_a_loop_without_a_selector_only_what_is_sure_is_told() -> None:
    uvloop = pytest.importorskip("uvloop")
    seen = {}
    for function in (coroutines.sleeps, coroutines.suspends_once, coroutines.awaits, coroutines.in_a_task):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            watch = LoopWatch(runner)
            assert watch.run(function(7)) == 7
            seen[function.__name__] = watch.use()
    assert seen["sleeps"] is not None
    assert seen["suspends_once"] is not None
    assert min(seen["sleeps"].blocked_share, seen["suspends_once"].blocked_share) > 0.8
    assert (seen["awaits"], seen["in_a_task"]) == (None, None)
