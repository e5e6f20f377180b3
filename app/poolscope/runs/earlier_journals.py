"""Sets a journal aside that can't be used, for it is of an earlier format or damaged, so that a new one can be begun.

Nothing in it is changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

LOOK_AGAIN_S = 0.02
USER_VERSION = slice(60, 64)  # where SQLite's file header has it, https://sqlite.org/fileformat.html


def set_aside(path: Path, known: int, patience_s: float) -> Path | None:
    """Rename a journal whose format is earlier than `known`.

    Returns its new path; None where there is nothing to set aside, or another process has just done it. Raises
    sqlite3.OperationalError when somebody still has the file open after `patience_s`: an earlier Poolscope, which would
    go on writing into it.
    """
    if not _is_earlier(path, known):
        return None
    give_up = time.monotonic() + patience_s
    while True:
        try:
            with _alone(path):
                if not _is_earlier(path, known):
                    return None
                _complete(path)
                aside = _free_name(path, f"v{_format_of(path)}")
                path.rename(aside)
                return aside
        except (sqlite3.OperationalError, BlockingIOError) as busy:
            if time.monotonic() > give_up:
                raise sqlite3.OperationalError(
                    f"an earlier version of Poolscope wrote it, and somebody still has it open ({busy})"
                ) from None
            time.sleep(LOOK_AGAIN_S)


def set_damaged_aside(path: Path) -> Path | None:
    """Rename a journal that SQLite finds damaged, with its log; where it is now.

    None where another process has just done so. Raises OSError.
    """
    with suppress(BlockingIOError), _alone(path):
        if not is_damaged(path):
            return None
        aside = _free_name(path, "damaged")
        for end in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
        return aside
    return None


def is_damaged(path: Path) -> bool:
    """Whether SQLite finds the file malformed; it is read through for that. A file that is none of SQLite's is not."""
    try:
        with closing(sqlite3.connect(path, timeout=5)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.Error as error:
        return says_damaged(error)


def says_damaged(error: BaseException) -> bool:
    """Whether SQLite found its file malformed, in any of the ways that it tells apart."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT


def _is_earlier(path: Path, known: int) -> bool:
    return 0 < _format_of(path) < known


def _format_of(path: Path) -> int:
    """The format that a journal was written in, 0 for a file that is new or missing.

    Read from the file itself: a connection that is still open when the file is renamed would, on closing, delete the
    new journal's log. Only where a crash left everything in the log must SQLite be asked.
    """
    try:
        with path.open("rb") as file:
            version = int.from_bytes(file.read(100)[USER_VERSION])
    except OSError:
        return 0
    if version == 0 and _log_of(path).exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=5)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _complete(path: Path) -> None:
    """Bring what a crash left in the log into the file. Raises sqlite3.OperationalError where somebody has it open."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        # Such a connection gets in only where no other one is, and keeps others out until it is closed.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if _log_of(path).exists():
        raise sqlite3.OperationalError("its log is still there")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process at a time is in here for a journal. Raises BlockingIOError while another one is."""
    fd = os.open(path.with_name(f"{path.name}-setting-aside"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _free_name(path: Path, why: str) -> Path:
    stem = f"{path.name}.{why}-{datetime.now(UTC):%Y%m%d}"
    candidate, number = path.with_name(stem), 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{stem}-{number}")
    return candidate


def earlier_journals(path: Path) -> tuple[Path, ...]:
    """The journals that were set aside beside this one, by name."""
    found = [*path.parent.glob(f"{path.name}.v[0-9]*-[0-9]*"), *path.parent.glob(f"{path.name}.damaged-[0-9]*")]
    return tuple(sorted(file for file in found if not file.name.endswith(("-wal", "-shm"))))


def in_words(journal: str, earlier: Sequence[str]) -> str:
    """Where the earlier runs are and where new ones are kept; '' where no journal was set aside."""
    damaged = [name for name in earlier if ".damaged-" in name]
    readable = [name for name in earlier if name not in damaged]
    sentences = []
    if readable:
        sentences.append(
            f"Runs of an earlier version of Poolscope, which this one can't show, are kept unchanged in "
            f"{' and '.join(readable)}."
        )
    if damaged:
        sentences.append(
            f"A file of runs was damaged and could not be read; it is kept unchanged in {' and '.join(damaged)}."
        )
    return " ".join([*sentences, f"New runs are kept in {journal}."]) if sentences else ""
