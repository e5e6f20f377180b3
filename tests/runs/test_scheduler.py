"""Runs through the scheduler, in real runners: from start to end, stopped, killed, queued and refused."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import uvloop
from poolscope.errors import (
    BadParameters,
    QueueFull,
    RunIsLive,
    ServerEnding,
    TooManyStarts,
    UnknownExperiment,
    UnknownRun,
)
from poolscope.experiments.demand import Demand
from poolscope.experiments.experiment import Experiments, Installation
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.machine import memory
from poolscope.protocol.arguments import BenchmarkArguments, BenchmarkWork, InterpreterPath
from poolscope.protocol.records import End, Failure, Opening, Printed, Result
from poolscope.runs.budget import ResourceBudget, Shortage
from poolscope.runs.journal import Journal
from poolscope.runs.measurement_lock import MeasurementLock
from poolscope.runs.process_tree import session
from poolscope.runs.run import Run, Status, Visitor
from poolscope.runs.run_cgroups import RunCgroups, Subtree
from poolscope.runs.runner_process import PRINTED_LIMIT, RunnerProcess
from poolscope.runs.scheduler import Scheduler

from tests.runs.conftest import (
    BRIEF,
    COUNTS,
    ENDLESS,
    FINISHES,
    PATIENT,
    UNTIL_STOPPED,
    Children,
    OpenScheduler,
    all_noted,
    begun,
    done,
    ended,
    pid_of,
    records,
    until,
)

WAITS = PATIENT + UNTIL_STOPPED
# It heeds neither the command to stop nor SIGTERM.
DEAF = (
    PATIENT
    + """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
say("count", name="ready", values={})
while True:
    time.sleep(60)
"""
)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners are given less time to stop by themselves."""
    monkeypatch.setattr(RunnerProcess.stop, "__defaults__", (0.1, 0.1))


async def test_a_run_goes_from_start_to_finished_with_its_state_and_what_the_machine_is_like(
    scheduler: Scheduler,
) -> None:
    run = await done(scheduler, await scheduler.start("shared-list", BRIEF))
    assert (run.status, run.error) == (Status.FINISHED, None)
    assert run.id == "sl-0001"
    answer = run.as_json()
    assert answer["state"]["added"] > 0
    assert answer["state"]["consistent"]
    assert answer["verdict"].startswith("The invariant holds")
    assert answer["conditions"]["python"]
    assert answer["conditions"]["shared_with"] == []
    assert run.created <= (run.started or "") <= (run.ended or "")
    opening = records(run)[0]
    assert isinstance(opening, Opening)
    assert isinstance(records(run)[-1], End)
    assert run.record_log.closed

    assert opening.machine is not None
    assert run.conditions["usable_cpus"] == run.usable_cpus == opening.machine.usable_cpus >= 1
    assert {"python", "platform", "cpu", "usable_cpus"} <= set(run.conditions)

    assert await scheduler.stop(run.id) is run
    assert run.as_json() == answer, "an ended run was changed"


async def test_it_works_on_uvloop_as_well(tmp_path: Path, scratch: Path) -> None:
    runner = tmp_path / "runner.py"
    runner.write_text(
        PATIENT + "if begin['run'] == 'sl-0001': sys.exit(say('end', outcome='finished'))" + UNTIL_STOPPED
    )

    async def one_run() -> None:
        scheduler = Scheduler(Journal(tmp_path / "poolscope.sqlite"), runner=runner)
        await scheduler.open()
        finished = await done(scheduler, await scheduler.start("shared-list", BRIEF))
        killed = await begun(await scheduler.start("shared-list", ENDLESS))
        os.kill(pid_of(killed), signal.SIGKILL)
        await done(scheduler, killed)
        stopped = await begun(await scheduler.start("shared-list", ENDLESS))
        await scheduler.stop(stopped.id)
        await done(scheduler, stopped)
        await scheduler.close()
        assert [run.status for run in (finished, killed, stopped)] == ["finished", "failed", "stopped"]
        assert "SIGKILL" in (killed.error or "")

    await asyncio.to_thread(uvloop.run, one_run())


async def test_stop_ends_a_run_that_is_just_being_started(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS) as scheduler:
        run = await scheduler.start("shared-list", ENDLESS)
        assert run in scheduler.running()
        await scheduler.stop(run.id)
        await done(scheduler, run)
        assert run.status is Status.STOPPED


