"""How much memory processes hold: their proportional set size, and the resident one where a platform has no better."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
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
