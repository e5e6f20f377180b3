"""The journal gives back what it was given, in order, and says what it could not keep; processes share its file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from poolscope.runs.journal import Journal

SERVER = {"server": {"pid": os.getpid(), "started": 0.0}}


@contextlib.asynccontextmanager
async def opened(path: Path, limit_mib: int = 1024) -> AsyncIterator[Journal]:
    journal = Journal(path, limit_mib=limit_mib)
    try:
        await journal.open()
        yield journal
    finally:
        await journal.close()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with opened(tmp_path / "folder" / "poolscope.sqlite") as journal:
        yield journal


async def create(journal: Journal, experiment: str = "shared-list", prefix: str = "sl") -> str:
    run_id = await journal.create(prefix, experiment, {"seconds": 1}, "2025-01-01T00:00:00.000+00:00", SERVER)
    assert run_id is not None
    return run_id


async def test_a_run_comes_back_as_it_was_entered_and_changed(journal: Journal) -> None:
    run_id = await create(journal)
    assert run_id == "sl-0001"
    row = await journal.run(run_id)
    assert row is not None
    assert (row.status, row.params, row.owner, row.started, row.summary) == ("queued", {"seconds": 1}, SERVER, None, "")
    assert await journal.save(run_id, status="failed", error="why", conditions={"gil": True})
    row = await journal.run(run_id)
    assert row is not None
    assert (row.status, row.error, row.conditions) == ("failed", "why", {"gil": True})
    assert await journal.run("sl-0002") is None


async def test_lines_come_back_in_order_whatever_is_in_them(journal: Journal) -> None:
    run_id = await create(journal)
    assert await journal.append(run_id, 1, [b"one", "zwö\u2028lf".encode()])
    assert await journal.append(run_id, 3, [b"three"])
    for first in range(4, 300, 2):
        assert await journal.append(run_id, first, [b"a", b"b"])
    assert (await journal.lines(run_id))[:4] == [b"one", "zwö\u2028lf".encode(), b"three", b"a"]
    assert len(await journal.lines(run_id)) == 299


async def test_runs_are_listed_newest_first_by_experiment_by_status_and_in_pages(journal: Journal) -> None:
    lists = [await create(journal) for _ in range(3)]
    pool = await create(journal, "pool-sizes", "ps")
    await journal.save(lists[0], status="finished")

    async def ids(experiment: str = "", status: str = "", limit: int = 50, before: str = "") -> list[str]:
        rows = await journal.runs(experiment=experiment, status=status, limit=limit, before=before)
        return [row.id for row in rows]

    assert await ids() == [pool, *reversed(lists)]
    assert await ids(experiment="pool-sizes") == [pool]
    assert await ids(status="finished") == [lists[0]]
    assert await ids(limit=2) == [pool, lists[2]]
    assert await ids(limit=2, before=lists[2]) == [lists[1], lists[0]]
    assert await ids(before="no such run") == []
    assert await journal.count() == 4
    assert await journal.count(experiment="shared-list") == 3
    assert await journal.count(experiment="shared-list", status="finished") == 1


async def test_a_visitors_runs_are_listed_alone_or_beside_the_hosts_own(journal: Journal) -> None:
    for number, visitor in enumerate((None, "one", "", "two"), 1):  # None as before there were any
        await create(journal)
        owner = SERVER if visitor is None else {**SERVER, "visitor": visitor}
        assert await journal.save(f"sl-000{number}", owner=owner)
    for asked, found in (
        ({}, [4, 3, 2, 1]),
        ({"visitor": "one"}, [2]),
        ({"visitor": "one", "and_nobodys": True}, [3, 2, 1]),
        ({"and_nobodys": True}, [4, 3, 2, 1]),
    ):
        rows = await journal.runs(**asked)
        assert [row.id for row in rows] == [f"sl-000{number}" for number in found], asked


async def test_ids_are_never_given_again(journal: Journal) -> None:
    run_id = await create(journal)
    assert await journal.append(run_id, 1, [b"x"])
    assert await journal.delete(run_id)
    assert await journal.lines(run_id) == []
    assert await create(journal) == "sl-0002"


async def test_the_oldest_ended_runs_are_pruned_and_live_ones_never(journal: Journal) -> None:
    runs = [await create(journal) for _ in range(5)]
    for run_id in runs[1:]:
        await journal.save(run_id, status="finished")
    assert await journal.prune(2) == [runs[2], runs[1]]
    assert [row.id for row in await journal.runs()] == [runs[4], runs[3], runs[0]]


async def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        async with opened(tmp_path / "file" / "poolscope.sqlite"):
            pass


async def test_a_file_that_is_no_journal_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "poolscope.sqlite").write_text("the quick brown fox jumps over the lazy dog" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        async with opened(tmp_path / "poolscope.sqlite"):
            pass


async def test_a_file_of_a_newer_version_is_left_alone(journal: Journal) -> None:
    with contextlib.closing(sqlite3.connect(journal.path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(sqlite3.DatabaseError, match="newer Poolscope"):
        async with opened(journal.path):
            pass


async def test_what_a_full_file_does_not_keep_is_said_and_it_keeps_again_after_a_deletion(tmp_path: Path) -> None:
    async with opened(tmp_path / "poolscope.sqlite", limit_mib=1) as journal:
        old, new = await create(journal), await create(journal)
        first = 1
        while await journal.append(old, first, [os.urandom(100_000).replace(b"\n", b"")]):
            first += 1
        assert journal.trouble == f"{journal.path}: database or disk is full"
        assert first > 5
        assert len(await journal.lines(old)) == first - 1
        assert await journal.prune(keep=5) == []
        assert journal.trouble, "a look at what could go is no write that worked"
        assert await journal.delete(old)
        assert await journal.append(new, 1, [os.urandom(100_000).replace(b"\n", b"")])
        assert journal.trouble == ""


async def test_records_of_a_run_that_somebody_deleted_are_not_kept(journal: Journal) -> None:
    run_id = await create(journal)
    await journal.delete(run_id)
    assert not await journal.append(run_id, 1, [b"x"])
    assert "not in it any more" in journal.trouble
    assert not await journal.save(run_id, status="finished")


async def test_a_file_that_was_removed_is_made_anew(journal: Journal) -> None:
    await create(journal)
    for path in journal.path.parent.iterdir():
        path.unlink()
    assert await create(journal) == "sl-0001"
    assert await journal.count() == 1


ANOTHER = """
import asyncio, sys
from pathlib import Path
from poolscope.runs.journal import Journal

async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.open()
    for _ in range(40):
        print(await journal.create("sl", "shared-list", {}, "now", {}), journal.trouble)
    await journal.close()

asyncio.run(main())
"""


async def test_two_processes_share_a_new_file_and_no_two_runs_an_id(tmp_path: Path) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", ANOTHER, str(tmp_path / "poolscope.sqlite"), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    said = [(await process.communicate())[0].decode().splitlines() for process in processes]
    ids = [line.strip() for lines in said for line in lines]
    assert sorted(ids) == [f"sl-{number:04}" for number in range(1, 121)]
