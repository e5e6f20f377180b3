"""Live runs that hold more than they may: which one must end, told by its code, and that it is really ended."""

from __future__ import annotations

import os
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from poolscope.experiments.demand import Demand
from poolscope.protocol.commands import ProcessLimits, StopRun
from poolscope.protocol.records import End, from_line
from poolscope.runs.budget import Breach, ResourceBudget
from poolscope.runs.monitor import SUSPENDED_LOOKS, LookedAt, SessionUsage, find_breach, usage_of
from poolscope.runs.process_tree import session
from poolscope.runs.run import Run, Status

from tests.runs.conftest import ENDLESS, PATIENT, OpenScheduler, begun, done, pid_of, until

SMALL = LookedAt(Demand(1, 10, 1_000), SessionUsage(tasks=10, resident=900, cpu_s=1.0))
ROOMY = ResourceBudget(busy=100, processes=100, memory=10_000)


def code_of(found: tuple[str, object] | None) -> tuple[str, object] | None:
    return found and (found[0], getattr(found[1], "code", None))


def test_nobody_ends_while_there_is_enough_for_all() -> None:
    beyond = replace(SMALL, usage=replace(SMALL.usage, tasks=80, resident=8_000, cpu_s=10**6))
    assert find_breach({"one": SMALL, "two": beyond}, ROOMY, None) is None
    assert find_breach({"one": beyond}, ResourceBudget(), None) is None


def test_the_one_ends_that_exceeds_its_estimate_most() -> None:
    many = replace(SMALL, usage=replace(SMALL.usage, tasks=95))
    assert code_of(find_breach({"one": SMALL, "two": many}, ROOMY, None)) == ("two", "process-limit")
    expected = LookedAt(Demand(1, 95, 1_000), many.usage)
    one_more = replace(SMALL, usage=replace(SMALL.usage, tasks=11))
    assert code_of(find_breach({"one": one_more, "two": expected}, ROOMY, None)) == ("one", "process-limit")


def test_memory_counts_once_what_processes_share() -> None:
    here = usage_of([os.getsid(0)])[os.getsid(0)]
    run = {"one": LookedAt(Demand(1, 1, 0), replace(here, pids=(os.getpid(),)))}
    held = run["one"].usage.shared_once
    assert 0 < held <= here.resident
    assert find_breach(run, ResourceBudget(memory=2 * held), None) is None
    assert code_of(find_breach(run, ResourceBudget(memory=held // 2), None)) == ("one", "memory-limit")


def test_cpu_time_and_a_suspended_runner_concern_their_run_alone() -> None:
    long = replace(SMALL, usage=replace(SMALL.usage, cpu_s=31.0))
    assert code_of(find_breach({"one": SMALL, "two": long}, ROOMY, 30.0)) == ("two", "cpu-limit")
    lasting = replace(SMALL, lasted_s=121.0)
    assert code_of(find_breach({"one": SMALL, "two": lasting}, ROOMY, 30.0, 120.0)) == ("two", "time-limit")
    for looks, found in ((SUSPENDED_LOOKS - 1, None), (SUSPENDED_LOOKS, ("one", "suspended"))):
        assert code_of(find_breach({"one": replace(SMALL, suspended=looks)}, ROOMY, None)) == found


def test_a_process_is_read_whatever_its_name(tmp_path: Path) -> None:
    fields = ["T", "1", "70", "70", *["0"] * 7, "100", "50", "25", "25", "0", "0", "9", "0", "0", "0", "3", *["0"] * 20]
    for pid, name in ((70, "a (b) c"), (71, "worker")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}")
    (tmp_path / "self").symlink_to("70")
    usage = usage_of([70], tmp_path)[70]
    assert (sorted(usage.pids), usage.tasks, usage.suspended) == ([70, 71], 18, True)
    assert usage.resident == 6 * os.sysconf("SC_PAGE_SIZE")
    assert usage.cpu_s == pytest.approx(400 / os.sysconf("SC_CLK_TCK"))
    assert usage_of([99], tmp_path) == {99: SessionUsage()}


def last(run: Run) -> End:
    record = from_line(run.record_log.lines[-1])
    assert isinstance(record, End)
    return record


async def test_a_suspended_runner_is_noticed_told_and_ended(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolscope.runs.monitor.LOOK_S", 0.1)
    async with open_scheduler() as scheduler:
        run = await until(await scheduler.start("shared-list", ENDLESS), lambda run: run.state.counts.added)
        assert resource.prlimit(pid_of(run), resource.RLIMIT_CORE) == (0, 0)
        assert resource.prlimit(pid_of(run), resource.RLIMIT_FSIZE)[1] == ProcessLimits().file_bytes
        os.kill(pid_of(run), signal.SIGSTOP)
        await done(scheduler, run)
        assert (run.status, last(run).code) == (Status.FAILED, "suspended")
        assert run.error == last(run).reason
        assert run.as_json()["error_code"] == "suspended"
        assert session(pid_of(run)) == []
        assert await scheduler.journal.lines(run.id) == run.record_log.lines


async def test_a_run_that_forks_too_often_is_ended(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolscope.runs.monitor.LOOK_S", 0.02)
    forks = PATIENT + "for _ in range(25): os.fork() or time.sleep(60)\ntime.sleep(60)"
    async with open_scheduler(forks, budget=ResourceBudget(processes=20)) as scheduler:
        run = await done(scheduler, await scheduler.start("shared-list", ENDLESS))
        assert (run.status, last(run).code) == (Status.FAILED, "process-limit")
        assert session(pid_of(run)) == []


async def test_a_flood_of_records_is_ended_and_what_came_is_kept(open_scheduler: OpenScheduler) -> None:
    flood = "while True: say('result', name='list counts', value={'added': 1}, config='x' * 10_000)"
    async with open_scheduler(PATIENT + flood, records_mib=1) as scheduler:
        run = await done(scheduler, await scheduler.start("shared-list", {}))
        assert (run.status, last(run).code) == (Status.FAILED, "record-limit")
        assert 2**20 < run.record_log.bytes < 2**21
        assert await scheduler.journal.lines(run.id) == run.record_log.lines
        assert (await begun(await scheduler.start("shared-list", {}))).status is Status.RUNNING


async def test_why_a_run_was_ended_stands_before_what_its_runner_says_of_that(open_scheduler: OpenScheduler) -> None:
    """Its workers are killed before it, and it may have the time to say so."""
    lost = PATIENT + "control.readline()\nsay('end', outcome='failed', reason='A worker was killed by SIGKILL.')"
    async with open_scheduler(lost) as scheduler:
        run = await begun(await scheduler.start("shared-list", {}))
        run.breach = Breach("memory-limit", "It was ended with 3 GB of memory.")
        scheduler._runners[run.id].send(StopRun())
        await done(scheduler, run)
        assert run.as_json()["error_code"] == "memory-limit"
        assert run.error == last(run).reason == "It was ended with 3 GB of memory. A worker was killed by SIGKILL."
