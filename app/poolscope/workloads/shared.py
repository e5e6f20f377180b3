"""One number that all workers add to under a lock, in the form that each kind of worker can share.

Workers of one process are handed the object itself: a number and a threading.Lock. Other processes and interpreters
are handed it pickled, which is a path; their number is eight bytes of that file, mapped into the memory of all of them,
under the file's lock. Both count the same additions, so that none may be lost in either.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from poolscope.workloads.compute import make_of_rounds, sum_of_squares

if TYPE_CHECKING:
    from poolscope.workloads.work import Work, WorkRequest

BETWEEN = 200  # squares summed between two additions, outside the lock
BYTES = 8


class MappedNumber:
    """The number in a file. The file's lock excludes other processes and interpreters, each of which opens it anew."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR)  # open as long as the worker lives
        self._bytes = mmap.mmap(self._file, BYTES)

    def add(self, amount: int) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            value = int.from_bytes(self._bytes, "little") + amount
            self._bytes[:] = value.to_bytes(BYTES, "little")
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


_opened: dict[tuple[int, str], MappedNumber] = {}


def opened(path: str) -> MappedNumber:
    """This worker's own: a forked one must not use its parent's, whose lock it would share."""
    key = os.getpid(), path
    if key not in _opened:
        _opened[key] = MappedNumber(path)
    return _opened[key]


class SharedNumber:
    """The shared number as its own process has it. A pickled one becomes `MappedNumber`, one a path and worker."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.value = 0
        self.lock = threading.Lock()

    def add(self, amount: int) -> None:
        with self.lock:
            self.value += amount

    def total(self) -> int:
        """All additions, wherever they were made."""
        return self.value + int.from_bytes(Path(self.path).read_bytes(), "little")

    def __reduce__(self) -> tuple[object, ...]:
        return opened, (self.path,)


def add_much(shared: SharedNumber, rounds: int, n: int) -> int:
    """Compute a little and add one, `rounds` times."""
    for _ in range(rounds):
        sum_of_squares(BETWEEN, n)
        shared.add(1)
    return n


def make_shared_object(request: WorkRequest) -> Work:
    import tempfile  # not before: workers that import this module have no use for it

    handle, path = tempfile.mkstemp(prefix="shared-", dir=request.scratch)
    os.write(handle, bytes(BYTES))
    os.close(handle)
    return make_of_rounds(partial(add_much, SharedNumber(path)))(request)


MAKERS = {"shared-object": make_shared_object}