async def test_stop_takes_a_waiting_run_out_of_the_queue(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS) as scheduler:
        first = await scheduler.start("pool-sizes", {})
        second, third = await scheduler.start("pool-sizes", {}), await scheduler.start("pool-sizes", {})
        assert [run.place for run in (first, second, third)] == [0, 1, 2]
        await scheduler.stop(second.id)
        assert (second.status, third.place, scheduler.queued()) == (Status.STOPPED, 1, 1)
        row = await scheduler.journal.run(second.id)
        assert row is not None
        assert row.status == "stopped"


async def test_a_runner_that_heeds_neither_the_command_nor_sigterm_is_killed(
    open_scheduler: OpenScheduler, impatient: None
) -> None:
    async with open_scheduler(DEAF) as scheduler:
        run = await until(await scheduler.start("shared-list", ENDLESS), lambda run: len(run.record_log.lines) > 1)
        await scheduler.stop(run.id)
        await done(scheduler, run)
        assert (run.status, session(pid_of(run))) == (Status.STOPPED, [])


async def test_every_runner_that_the_kernel_kills_for_want_of_memory_is_told_with_the_code(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = 7
    monkeypatch.setattr(memory, "kills", lambda _: kills)
    async with open_scheduler(WAITS) as scheduler:
        for meanwhile, code in ((1, "out-of-memory"), (1, "out-of-memory"), (0, None)):
            run = await begun(await scheduler.start("shared-list", ENDLESS))
            scheduler._prewarm()  # the next one waits already, and is not to be told of this one's end
            assert scheduler._prewarmed._waiting is not None
            await scheduler._prewarmed._waiting
            kills += meanwhile
            os.kill(pid_of(run), signal.SIGKILL)
            await done(scheduler, run)
            assert run.as_json()["error_code"] == code
            assert ("killed the runner process for want of memory" in (run.error or "")) == bool(meanwhile)


async def test_a_killed_runners_workers_are_ended_with_it(open_scheduler: OpenScheduler) -> None:
    forks = PATIENT + "if os.fork(): say('count', name='forked', values={})\nwhile True: time.sleep(60)"
    async with open_scheduler(forks) as scheduler:
        run = await until(await scheduler.start("shared-list", ENDLESS), lambda run: len(run.record_log.lines) > 1)
        leader = pid_of(run)
        assert len(session(leader)) == 2
        os.kill(leader, signal.SIGKILL)
        await done(scheduler, run)
        assert session(leader) == []
        assert "SIGKILL" in (run.error or "")


async def test_a_runner_that_leaves_with_an_exit_code_is_quoted(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(PATIENT + "sys.exit('the disk is on fire')") as scheduler:
        run = await ended(await scheduler.start("shared-list", {}))
        assert run.status is Status.FAILED
        assert run.error is not None
        assert "exit code 1" in run.error
        assert "the disk is on fire" in run.error


async def test_a_prewarmed_runner_that_was_killed_is_replaced(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(FINISHES) as scheduler:
        scheduler._prewarm()
        waiting = scheduler._prewarmed._waiting
        assert waiting is not None
        os.kill((await waiting).pid, signal.SIGKILL)
        await (await waiting)._process.wait()
        run = await done(scheduler, await scheduler.start("shared-list", BRIEF))
        assert run.status is Status.FINISHED


async def test_for_a_lone_run_a_runner_is_prewarmed_once(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(FINISHES, lone="shared-list") as scheduler:
        assert scheduler._prewarmed._waiting is not None
        run = await done(scheduler, await scheduler.start("shared-list", BRIEF))
        assert run.status is Status.FINISHED
        assert scheduler._prewarmed._waiting is None


async def test_no_interpreter_means_a_failed_run_that_says_so(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(python="/nowhere/python") as scheduler:
        run = await done(scheduler, await scheduler.start("shared-list", {}))
        assert run.status is Status.FAILED
        assert "No runner process could be started" in (run.error or "")
        assert "/nowhere/python" in (run.error or "")


@pytest.mark.parametrize(
    "nonsense",
    [
        "os.write(records, b'this is no record\\n')",
        "say('riddle')",
        "say('span', actor='one')",
        "os.write(records, b'\\xff\\xfe\\n')",
        "say('list', actor='x', change='added', number=1, items=5, length=1)",
    ],
    ids=["no JSON", "unknown kind", "a field is missing", "no UTF-8", "a field of another type"],
)
async def test_a_runner_that_sends_what_is_no_record_fails_the_run_but_what_came_before_is_kept(
    open_scheduler: OpenScheduler, nonsense: str
) -> None:
    sane = "say('result', name='list counts', value={'added': 1}, config='')\n"
    async with open_scheduler(PATIENT + sane + nonsense + "\nwhile True: time.sleep(60)") as scheduler:
        run = await done(scheduler, await scheduler.start("shared-list", {}))
        assert run.status is Status.FAILED
        assert "no record" in (run.error or "")
        assert run.state.counts.added == 1
        assert await scheduler.journal.lines(run.id) == run.record_log.lines
        assert [type(record) for record in records(run)] == [Opening, Result, End]


async def test_a_line_without_an_end_does_not_fill_the_memory(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolscope.runs.runner_process.LINE_LIMIT", 1_000_000)
    async with open_scheduler(PATIENT + "while True: os.write(records, b'x' * 65536)") as scheduler:
        run = await ended(await scheduler.start("shared-list", {}))
        assert run.status is Status.FAILED
        assert "no end within 1000000 bytes" in (run.error or "")


async def test_an_outcome_that_the_protocol_does_not_know_is_a_failure(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(PATIENT + "say('end', outcome='queued')") as scheduler:
        assert (await ended(await scheduler.start("shared-list", {}))).status is Status.FAILED


async def test_a_runner_that_says_its_end_and_then_hangs_is_ended(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunnerProcess.reap, "__defaults__", (0.1,))
    async with open_scheduler(FINISHES + "\nwhile True: time.sleep(60)") as scheduler:
        run = await done(scheduler, await scheduler.start("shared-list", {}))
        assert (run.status, session(pid_of(run))) == (Status.FINISHED, [])


async def test_what_a_run_prints_is_recorded_and_characters_stay_whole(open_scheduler: OpenScheduler) -> None:
    prints = "os.write(1, b'a' + 'ü'.encode() * 8192)\nos.write(2, b'oh\\n')\n"
    async with open_scheduler(PATIENT + prints + "say('end', outcome='finished')") as scheduler:
        run = await done(scheduler, await scheduler.start("shared-list", {}))
        printed = [record for record in records(run) if isinstance(record, Printed)]
        assert "".join(each.text for each in printed if each.stream == "stdout") == "a" + "ü" * 8192
        assert "".join(each.text for each in printed if each.stream == "stderr") == "oh\n"


async def test_a_flood_of_prints_is_bounded_and_counted(open_scheduler: OpenScheduler) -> None:
    flood = "for _ in range(300): os.write(1, b'x' * 10_000)\n"
    async with open_scheduler(PATIENT + flood + "say('end', outcome='finished')") as scheduler:
        run = await done(scheduler, await scheduler.start("shared-list", {}))
        printed = [record for record in records(run) if isinstance(record, Printed)]
        assert sum(len(each.text) for each in printed) == PRINTED_LIMIT
        assert sum(each.left_out for each in printed) == 3_000_000 - PRINTED_LIMIT
        assert run.status is Status.FINISHED


async def test_an_exception_in_the_body_is_recorded_with_its_traceback(scheduler: Scheduler) -> None:
    broken = replace(EXPERIMENTS["shared-list"], room="no_such_room")
    scheduler.experiments = Experiments({"shared-list": lambda: broken})
    run = await ended(await scheduler.start("shared-list", BRIEF))
    failure = records(run)[-2]
    assert isinstance(failure, Failure)
    assert failure.type == "ModuleNotFoundError"
    assert "Traceback" in failure.traceback
    assert run.status is Status.FAILED
    assert "no_such_room" in (run.error or "")


async def test_measured_runs_take_turns_and_live_ones_run_side_by_side(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS) as scheduler:
        measured = [await scheduler.start("pool-sizes", {}) for _ in range(2)]
        live = [await begun(await scheduler.start("shared-list", {})) for _ in range(3)]
        await begun(measured[0])
        assert set(scheduler.running()) == {measured[0], *live}
        assert measured[1].place == 1
        await scheduler.stop(measured[0].id)
        await begun(measured[1])
        assert not measured[0].status.live
        assert measured[1] in scheduler.running()


async def test_a_considerate_run_waits_for_the_measurements_that_were_there_before_it_and_no_other(
    open_scheduler: OpenScheduler,
) -> None:
    async with open_scheduler(WAITS) as scheduler:
        first = await begun(await scheduler.start("which-pool", {}))
        second = await scheduler.start("sharing", {})
        considerate = await scheduler.start("shared-list", {}, considerate=True)
        hurried = await scheduler.start("factorials", {}, considerate=True)
        await scheduler.start("which-pool", {})
        assert (considerate.place, set(considerate.behind)) == (2, {first.id, second.id})

        await begun(await scheduler.hurry(hurried.id))
        assert first.conditions["shared_with"] == [hurried.id]
        await scheduler.stop(first.id)
        await begun(second)
        assert (considerate.status, considerate.behind) == (Status.QUEUED, (second.id,))
        await scheduler.stop(second.id)
        await begun(considerate)


async def test_each_run_that_waits_has_a_place_of_its_own_by_when_it_is_likely_to_start(
    open_scheduler: OpenScheduler,
) -> None:
    async with open_scheduler(WAITS) as scheduler:
        await begun(await scheduler.start("which-pool", {}))
        sharing = await scheduler.start("sharing", {})
        together = [await scheduler.start(name, {}, considerate=True) for name in ("shared-list", "pool-sizes")]
        later = [await scheduler.start(name, {}, considerate=True) for name in ("sharing", "factorials")]
        waiting = [sharing, *together, *later]
        assert [run.place for run in waiting] == [1, 2, 3, 4, 5]
        starts = [run.expected_start or "" for run in waiting]
        assert all(starts)
        assert starts == sorted(starts)
        for run in waiting:
            before = {each.id for each in waiting if each.place < run.place}
            assert set(run.behind) <= before | {each.id for each in scheduler.running()}


async def test_a_run_that_waits_for_room_has_its_place_among_those_that_are_measured(
    open_scheduler: OpenScheduler,
) -> None:
    async with open_scheduler(WAITS, live_limit=1) as scheduler:
        await begun(await scheduler.start("which-pool", {"seconds": 60}))
        await begun(await scheduler.start("shared-list", {"seconds": 10}))
        measured = await scheduler.start("pool-sizes", {})
        soon, late = [await scheduler.start("shared-list", {"seconds": 600}) for _ in range(2)]
        assert [run.place for run in (soon, measured, late)] == [1, 2, 3]
        assert [bool(run.expected_start) for run in (soon, measured, late)] == [False, True, False]


async def test_nothing_waits_for_a_measurement_that_is_watched_beside_live_runs_or_where_nobody_asked_for_that(
    open_scheduler: OpenScheduler,
) -> None:
    async with open_scheduler(WAITS) as scheduler:
        sizes = await begun(await scheduler.start("pool-sizes", {}))
        await begun(await scheduler.start("shared-list", {}, considerate=True))
        await scheduler.stop(sizes.id)
        await begun(await scheduler.start("which-pool", {}))
        await begun(await scheduler.start("shared-list", {}))


async def test_among_strangers_a_run_waits_for_its_own_visitors_measurements_alone(
    open_scheduler: OpenScheduler,
) -> None:
    async with open_scheduler(WAITS, for_strangers=True) as scheduler:
        measured = await begun(await scheduler.start("which-pool", {}, Visitor("one", "here")))
        held = await scheduler.start("shared-list", {}, Visitor("one", "here"), considerate=True)
        await begun(await scheduler.start("shared-list", {}, Visitor("two", "here"), considerate=True))
        assert (held.status, held.behind) == (Status.QUEUED, (measured.id,))


async def test_live_runs_wait_beyond_their_limit(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS, live_limit=1) as scheduler:
        first, second = await scheduler.start("shared-list", {}), await scheduler.start("shared-list", {})
        assert [run.place for run in (first, second)] == [0, 1]
        await scheduler.stop(first.id)
        await begun(second)


async def test_what_ran_beside_a_run_is_a_condition_of_both(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS) as scheduler:
        first = await scheduler.start("shared-list", {})
        second = await begun(await scheduler.start("shared-list", {}))  # while the first is being started
        await begun(first)
        third = await begun(await scheduler.start("pool-sizes", {}))
        assert set(first.conditions["shared_with"]) == {second.id, third.id}
        assert set(second.conditions["shared_with"]) == {first.id, third.id}
        assert set(third.conditions["shared_with"]) == {first.id, second.id}


async def test_a_full_queue_refuses_what_would_have_to_wait(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS, queue_limit=1) as scheduler:
        for _ in range(2):
            await scheduler.start("pool-sizes", {})
        with pytest.raises(QueueFull) as refused:
            await scheduler.start("pool-sizes", {})
        assert refused.value.retry_after > 0
        assert len(scheduler.store.in_memory()) == len(await scheduler.journal.runs()) == 2
        assert (await scheduler.start("shared-list", {})) in scheduler.running()  # it has not to wait


async def test_many_starts_at_once_do_not_overfill_the_queue(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS, queue_limit=2) as scheduler:
        await scheduler.start("pool-sizes", {})
        starts = await asyncio.gather(*(scheduler.start("pool-sizes", {}) for _ in range(6)), return_exceptions=True)
        assert scheduler.queued() == 2
        assert sum(isinstance(start, QueueFull) for start in starts) == 4


async def test_a_client_that_starts_too_fast_is_refused_and_others_are_not(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS, starts_per_minute=2) as scheduler:
        for _ in range(2):
            await scheduler.start("shared-list", {}, Visitor("one"))
        with pytest.raises(TooManyStarts) as refused:
            await scheduler.start("shared-list", {}, Visitor("one"))
        assert 0 < refused.value.retry_after <= 61
        await scheduler.start("shared-list", {}, Visitor("another"))


async def test_bad_parameters_start_nothing(scheduler: Scheduler) -> None:
    with pytest.raises(UnknownExperiment):
        await scheduler.start("shared-lisp", {})
    with pytest.raises(BadParameters):
        await scheduler.start("shared-list", {"producers": 0})
    with pytest.raises(UnknownRun):
        await scheduler.stop("sl-9999")
    assert await scheduler.journal.runs() == []


async def test_a_run_is_given_what_is_offered_and_nothing_else_starts(open_scheduler: OpenScheduler) -> None:
    installation = Installation(
        ("tasks:parse@samples",), "/here", (), {"3.11": "/ours/python", "3.13": "/other/python"}
    )
    async with open_scheduler(WAITS, installation=installation) as scheduler:
        for asked in ({"workload": "tasks:other@samples"}, {"pythons": ["3.12"]}):
            with pytest.raises(BadParameters, match=next(iter(asked))):
                await scheduler.start("which-pool", asked)
        assert await scheduler.journal.runs() == []
        run = await begun(await scheduler.start("which-pool", {"workload": "tasks:parse@samples", "pythons": ["3.13"]}))
        opening = records(run)[0]
        assert isinstance(opening, Opening)
        assert isinstance(opening.arguments, BenchmarkArguments)
        assert opening.arguments.work == BenchmarkWork("tasks:parse@samples", "/here")
        assert opening.arguments.pythons == (InterpreterPath("3.13", "/other/python"),)
        assert run.as_json()["params"]["pythons"] == ["3.13"]  # paths are the runner's business


async def test_controls_reach_the_runner_and_must_fit_and_stop_keeps_what_came_before(scheduler: Scheduler) -> None:
    run = await until(await scheduler.start("shared-list", ENDLESS), lambda run: run.state.counts.added)
    await scheduler.change(run.id, {"delay_max": "1.5", "paused": "true"})
    await until(run, lambda run: run.state.paused)
    assert run.as_json()["state"]["controls"] == {"delay_min": 0.001, "delay_max": 1.5, "paused": True}
    with pytest.raises(BadParameters, match="delay_min must not exceed delay_max"):
        await scheduler.change(run.id, {"delay_min": 2})
    await scheduler.change(run.id, {"delay_min": 1.2, "paused": False})
    await until(run, lambda run: not run.state.paused)
    await scheduler.stop(run.id)
    await done(scheduler, run)
    assert (run.status, run.error) == (Status.STOPPED, None)
    assert run.as_json()["state"]["added"] > 0
    assert session(pid_of(run)) == []
    with pytest.raises(BadParameters, match="nothing that can be changed"):
        await scheduler.change(run.id, {"paused": True})


async def test_a_live_run_is_not_deleted_and_an_ended_one_is(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS) as scheduler:
        run = await begun(await scheduler.start("shared-list", ENDLESS))
        with pytest.raises(RunIsLive):
            await scheduler.delete(run.id)
        await scheduler.stop(run.id)
        await done(scheduler, run)
        await scheduler.delete(run.id)
        with pytest.raises(UnknownRun):
            await scheduler.store.run(run.id)
        assert await scheduler.store.latest("shared-list") is None


async def test_a_killed_runner_fails_its_run_alone_and_a_recalled_run_is_as_it_was_live_and_its_visitors(
    open_scheduler: OpenScheduler,
) -> None:
    one = Visitor("one", "here")
    async with open_scheduler() as scheduler:
        killed = await until(await scheduler.start("shared-list", ENDLESS, one), lambda run: run.state.counts.added)
        os.kill(pid_of(killed), signal.SIGKILL)
        await done(scheduler, killed)
        assert killed.status is Status.FAILED
        assert "SIGKILL" in (killed.error or "")
        last = records(killed)[-1]
        assert isinstance(last, End)
        assert last.outcome == "failed"
        assert killed.as_json()["state"]["added"] > 0
        assert await scheduler.journal.lines(killed.id) == killed.record_log.lines
        assert session(pid_of(killed)) == []
        factorials = await done(scheduler, await scheduler.start("factorials", {"first": -1, "last": 5}))
        assert factorials.status is Status.FINISHED
    async with open_scheduler() as scheduler:
        for before in (killed, factorials):
            after = await scheduler.store.run(before.id)
            assert after is not before
            assert after.as_json() == before.as_json()
            assert after.as_json(whole=False) == before.as_json(whole=False)
            assert after.record_log.lines == before.record_log.lines
            assert after.record_log.closed
            assert after.visitor.id == before.visitor.id
        store, journal = scheduler.store, scheduler.journal
        recalled = await store.run(killed.id)
        assert await store.latest("shared-list") is await store.latest("shared-list", "one") is recalled
        assert await store.latest("shared-list", "two") is None
        assert [row.id for row in await journal.runs(visitor="one")] == [killed.id]
        assert await journal.count("two") == 0
        # What a server before has run is no change.
        assert store.of().latest == {"shared-list": killed.id, "factorials": factorials.id}
        assert store.of().changes == 0


async def test_old_runs_leave_the_memory_and_come_back_from_the_journal(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolscope.runs.store.RECENT", 2)
    async with open_scheduler(FINISHES, starts_per_minute=1000) as scheduler:
        runs = [await done(scheduler, await scheduler.start("shared-list", {})) for _ in range(4)]
        assert scheduler.store.in_memory() == runs[2:]
        recalled = await scheduler.store.run(runs[0].id)
        assert recalled is not runs[0]
        assert await scheduler.store.run(runs[0].id) is recalled


async def test_large_runs_leave_the_memory_before_there_are_many(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolscope.runs.store.RECENT_BYTES", 1)
    async with open_scheduler(FINISHES) as scheduler:
        runs = [await done(scheduler, await scheduler.start("shared-list", {})) for _ in range(3)]
        assert scheduler.store.in_memory() == runs[2:]
        recalled = await scheduler.store.run(runs[0].id)
        assert recalled.record_log.lines == runs[0].record_log.lines


async def test_the_oldest_runs_are_pruned(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(FINISHES, keep_runs=2) as scheduler:
        runs = [await done(scheduler, await scheduler.start("shared-list", {})) for _ in range(3)]
    async with open_scheduler() as scheduler:
        assert [row.id for row in await scheduler.journal.runs()] == [runs[2].id, runs[1].id]


async def test_close_interrupts_what_runs_what_waits_and_what_is_being_started(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS) as scheduler:
        running = await begun(await scheduler.start("shared-list", ENDLESS))
        measured = await begun(await scheduler.start("pool-sizes", {"workload": "square-sleep", "repeats": 100}))
        waiting = await scheduler.start("pool-sizes", {})
        starting = await scheduler.start("shared-list", ENDLESS)
    for run in (running, measured, waiting, starting):
        assert run.status is Status.INTERRUPTED
        assert "The server ended" in (run.error or "")
    with pytest.raises(ServerEnding):
        await scheduler.start("shared-list", {})
    async with open_scheduler() as scheduler:
        assert {row.status for row in await scheduler.journal.runs()} == {"interrupted"}


async def test_close_ends_a_runner_that_will_not_stop(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolscope.runs.scheduler.HURRIED", (0.1, 0.1))
    async with open_scheduler(DEAF) as scheduler:
        run = await until(await scheduler.start("shared-list", ENDLESS), lambda run: len(run.record_log.lines) > 1)
    assert (run.status, session(pid_of(run))) == (Status.INTERRUPTED, [])


class SlowCgroups(RunCgroups):
    """Puts a run into its cgroup when it is told to go on, and not before."""

    def __init__(self) -> None:
        super().__init__(Subtree(None))
        self.go_on, self.entered = threading.Event(), threading.Event()

    def open(self, budget: ResourceBudget) -> bool:
        return True

    def enter(self, name: str, pid: int, demand: Demand | None, *, low_priority: bool) -> None:
        self.entered.set()
        self.go_on.wait()


async def test_a_server_that_ends_leaves_no_runner_that_nobody_follows_yet(
    open_scheduler: OpenScheduler, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolscope.runs.scheduler.CLOSE_LIMIT_S", 0.0)
    monkeypatch.setattr("poolscope.runs.scheduler.LEFT_LIMIT_S", 0.0)
    cgroups = SlowCgroups()
    try:
        async with open_scheduler(PATIENT, run_cgroups=cgroups) as scheduler:
            run = await scheduler.start("pool-sizes", {})
            await asyncio.to_thread(cgroups.entered.wait)
        assert (len(children), all_noted(children)) == (1, True)
        assert run.status is Status.INTERRUPTED
        assert MeasurementLock(scheduler.journal.path).acquire()
    finally:
        cgroups.go_on.set()


async def make_full(journal: Journal, limit: int = 1) -> int:
    """Let the file not grow any more, as on a full disk; returns the limit that it had, to be set again."""
    before, journal._limit = journal._limit, limit
    await journal._in_writer(journal._shut)
    return before


async def stopped(scheduler: Scheduler, run: Run) -> Run:
    """Stop a run once it has counted something, and wait for its end."""
    await until(run, lambda run: run.state.counts.added)
    await scheduler.stop(run.id)
    return await done(scheduler, run)


async def test_a_run_goes_on_when_the_disk_is_full_and_the_next_is_kept_once_there_is_space(
    open_scheduler: OpenScheduler,
) -> None:
    async with open_scheduler(COUNTS) as scheduler:
        kept = await stopped(scheduler, await scheduler.start("shared-list", ENDLESS))
        run = await until(await scheduler.start("shared-list", ENDLESS), lambda run: run.state.counts.added)
        before = await make_full(scheduler.journal, 4096)
        await until(run, lambda run: run.unkept)
        seen = run.state.counts.added
        await until(run, lambda run: run.state.counts.added > seen)
        unkept = await scheduler.start("shared-list", ENDLESS)
        await until(unkept, lambda run: run.state.counts.added)
        for each in (run, unkept):
            await stopped(scheduler, each)
            assert each.status is Status.STOPPED
            assert "full" in each.unkept
            assert not each.as_json()["kept"]
            assert await scheduler.store.run(each.id) is each
        assert kept.as_json()["kept"]
        await make_full(scheduler.journal, before)
        again = await stopped(scheduler, await scheduler.start("shared-list", ENDLESS))
        assert again.as_json()["kept"]
        assert await scheduler.journal.lines(again.id) == again.record_log.lines
    async with open_scheduler() as scheduler:
        assert not (await scheduler.store.run(run.id)).as_json()["kept"]
        assert (await scheduler.store.run(again.id)).as_json()["kept"]


def put_a_file_in_place_of(folder: Path) -> None:
    """The journal, which goes on writing meanwhile, may make the folder anew before the file is there."""
    for number in count():
        folder.rename(folder.with_name(f"elsewhere-{number}"))
        with suppress(IsADirectoryError):
            folder.write_text("a file where the folder was")
            return


async def test_a_run_goes_on_when_the_folder_is_gone(open_scheduler: OpenScheduler, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with open_scheduler(COUNTS, path=folder / "poolscope.sqlite") as scheduler:
        run = await until(await scheduler.start("shared-list", ENDLESS), lambda run: run.state.counts.added)
        put_a_file_in_place_of(folder)
        await until(run, lambda run: run.unkept)
        await stopped(scheduler, run)
        assert run.status is Status.STOPPED
        assert str(folder) in run.unkept
        folder.unlink()
        again = await stopped(scheduler, await scheduler.start("shared-list", ENDLESS))
        assert again.as_json()["kept"]


@pytest.mark.parametrize(("lone", "known"), [(None, True), ("pool-sizes", False)])
async def test_what_is_measured_knows_what_its_server_used_where_there_is_a_server(
    open_scheduler: OpenScheduler, lone: str | None, known: bool
) -> None:
    asked = {"sizes": [1], "last": 2, "repeats": 1}
    async with open_scheduler(lone=lone) as scheduler:
        run = await done(scheduler, await scheduler.start("pool-sizes", asked))
    assert run.status is Status.FINISHED, run.error
    assert (run.state.noise.server_cpu_s is not None) is known


async def test_a_run_waits_for_room_beside_the_others_and_is_not_overtaken_for_ever(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_scheduler(WAITS, budget=ResourceBudget(busy=10)) as scheduler:
        first = await begun(await scheduler.start("shared-list", {"producers": 3, "consumers": 3}))
        large = await scheduler.start("shared-list", {"producers": 4, "consumers": 4})
        assert (large.place, large.shortage) == (1, Shortage("busy", 8, 4, 10))
        assert large.as_json()["shortage"]["resource"] == "busy"
        small = await begun(await scheduler.start("shared-list", {}))
        monkeypatch.setattr("poolscope.runs.scheduler.OVERTAKEN_S", 0.0)
        late = await scheduler.start("shared-list", {})
        assert (late.place, late.shortage) == (2, None)
        for run in (first, small):
            await scheduler.stop(run.id)
            await done(scheduler, run)
        assert large.shortage is None
        await begun(large)
        with pytest.raises(BadParameters, match="producers must be at most 8"):
            await scheduler.start("shared-list", {"producers": 9, "consumers": 2})


async def test_one_address_takes_half_of_the_places_that_others_leave(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS, queue_limit=8) as scheduler:
        await scheduler.start("pool-sizes", {}, Visitor("first", "somewhere"))
        for number in range(4):
            await scheduler.start("pool-sizes", {}, Visitor(f"cookie {number}", "one gateway"))
        with pytest.raises(QueueFull):
            await scheduler.start("pool-sizes", {}, Visitor("one cookie more", "one gateway"))
        for number in range(2):
            await scheduler.start("pool-sizes", {}, Visitor(f"other {number}", "another gateway"))
        with pytest.raises(QueueFull):
            await scheduler.start("pool-sizes", {}, Visitor("other 3", "another gateway"))
        await scheduler.start("pool-sizes", {}, Visitor("at home", "at home"))


async def test_a_visitor_has_so_many_live_runs_and_the_next_waits_while_others_start(
    open_scheduler: OpenScheduler,
) -> None:
    async with open_scheduler(WAITS, live_of_visitor=1) as scheduler:
        one, two = Visitor("one", "here"), Visitor("two", "here")
        runs = [await scheduler.start("shared-list", ENDLESS, visitor) for visitor in (one, one, two)]
        assert [run.place for run in runs] == [0, 1, 0]
        await begun(runs[0])
        await scheduler.stop(runs[0].id)
        await begun(runs[1])
        assert runs[1].place == 0


async def test_a_run_whose_visitor_is_gone_no_longer_waits(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler(WAITS, gone_after_s=0.2) as scheduler:
        first = await scheduler.start("pool-sizes", {}, Visitor("one", "here"))
        gone = await scheduler.start("pool-sizes", {}, Visitor("two", "here"))
        await done(scheduler, gone)
        assert (gone.status, gone.started) == (Status.STOPPED, None)
        assert gone.error
        assert first.status.live


async def test_a_server_that_ends_while_its_first_measured_run_waits_for_the_statistics_starts_no_runner(
    open_scheduler: OpenScheduler,
) -> None:
    loaded = threading.Event()

    def load() -> None:
        loaded.wait()

    try:
        async with open_scheduler(warm=load) as scheduler:
            run = await scheduler.start("pool-sizes", {})
            await asyncio.sleep(0)  # it is being started
    finally:
        loaded.set()
    assert (run.status, records(run)) == (Status.INTERRUPTED, [])
