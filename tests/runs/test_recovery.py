"""What a crashed server left is ended, marked and cleared away; what belongs to a living one is left alone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from poolscope.errors import RunElsewhere
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.records import End, Progress, from_line, to_line
from poolscope.runs.journal import Journal
from poolscope.runs.process_tree import identity, is_alive, scratch_prefix, session
from poolscope.runs.recovery import clear_scratch, recover

from tests.runs.conftest import ENDLESS, PATIENT, UNTIL_STOPPED, OpenScheduler, begun, pid_of
from tests.waiting import until

NOBODY = 2**22 + 1  # beyond the greatest process id
GONE = {"pid": NOBODY, "started": 1.0}


@pytest.fixture
async def journal(tmp_path: Path, scratch: Path) -> AsyncIterator[Journal]:
    journal = Journal(tmp_path / "poolscope.sqlite")
    await journal.open()
    yield journal
    await journal.close()


@contextmanager
def stand_in() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a session, as the runner of a crashed server would, if it had not ended itself."""
    program = [sys.executable, "-c", "import time\nwhile True: time.sleep(60)"]
    with subprocess.Popen(program, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def enter(journal: Journal, server: dict[str, Any], runner: dict[str, Any] | None = None) -> str:
    run_id = await journal.create("sl", "shared-list", {}, "2025-01-01T00:00:00.000+00:00", {"server": server})
    assert run_id is not None
    if runner is not None:
        owner = {"server": server, "runner": runner}
        await journal.save(run_id, status="running", started="2025-01-01T00:00:01.000+00:00", owner=owner)
    return run_id


async def status(journal: Journal, run_id: str) -> str:
    row = await journal.run(run_id)
    assert row is not None
    return row.status


async def test_a_crashed_servers_runner_is_killed_and_its_run_interrupted(journal: Journal) -> None:
    with stand_in() as process:
        run_id = await enter(journal, GONE, identity(process.pid))
        await journal.append(run_id, 1, [to_line(Progress(7, 1, 2)), to_line(Progress(2_500_000_007, 1, 2))])
        waiting = await enter(journal, GONE)
        assert set(await recover(journal, EXPERIMENTS)) == {run_id, waiting}
        assert process.wait() == -signal.SIGKILL
    row = await journal.run(run_id)
    assert row is not None
    assert (row.status, await status(journal, waiting)) == ("interrupted", "interrupted")
    assert "The server ended" in (row.error or "")
    assert row.ended == "2025-01-01T00:00:03.500+00:00"  # with its last record, not when this was found out
    last = from_line((await journal.lines(run_id))[-1])
    assert last == End(2_500_000_007, "interrupted", row.error or "")
    assert await recover(journal, EXPERIMENTS) == []


async def test_a_living_servers_runs_are_left_alone(journal: Journal) -> None:
    with stand_in() as server, stand_in() as runner:
        run_id = await enter(journal, identity(server.pid), identity(runner.pid))
        waiting = await enter(journal, identity(server.pid))
        assert await recover(journal, EXPERIMENTS) == []
        assert (await status(journal, run_id), await status(journal, waiting)) == ("running", "queued")
        assert runner.poll() is None


async def test_a_process_that_was_given_the_runners_number_later_is_left_alone(journal: Journal) -> None:
    with stand_in() as stranger:
        run_id = await enter(journal, GONE, {"pid": stranger.pid, "started": 1.0})
        assert await recover(journal, EXPERIMENTS) == [run_id]
        assert stranger.poll() is None


def test_identity_knows_a_process_again_and_not_its_successor() -> None:
    me = identity(os.getpid())
    assert is_alive(me)
    assert not is_alive({**me, "since_boot": f"1{me['since_boot']}"})
    assert not is_alive(GONE)
    assert not is_alive({})


def test_a_clock_that_was_set_makes_no_living_server_a_dead_one(tmp_path: Path) -> None:
    me = identity(os.getpid())
    assert is_alive({**me, "started": me["started"] - 3600})
    assert not is_alive({"pid": me["pid"], "started": me["started"] - 3600})  # as other systems know it
    with stand_in() as server:
        folder = tmp_path / f"{scratch_prefix(server.pid)}abc"
        folder.mkdir()
        os.utime(folder, (1, 1))
        clear_scratch(tmp_path)
        assert folder.exists()
    clear_scratch(tmp_path)
    assert not folder.exists()


def test_scratch_folders_of_the_dead_go_and_others_stay(tmp_path: Path) -> None:
    """One that was made a moment before its server was killed, too: its runner may never have begun, to remove it."""
    dead, mine = tmp_path / f"{scratch_prefix(NOBODY)}abc", tmp_path / f"{scratch_prefix(os.getpid())}abc"
    fresh = tmp_path / f"{scratch_prefix(NOBODY)}fresh"
    strange, file = tmp_path / "poolscope-notes-abc", tmp_path / f"{scratch_prefix(NOBODY)}file"
    for folder in (dead, fresh, mine, strange):
        folder.mkdir()
        (folder / "something").write_text("")
    file.write_text("")
    for path in (dead, strange, file):
        os.utime(path, (1, 1))
    clear_scratch(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine, strange, file])


async def test_a_run_of_another_server_is_seen_but_not_touched_and_interrupted_once_that_is_gone(
    open_scheduler: OpenScheduler,
) -> None:
    async with open_scheduler() as scheduler:
        with stand_in() as server:
            run_id = await enter(scheduler.journal, identity(server.pid), GONE)
            assert (await scheduler.store.run(run_id)).status == "running"
            with pytest.raises(RunElsewhere, match=run_id):
                await scheduler.stop(run_id)
            assert (await scheduler.store.run(run_id)).status == "running"
        assert (await scheduler.store.run(run_id)).status == "interrupted"


CRASHING = """
import asyncio, sys
from pathlib import Path
from poolscope.runs.scheduler import Scheduler
from poolscope.runs.journal import Journal

async def main():
    scheduler = Scheduler(Journal(Path(sys.argv[1])))
    await scheduler.open()
    run = await scheduler.start("shared-list", {"seconds": 600, "delay_min": 0.001, "delay_max": 0.002})
    version = 0
    while not run.state.counts.added:
        version = await run.notifier.newer_than(version)
    seen = len(run.record_log.lines)
    while len(await scheduler.journal.lines(run.id)) < seen:
        version = await run.notifier.newer_than(version)
    print(run.id, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def crash(path: Path, scratch: Path) -> str:
    """Start a server, kill it once the journal keeps some of its run's steps, and return the run's id."""
    environment = {**os.environ, "TMPDIR": str(scratch)}
    program = [sys.executable, "-c", CRASHING, str(path)]
    with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        run_id = server.stdout.readline().strip()
        server.kill()
    for folder in scratch.iterdir():
        os.utime(folder, (1, 1))  # a folder is left alone for its first second
    return run_id


async def test_a_server_killed_with_9_leaves_a_readable_run_no_process_and_no_folder(
    open_scheduler: OpenScheduler, tmp_path: Path, scratch: Path
) -> None:
    run_id = crash(tmp_path / "poolscope.sqlite", scratch)
    async with open_scheduler(PATIENT + UNTIL_STOPPED) as scheduler:
        run = await scheduler.store.run(run_id)
        assert run.status == "interrupted"
        assert run.as_json()["state"]["added"] > 0
        assert run.as_json()["kept"]
        assert run.end is not None
        await asyncio.to_thread(until, lambda: session(pid_of(run)) == [], "the end of its runner")
        again = await begun(await scheduler.start("shared-list", ENDLESS))
        assert again.id != run_id
