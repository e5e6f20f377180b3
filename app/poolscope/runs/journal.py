"""Runs and their records in one SQLite file; one thread owns the write connection, others hand it work.

It never raises for a full or unwritable disk: `trouble` says what could not be kept, and the run goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
import zlib
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

from poolscope.runs import earlier_journals

T = TypeVar("T")

VERSION = 2  # of the file and of the record lines in it
SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE,
    experiment TEXT NOT NULL,
    params TEXT NOT NULL,
    status TEXT NOT NULL,
    created TEXT NOT NULL,
    started TEXT,
    ended TEXT,
    conditions TEXT NOT NULL DEFAULT '{{}}',
    error TEXT,
    summary TEXT NOT NULL DEFAULT '',
    owner TEXT NOT NULL DEFAULT '{{}}'
);
CREATE INDEX IF NOT EXISTS runs_by_experiment ON runs (experiment, number);
CREATE TABLE IF NOT EXISTS batches (
    run TEXT NOT NULL,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    lines BLOB NOT NULL,
    PRIMARY KEY (run, first)
) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
COMMIT;
"""
LIVE = ("queued", "running")
VISITOR = "json_extract(owner, '$.visitor')"
BUSY_S = 5.0  # how long a write waits for another process's
# Seconds: from a write to the wait in a long queue.
BOUNDS_S = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as the journal keeps it; `owner` tells a later server which processes were its own."""

    id: str
    experiment: str
    params: dict[str, Any]
    status: str
    created: str
    started: str | None
    ended: str | None
    conditions: dict[str, Any]
    error: str | None
    summary: str
    owner: dict[str, Any]

    @property
    def visitor(self) -> str:
        """Who started it; '' where nobody was told apart."""
        return str(self.owner.get("visitor", ""))


COLUMNS = "id, experiment, params, status, created, started, ended, conditions, error, summary, owner"


def _to_wal(connection: sqlite3.Connection) -> None:
    """Readers and the writer then don't wait for each other. Its busy time-out doesn't cover this one statement."""
    give_up = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return


def _file(path: Path) -> tuple[int, int] | None:
    """Which file is there now, None if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _kept(cursor: sqlite3.Cursor, run_id: str) -> bool:
    if cursor.rowcount < 1:
        raise sqlite3.DatabaseError(f"run {run_id} is not in it any more")
    return True


def in_words(error: Exception) -> str:
    """What an error of SQLite or the file system says, without the path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _row(values: Sequence[Any]) -> StoredRun:
    columns = dict(zip(COLUMNS.split(", "), values, strict=True))
    for name in ("params", "conditions", "owner"):
        columns[name] = json.loads(columns[name])
    return StoredRun(**columns)


class DurationHistogram:
    """Seconds, counted by the least bound that is not below them. Ours, for the counting must not import a server's
    library where a run is one of the command line."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds

    @property
    def buckets(self) -> list[tuple[str, int]]:
        """How many were at most as long as each bound, as Prometheus writes it; the last has them all."""
        return list(zip([*map(str, BOUNDS_S), "+Inf"], accumulate(self._counts), strict=True))


