"""One server ends and another takes its place: live runs get a bounded time, those that wait go on waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from poolscope.errors import ServerEnding
from poolscope.experiments.experiment import Installation
from poolscope.runs import recovery
from poolscope.runs.journal import Journal
from poolscope.runs.run import Status
from poolscope.runs.scheduler import Scheduler

from tests.runs.conftest import BRIEF, ENDLESS, PATIENT, UNTIL_STOPPED, begun, done

Server = Callable[..., AbstractAsyncContextManager[Scheduler]]


@pytest.fixture
def server(tmp_path: Path, scratch: Path) -> Server:
    """A scheduler as the server has it, which ends for another to come; its runners do nothing until they are stopped.

    What is called twice is two servers on one journal, one after the other.
    """
    (tmp_path / "runner.py").write_text(PATIENT + UNTIL_STOPPED)

    @asynccontextmanager
    async def make(**options: Any) -> AsyncIterator[Scheduler]:
        scheduler = Scheduler(Journal(tmp_path / "poolscope.sqlite"), runner=tmp_path / "runner.py", **options)
        await scheduler.open(take_over=True)
        try:
            yield scheduler
        finally:
            await scheduler.close(keep_waiting=True)

    return make


async def leave_waiting(scheduler: Scheduler) -> list[str]:
    """Start a measured run and two that wait for it; the ids of these."""
    await begun(await scheduler.start("pool-sizes", {}))
    return [(await scheduler.start("pool-sizes", {"repeats": repeats})).id for repeats in (3, 4)]


async def test_runs_that_wait_are_begun_by_the_next_server_under_their_own_ids_and_in_order(server: Server) -> None:
    async with server() as before:
        waiting = await leave_waiting(before)
    async with server() as after:
        assert after.queued() == 2
        assert [(await after.store.run(run_id)).status for run_id in waiting] == [Status.QUEUED] * 2
        await after.resume()
        first, second = [await after.store.run(run_id) for run_id in waiting]
        await begun(first)
        assert (first.params.repeats, second.status, second.place) == (3, Status.QUEUED, 1)
        await after.stop(first.id)
        await done(after, first)
        await begun(second)
        assert second.params.repeats == 4
    async with server() as last:
        assert last.queued() == 0
        assert (await last.store.run(second.id)).status is Status.INTERRUPTED


async def test_what_nobody_resumed_for_long_is_interrupted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async with server() as before:
        waiting = await leave_waiting(before)
    monkeypatch.setattr(recovery, "RESUMED_WITHIN_S", 0)
    monkeypatch.setattr(recovery, "is_alive", lambda _: False)  # the server before was this very process
    async with server() as after:
        assert after.queued() == 0
        assert {(await after.store.run(run_id)).status for run_id in waiting} == {Status.INTERRUPTED}


async def test_a_program_on_the_same_journal_takes_over_nothing(server: Server, tmp_path: Path) -> None:
    async with server() as before:
        waiting = await leave_waiting(before)
    program = Scheduler(Journal(tmp_path / "poolscope.sqlite"))
    await program.open()
    assert program.queued() == 0
    assert (await program.store.run(waiting[0])).status is Status.QUEUED
    await program.close()
    async with server() as after:
        assert after.queued() == 2


async def test_a_run_that_needs_what_is_gone_is_interrupted_with_the_reason(server: Server) -> None:
    installation = Installation(pythons={"9.9": "/nowhere/python9.9"})
    async with server(installation=installation) as before:
        await begun(await before.start("pool-sizes", {}))
        waiting = await before.start("which-pool", {"pythons": ["9.9"], "kinds": ["thread"]})
    async with server() as after:
        await after.resume()
        run = await after.store.run(waiting.id)
        assert run.status is Status.INTERRUPTED
        assert "9.9" in (run.error or "")


async def test_live_runs_get_their_time_and_new_ones_are_refused_meanwhile(server: Server) -> None:
    async with server() as scheduler:
        live = await begun(await scheduler.start("shared-list", ENDLESS))
        version = scheduler.notifier.version
        draining = asyncio.create_task(scheduler.drain(600))
        await scheduler.notifier.newer_than(version)
        with pytest.raises(ServerEnding) as refused:
            await scheduler.start("shared-list", BRIEF)
        assert refused.value.retry_after > 0
        assert str(live.status) == "running"
        await scheduler.stop(live.id)
        await draining
        assert str(live.status) == "stopped"


@pytest.mark.parametrize(("seconds", "hurry"), [(0.0, False), (600.0, True)])
async def test_a_drain_ends_after_its_time_or_when_somebody_is_in_a_hurry(
    server: Server, seconds: float, hurry: bool
) -> None:
    async with server() as scheduler:
        live = await begun(await scheduler.start("shared-list", ENDLESS))
        await scheduler.drain(seconds, lambda: hurry)
        assert str(live.status) == "running"
    assert str(live.status) == "interrupted"
