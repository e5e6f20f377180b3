"""A journal that an earlier version wrote is set aside whole and a new one begun, whoever comes first."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from poolscope import cli
from poolscope.main import create_app
from poolscope.runs import earlier_journals
from poolscope.runs.earlier_journals import is_damaged
from poolscope.runs.journal import VERSION, Journal
from poolscope.settings import Settings

FIXTURE = Path(__file__).parent / "data" / "journal-format-1.db"  # a run of every experiment, by version 0.1.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(FIXTURE, tmp_path / "poolscope.sqlite"))


def beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir() if not each.name.endswith("-setting-aside"))


@contextlib.contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


async def open_and_enter(path: Path) -> tuple[Path | None, str | None]:
    journal = Journal(path)
    try:
        await journal.open()
        return journal.set_aside, await journal.create("sl", "shared-list", {}, "2026-01-01", {})
    finally:
        await journal.close()


async def test_it_is_set_aside_byte_for_byte_and_new_runs_are_kept(path: Path) -> None:
    aside, run_id = await open_and_enter(path)
    assert aside is not None
    assert aside.read_bytes() == FIXTURE.read_bytes()
    assert run_id == "sl-0001"
    assert earlier_journals.earlier_journals(path) == (aside,)
    assert beside(path) == ["poolscope.sqlite", aside.name]
    with connected(path) as new:
        assert new.execute("PRAGMA user_version").fetchone() == (VERSION,)


async def test_the_next_opening_goes_on_with_the_new_one(path: Path) -> None:
    await open_and_enter(path)
    assert await open_and_enter(path) == (None, "sl-0002")
    assert len(earlier_journals.earlier_journals(path)) == 1


async def test_a_second_one_of_the_same_day_gets_a_name_of_its_own(path: Path) -> None:
    first, _ = await open_and_enter(path)
    shutil.copy(FIXTURE, path)
    second, _ = await open_and_enter(path)
    assert first is not None
    assert second is not None
    assert second.name == f"{first.name}-2"
    assert first.read_bytes() == second.read_bytes() == FIXTURE.read_bytes()


async def test_what_a_crash_left_in_the_log_is_kept_too(tmp_path: Path) -> None:
    """SQLite copies its log into the file when the last connection closes, which a killed server never does."""
    path, crashed = tmp_path / "poolscope.sqlite", tmp_path / "crashed.sqlite"
    with connected(crashed) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE runs (id TEXT)")
        writer.execute("INSERT INTO runs VALUES ('sl-0001')")
        writer.execute("PRAGMA user_version = 1")
        for suffix in ("", "-wal"):
            shutil.copy(f"{crashed}{suffix}", f"{path}{suffix}")
    assert int.from_bytes(path.read_bytes()[60:64]) == 0, "the version, too, is in the log alone"
    aside, _ = await open_and_enter(path)
    assert aside is not None
    with connected(aside) as kept:
        assert kept.execute("SELECT id FROM runs").fetchall() == [("sl-0001",)]


async def test_while_an_earlier_version_has_it_open_it_stays_where_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolscope.runs.journal.BUSY_S", 0.0)
    with connected(path) as other:
        other.execute("SELECT count(*) FROM runs").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="still has it open"):
            await open_and_enter(path)
    assert earlier_journals.earlier_journals(path) == ()
    aside, run_id = await open_and_enter(path)
    assert aside is not None
    assert run_id == "sl-0001"


OPENS = """
import asyncio, sys
from pathlib import Path
from poolscope.runs.journal import Journal

async def main():
    print("ready", flush=True)
    sys.stdin.read()
    journal = Journal(Path(sys.argv[1]))
    await journal.open()
    print(journal.set_aside is not None, await journal.create("sl", "shared-list", {}, "2026-01-01", {}))
    await journal.close()

asyncio.run(main())
"""


async def test_processes_that_open_it_at_once_set_it_aside_once_and_share_the_new_one(path: Path) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPENS, str(path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:  # all have their imports done before the first one may open it
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    said = [out.decode().split() for out, _ in await asyncio.gather(*(each.communicate(b"") for each in processes))]
    assert sorted(moved for moved, _ in said) == ["False", "False", "True"]
    assert sorted(run_id for _, run_id in said) == [f"sl-{number:04}" for number in range(1, 4)]
    (aside,) = earlier_journals.earlier_journals(path)
    assert aside.read_bytes() == FIXTURE.read_bytes()


async def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    journal = Journal(path)
    await journal.open()
    for _ in range(200):
        await journal.create("sl", "shared-list", {"x": "y" * 200}, "2026", {})
    await journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    damaged = path.read_bytes()

    again = Journal(path)
    await again.open()
    assert again.set_aside is not None
    assert again.set_aside.read_bytes() == damaged
    assert again.set_aside.name in again.earlier
    assert "damaged" in again.earlier
    assert await again.create("sl", "shared-list", {}, "2026", {}) == "sl-0001"
    await again.close()
    third = Journal(path)
    await third.open()
    assert (third.set_aside, len(await third.runs()), third.earlier) == (None, 1, again.earlier)
    await third.close()


async def test_a_file_that_is_whole_or_somebody_elses_is_not_damaged(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "runs.sqlite")
    await journal.open()
    assert not is_damaged(journal.path)
    await journal.close()
    (tmp_path / "notes").write_text("no database at all, however long it is\n" * 100)
    assert not is_damaged(tmp_path / "notes")


def test_the_sentence_names_both_files() -> None:
    said = earlier_journals.in_words("poolscope.sqlite", ["poolscope.sqlite.v1-20261128"])
    assert "kept unchanged in poolscope.sqlite.v1-20261128." in said
    assert "New runs are kept in poolscope.sqlite." in said
    assert earlier_journals.in_words("poolscope.sqlite", []) == ""


async def test_the_page_of_all_runs_says_where_they_are(path: Path) -> None:
    app = create_app(Settings.model_validate({"data": path, "allowed_hosts": "test"}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        page = (await client.get("/runs")).text
    (aside,) = earlier_journals.earlier_journals(path)
    assert earlier_journals.in_words(path.name, [aside.name]) in html.unescape(page)
    assert str(path.parent) not in page


def test_the_terminal_says_where_they_are(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POOLSCOPE_DATA", str(path))
    monkeypatch.setattr(sys, "argv", ["poolscope", "run", "factorials", "-p", "last=1", "-p", "workers=1", "--json"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    out, err = capsys.readouterr()
    assert left.value.code == 0
    (aside,) = earlier_journals.earlier_journals(path)
    assert earlier_journals.in_words(str(path), [str(aside)]) in err
    assert json.loads(out)["kept"]
