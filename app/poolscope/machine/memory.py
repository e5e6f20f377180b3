"""Tells how much memory new processes could still take, and how much processes hold; None where nobody says.

What a process holds is its proportional set size, and the resident one where a platform has no better.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from poolscope.machine import cgroups
from poolscope.protocol.frozen import frozen

PROC = Path("/proc")
SYS = Path("/sys")


def available(proc: Path = PROC, sys: Path = SYS) -> int | None:
    """Bytes: the least of what the host has free or can free at once, and of what is left in each cgroup above us."""
    left = [each.limit - each.used for each in cgroups.memory_limits(proc, sys)]
    try:
        host = re.search(r"^MemAvailable:\s+(\d+) kB$", (proc / "meminfo").read_text(), re.MULTILINE)
    except OSError:
        host = None
    if host is not None:
        left.append(int(host[1]) * 1024)
    return max(min(left), 0) if left else None


def total(proc: Path = PROC, sys: Path = SYS) -> int | None:
    """Bytes: the least of what the host has and of the limits of the cgroups above us; None where nobody says."""
    found = [each.limit for each in cgroups.memory_limits(proc, sys)]
    try:
        host = re.search(r"^MemTotal:\s+(\d+) kB$", (proc / "meminfo").read_text(), re.MULTILINE)
    except OSError:
        host = None
    if host is not None:
        found.append(int(host[1]) * 1024)
    return min(found, default=None)


class MemoryKills:
    """Tells whether the kernel has killed anybody for want of memory since this was made, or since it was last told to
    `begin`. Its counter is looked for once."""

    def __init__(self, proc: Path = PROC, sys: Path = SYS) -> None:
        self._counter = kill_counter(proc, sys)
        self.begin()

    def begin(self) -> None:
        """Forget those before."""
        self._before = kills(self._counter) or 0

    @property
    def happened(self) -> bool:
        return (kills(self._counter) or 0) > self._before


def kill_counter(proc: Path = PROC, sys: Path = SYS) -> Path:
    """The file in which the kernel counts whom it kills for want of memory.

    That of our cgroup where it has one, which in version 2 counts those below it too, else that of the whole host.
    """
    for folder in cgroups.folders("memory", proc, sys):
        for name in ("memory.events", "memory.oom_control"):  # of version 2, of version 1
            if kills(folder / name) is not None:
                return folder / name
    return proc / "vmstat"


def kills(counter: Path) -> int | None:
    """How many there were so far, by the file that counts them; None where it does not."""
    try:
        found = re.search(r"^oom_kill (\d+)$", counter.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None


def give_back() -> None:
    """Give the system back what was freed, where the C library would keep it for later. Takes some milliseconds."""
    with suppress(ImportError, AttributeError, OSError):  # glibc has it
        import ctypes  # the runner reads this module as well, and not every Python that it runs on has that

        ctypes.CDLL(None).malloc_trim(0)


def limit(proc: Path = PROC, sys: Path = SYS) -> int | None:
    """The smallest memory limit of our cgroup and those above it, v2 or v1, in bytes; None where there is none."""
    return min((each.limit for each in cgroups.memory_limits(proc, sys)), default=None)


@frozen
class Memory:
    """Bytes after the work and before the shutdown: `what` is 'pss' or 'rss', for all of the numbers the same.

    `per_worker` has one number a worker process. Workers within this process can't be told apart: each then stands for
    an equal part of the process's rise since before they were started.
    """

    what: str
    per_worker: tuple[int, ...]
    parent: int
    beside: bool = False

    @property
    def total(self) -> int:
        """Of parent and workers; workers within the parent are part of it."""
        return self.parent if self.beside else self.parent + sum(self.per_worker)


def of_self(proc: Path = PROC) -> int:
    """Bytes that this process holds."""
    return held([os.getpid()], proc)[1][0]


def of_processes(pids: Sequence[int], proc: Path = PROC) -> Memory:
    """This process and its worker processes. Raises OSError when one of them is gone."""
    what, (parent, *workers) = held([os.getpid(), *pids], proc)
    return Memory(what, tuple(workers), parent)


def of_this_process(size: int, before: int, proc: Path = PROC) -> Memory:
    """This process, in which `size` workers are, and which held `before` without them."""
    what, (parent,) = held([os.getpid()], proc)
    return Memory(what, (max(0, parent - before) // size,) * size, parent, beside=True)


def held(pids: Sequence[int], proc: Path = PROC) -> tuple[str, list[int]]:
    """What is counted, and the bytes of each process; a page shared by k processes counts as 1/k to each in 'pss'."""
    try:
        return "pss", [proportional(pid, proc) for pid in pids]
    except (FileNotFoundError, PermissionError):
        return "rss", [resident(pid) for pid in pids]


def proportional(pid: int, proc: Path) -> int:
    text = (proc / str(pid) / "smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise FileNotFoundError(f"no Pss in smaps_rollup of process {pid}")
    return int(found[1]) * 1024


def resident(pid: int) -> int:
    """By POSIX's ps, which counts shared pages in full."""
    done = subprocess.run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    try:
        return int(done.stdout) * 1024
    except ValueError:
        raise ProcessLookupError(f"process {pid} is gone") from None
