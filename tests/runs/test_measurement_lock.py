"""Only one program at a time measures."""

from __future__ import annotations

import asyncio
from pathlib import Path

from poolscope.runs.journal import Journal
from poolscope.runs.measurement_lock import MeasurementLock
from poolscope.runs.run import Status
from poolscope.runs.scheduler import Scheduler

from tests.runs.conftest import FINISHES
from tests.waiting import BOUND_S


def test_one_holds_the_lock_at_a_time_and_releases_it(tmp_path: Path) -> None:
    one, other = MeasurementLock(tmp_path / "runs.sqlite"), MeasurementLock(tmp_path / "runs.sqlite")
    assert one.acquire()
    assert not one.acquire()
    assert not other.acquire()
    one.release()
    assert other.acquire()
    other.release()
    other.release()


def test_journals_of_their_own_have_locks_of_their_own(tmp_path: Path) -> None:
    one, other = MeasurementLock(tmp_path / "one.sqlite"), MeasurementLock(tmp_path / "other.sqlite")
    assert one.acquire()
    assert other.acquire()
    one.release()
    other.release()


def test_where_no_file_can_be_made_there_is_nobody_to_wait_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert MeasurementLock(tmp_path / "file" / "runs.sqlite").acquire()


async def test_two_schedulers_on_one_journal_measure_one_after_the_other(tmp_path: Path) -> None:
    runner = tmp_path / "runner.py"
    runner.write_text(FINISHES)
    schedulers = [Scheduler(Journal(tmp_path / "runs.sqlite"), runner=runner) for _ in range(2)]
    for scheduler in schedulers:
        await scheduler.open()
    try:
        first = await schedulers[0].start("pool-sizes", {})
        second = await schedulers[1].start("pool-sizes", {})
        assert second.place == 1
        async with asyncio.timeout(BOUND_S):
            for run in (first, second):
                while run.status.live:
                    await run.notifier.newer_than(run.notifier.version)
        assert (first.status, second.status) == (Status.FINISHED, Status.FINISHED)
        assert first.ended is not None
        assert second.started is not None
        assert second.started >= first.ended
    finally:
        for scheduler in schedulers:
            await scheduler.close()