class Journal:
    """`trouble` is the sentence about the last write that failed, '' after one that worked; `writes` has how long each
    took, with its wait for those before.

    `earlier` says where the runs of an earlier version are, or of a damaged file, '' if there are none; `set_aside` is
    where such a journal was found and is now, None if there was none.
    """

    def __init__(self, path: Path, *, limit_mib: int = 1024, name: str = "") -> None:
        self.path = path
        self._name = name or str(path)  # in sentences
        self.trouble = ""
        self.writes = DurationHistogram()
        self.earlier = ""
        self.set_aside: Path | None = None
        self._limit = limit_mib * 1024 * 1024
        self._writer = ThreadPoolExecutor(1, "journal")
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    async def open(self) -> None:
        """Make the file and its tables; one of an earlier version, or a damaged one, is set aside before.

        Raises sqlite3.Error or OSError when that is impossible.
        """
        await self._in_writer(self._open)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.set_aside = earlier_journals.set_aside(self.path, VERSION, BUSY_S) or self.set_aside
        earlier = earlier_journals.earlier_journals(self.path)
        self.earlier = earlier_journals.in_words(self.path.name, [path.name for path in earlier])
        # autocommit: each hand-over is one statement or says its own BEGIN
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
        try:
            self._prepare(connection)
        except BaseException as error:
            connection.close()
            if earlier_journals.says_damaged(error):
                self.set_aside = earlier_journals.set_damaged_aside(self.path)
                if self.set_aside is not None:
                    return self._open()
            raise
        self._connection, self._file = connection, _file(self.path)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError(f"it was written by a newer Poolscope (format {version}, not {VERSION})")
        if version == 0:  # new; a file that is whole is not written to, so that a full disk can still be read
            _to_wal(connection)
            connection.executescript(SCHEMA)
        connection.execute("SELECT count(id), max(number), min(created) FROM runs").fetchone()  # can they be read?
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")  # fails where the file can only be read
        connection.execute("ROLLBACK")
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA max_page_count = {self._limit // page_size}")

    async def close(self) -> None:
        await self._in_writer(self._shut)
        self._writer.shutdown()

    def _shut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def create(
        self, prefix: str, experiment: str, params: Mapping[str, Any], created: str, owner: Mapping[str, Any]
    ) -> str | None:
        """Enter a new run and return its id, such as 'sl-0143'; None when it could not be written."""

        def enter() -> str:
            connection = self._write()
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                cursor = connection.execute(
                    "INSERT INTO runs (experiment, params, status, created, owner) VALUES (?, ?, 'queued', ?, ?)",
                    (experiment, json.dumps(params), created, json.dumps(owner)),
                )
                run_id = f"{prefix}-{cursor.lastrowid:04}"
                connection.execute("UPDATE runs SET id = ? WHERE number = ?", (run_id, cursor.lastrowid))
            return run_id

        return await self._try(enter)

    async def save(self, run_id: str, **columns: Any) -> bool:
        """Change columns of a run; dicts become JSON. False when it could not be written."""
        names = ", ".join(f"{name} = ?" for name in columns)
        values = [json.dumps(value) if isinstance(value, dict) else value for value in columns.values()]

        def change() -> bool:
            query = f"UPDATE runs SET {names} WHERE id = ?"  # noqa: S608 (our names)
            return _kept(self._write().execute(query, (*values, run_id)), run_id)

        return await self._try(change) or False

    async def append(self, run_id: str, first: int, lines: Sequence[bytes]) -> bool:
        """Keep a batch of records whose first has the sequence number `first`. False when it could not be written."""

        def write() -> bool:
            blob = zlib.compress(b"\n".join(lines), 1)
            query = "INSERT INTO batches SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM runs WHERE id = ?)"
            return _kept(self._write().execute(query, (run_id, first, len(lines), blob, run_id)), run_id)

        return await self._try(write) or False

    async def delete(self, run_id: str) -> bool:
        def drop() -> bool:
            connection = self._write()
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                connection.execute("DELETE FROM batches WHERE run = ?", (run_id,))
                connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            return True

        return await self._try(drop) or False

    async def prune(self, keep: int) -> list[str]:
        """Delete the oldest ended runs beyond `keep`; returns their ids."""

        # Read as all readers do: a look that succeeds is no write that worked, and says nothing about a full disk.
        query = "SELECT id FROM runs WHERE status NOT IN ('queued', 'running') ORDER BY number DESC LIMIT -1 OFFSET ?"
        pruned = [run_id for (run_id,) in await self._read(query, (keep,))]
        for run_id in pruned:
            await self.delete(run_id)
        return pruned

    async def runs(
        self,
        *,
        experiment: str = "",
        status: str = "",
        visitor: str = "",
        and_nobodys: bool = False,
        limit: int = 50,
        before: str = "",
    ) -> list[StoredRun]:
        """Kept runs, newest first, older than the run `before`; those of one visitor, if there is one given.

        With `and_nobodys` also those that no visitor has started, but the host, from the command line.
        """
        wheres, values = ["id IS NOT NULL"], []
        whose = f"coalesce({VISITOR}, '') IN ('', ?)" if and_nobodys else f"{VISITOR} = ?"
        for where, value in (("experiment = ?", experiment), ("status = ?", status), (whose, visitor)):
            if value:
                wheres.append(where)
                values.append(value)
        if before:
            wheres.append("number < (SELECT number FROM runs WHERE id = ?)")
            values.append(before)
        query = f"SELECT {COLUMNS} FROM runs WHERE {' AND '.join(wheres)} ORDER BY number DESC LIMIT ?"  # noqa: S608 (our names)
        return [_row(found) for found in await self._read(query, (*values, limit))]

    def size(self) -> int:
        """Bytes on disk, with what SQLite keeps beside the file."""
        files = (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm")))
        return sum(file.stat().st_size for file in files if file.exists())

    async def count(self, visitor: str = "", experiment: str = "", status: str = "") -> int:
        """How many runs are kept, of all or of one visitor, experiment and status."""
        asked = ((VISITOR, visitor), ("experiment", experiment), ("status", status))
        wheres = ["id IS NOT NULL", *(f"{name} = ?" for name, value in asked if value)]
        query = f"SELECT count(*) FROM runs WHERE {' AND '.join(wheres)}"  # noqa: S608 (our names)
        found = await self._read(query, tuple(value for _, value in asked if value))
        return int(found[0][0]) if found else 0

    async def latest(self, *, ended: bool = False) -> dict[tuple[str, str], str]:
        """The newest run of each experiment and visitor, by both names; or the newest that has `ended`."""
        columns = f"experiment, {VISITOR}, id, max(number)"
        where = "id IS NOT NULL AND ended IS NOT NULL" if ended else "id IS NOT NULL"
        query = f"SELECT {columns} FROM runs WHERE {where} GROUP BY 1, 2"  # noqa: S608 (our names)
        return {(experiment, visitor or ""): run_id for experiment, visitor, run_id, _ in await self._read(query, ())}

    async def live(self) -> list[StoredRun]:
        """The runs that wait or go on, of all servers and command lines on this file, newest first."""
        where = "id IS NOT NULL AND status IN (?, ?)"
        query = f"SELECT {COLUMNS} FROM runs WHERE {where} ORDER BY number DESC"  # noqa: S608 (our names)
        return [_row(found) for found in await self._read(query, LIVE)]

    async def run(self, run_id: str) -> StoredRun | None:
        found = await self._read(f"SELECT {COLUMNS} FROM runs WHERE id = ?", (run_id,))  # noqa: S608 (our names)
        return _row(found[0]) if found else None

    async def lines(self, run_id: str) -> list[bytes]:
        """All kept record lines of a run, in order."""
        found = await self._read("SELECT lines FROM batches WHERE run = ? ORDER BY first", (run_id,))
        return [line for (blob,) in found for line in zlib.decompress(blob).split(b"\n")]

    def _write(self) -> sqlite3.Connection:
        # SQLite would go on writing into a file that was removed or moved away, where nobody finds it.
        if self._connection is not None and _file(self.path) != self._file:
            self._shut()
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    async def _try(self, work: Callable[[], T]) -> T | None:
        began = time.monotonic()
        try:
            done = await self._in_writer(work)
        except (sqlite3.Error, OSError) as error:
            self.trouble = f"{self._name}: {in_words(error)}"
            # The next write opens anew: the folder may be another one by then, or there at last.
            with contextlib.suppress(sqlite3.Error):
                await self._in_writer(self._shut)
            return None
        finally:
            self.writes.add(time.monotonic() - began)
        self.trouble = ""
        return done

    async def _in_writer(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)

    async def _read(self, query: str, values: Sequence[Any]) -> list[Any]:
        """Read with a connection of its own, so that a long write never keeps a reader waiting."""

        def read() -> list[Any]:
            uri = f"{self.path.resolve().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
                return connection.execute(query, values).fetchall()

        try:
            return await asyncio.to_thread(read)
        except sqlite3.Error as error:
            self.trouble = f"{self._name}: {in_words(error)}"
            return []
