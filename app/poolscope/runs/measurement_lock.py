"""Only one program at a time may measure, among all servers and command lines that share a journal."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


class MeasurementLock:
    """An advisory lock on a file beside the journal; the kernel releases it when its holder dies.

    Not `filelock`: on a file system without flock it falls back to a marker file, which outlives its holder.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(f"{journal.name}-measuring")
        self._fd: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free; never waits.

        True as well where no file can be made or locked: such a journal is shared with nobody.
        """
        if self._fd is not None:
            return False
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return True
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except OSError:  # a file system without locks
            os.close(fd)
            return True
        self._fd = fd
        return True

    def release(self) -> None:
        """Let the next one measure; does nothing where the lock is not held."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):
                os.close(fd)
