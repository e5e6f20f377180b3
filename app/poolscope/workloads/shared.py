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
from typing import TYPE_CHECKING, Any

from poolscope.workloads.functions import calibrated, sum_of_squares

if TYPE_CHECKING:
    from poolscope.workloads.catalog import Asked, Work

BETWEEN = 200  # squares summed between two additions, outside the lock
BYTES = 8

_opened: dict[tuple[int, str], Mapped] = {}


class Number:
    """The shared number as its own process has it. A pickled one becomes `Mapped`, one a path and worker."""

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

    def __reduce__(self) -> Any:
        return opened, (self.path,)


class Mapped:
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


def opened(path: str) -> Mapped:
    """This worker's own: a forked one must not use its parent's, whose lock it would share."""
    key = os.getpid(), path
    if key not in _opened:
        _opened[key] = Mapped(path)
    return _opened[key]


def add_much(shared: Number, rounds: int, n: int) -> int:
    """Compute a little and add one, `rounds` times."""
    for _ in range(rounds):
        sum_of_squares(BETWEEN, n)
        shared.add(1)
    return n


def make_shared_object(asked: Asked) -> Work:
    import tempfile  # here, as Work: workers that import this module have no use for them

    from poolscope.workloads.catalog import Work

    handle, path = tempfile.mkstemp(prefix="shared-", dir=asked.scratch)
    os.write(handle, bytes(BYTES))
    os.close(handle)
    shared = Number(path)
    ready = calibrated(asked.work_ms, lambda rounds: partial(add_much, shared, rounds), asked.rounds)
    return Work(ready.function, range(1, asked.count + 1), rounds=ready.rounds, one_call_s=ready.one_call_s)


MAKERS = {"shared-object": make_shared_object}
