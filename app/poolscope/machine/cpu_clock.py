"""CPU time of this process, of its main thread, and of the processes that it started; from one moment to another."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from time import process_time_ns, thread_time_ns

from poolscope.machine.collected import collected_children_ns
from poolscope.machine.processes import process_stats
from poolscope.protocol.frozen import frozen

PROC = Path("/proc")


@frozen
class CpuUse:
    """CPU time in ns: of one thread, of its whole process, and of all child processes.

    Child processes that have ended and were collected are read to the microsecond, those still alive in ticks of 10 ms,
    and only where there is a /proc. `ready` is how long threads of the process that still live could have run but
    waited for a CPU, 0 where the kernel does not tell.
    """

    thread: int
    process: int
    children: int
    ready: int

    def per_pass(self, passes: int) -> CpuUse:
        """The mean of so many passes that used it together."""
        return CpuUse(self.thread // passes, self.process // passes, self.children // passes, self.ready // passes)


class CpuClock:
    """Measures the CPU time used since it was made; to be made and read by the same thread.

    Child processes that are `beside` the work count as nobody's, with their own children. Where there are others,
    making and reading it both take a millisecond or two for a hundred processes, which counts as nobody's too.
    """

    def __init__(self, beside: Collection[int] = ()) -> None:
        self._beside = beside
        self._children = children_ns(beside)
        self._ready = ready_ns()
        self._process = process_time_ns()
        self._thread = thread_time_ns()

    def read(self) -> CpuUse:
        """What was used up to now."""
        thread, process = thread_time_ns() - self._thread, process_time_ns() - self._process
        ready = sum(waited - self._ready.get(thread, 0) for thread, waited in ready_ns().items())
        return CpuUse(thread, process, max(0, children_ns(self._beside) - self._children), ready)


def children_ns(beside: Collection[int] = (), proc: Path = PROC) -> int:
    """CPU time of all child processes so far, of those that were collected and of the living that are not `beside`."""
    # In this order, one that is collected in between is missed, and not counted twice.
    collected = collected_children_ns()
    return collected + descendants_ticks(beside, proc) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def ready_ns(proc: Path = PROC) -> dict[str, int]:
    """How long each thread of this process, by its number, was ready to run and waited for a CPU so far."""
    waited = {}
    for thread in threads(proc):
        with suppress(OSError, ValueError, IndexError):  # it has just ended, or the kernel keeps no statistics
            # Time on a CPU, time waiting for one, and how many turns (Documentation/scheduler/sched-stats.rst).
            waited[thread] = int(read(f"{proc}/self/task/{thread}/schedstat").split()[1])
    return waited


def on_cpu_ns(pid: int, proc: Path = PROC) -> int:
    """CPU time of a process's main thread, also when it has ended and nobody has waited for it; 0 where it is gone."""
    with suppress(OSError, ValueError, IndexError):
        return int((proc / str(pid) / "schedstat").read_text().split()[0])
    return 0


def thread_ready_ns(proc: Path = PROC) -> int:
    """How long the calling thread was ready to run and waited for a CPU so far; 0 where the kernel does not tell."""
    with suppress(OSError, ValueError, IndexError):
        return int((proc / "thread-self" / "schedstat").read_text().split()[1])
    return 0


def descendants_ticks(beside: Collection[int] = (), proc: Path = PROC) -> int:
    """CPU ticks of all living descendants of this process, and of those children that they collected; 0 without /proc.

    Without those `beside`, and theirs. A process whose parent has ended is no descendant any more.
    """
    ours = children(proc)
    if ours is not None and set(ours) <= set(beside):
        return 0  # which is most often so, and seen in a hundredth of the time
    parents, ticks = process_table(proc)
    us = os.getpid()
    for pid in beside:
        parents.pop(pid, None)  # so that it and its descendants are none of ours
    return sum(used for pid, used in ticks.items() if pid != us and descends(pid, us, parents))


ProcessTable = tuple[dict[int, int], dict[int, int]]


def process_table(proc: Path = PROC) -> ProcessTable:
    """Of every process its parent, and its CPU ticks with those of its collected children."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for pid, stat in process_stats(proc):
        parents[pid] = int(stat[1])
        ticks[pid] = sum(map(int, stat[11:15]))
    return parents, ticks


def process_ticks(pid: int, proc: Path = PROC) -> int | None:
    """CPU ticks of one process, without those of its children; None where it is gone."""
    try:
        fields = (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, ValueError, IndexError):
        return None


def children(proc: Path = PROC) -> list[int] | None:
    """The child processes that the kernel lists for this process's threads; None where it does not."""
    found: list[int] = []
    listed = False
    for thread in threads(proc):
        with suppress(OSError):  # the thread has just ended
            found += map(int, read(f"{proc}/self/task/{thread}/children").split())
            listed = True
    return found if listed else None


def threads(proc: Path) -> list[str]:
    """The numbers of this process's threads, the first one last: it gets the children of those that end meanwhile."""
    with suppress(OSError):
        return sorted(os.listdir(proc / "self" / "task"), key=str(os.getpid()).__eq__)  # noqa: PTH208  (see `read`)
    return []


def read(file: str) -> bytes:
    """A file of the kernel, in far less time than pathlib takes: it is read before and after each call of a trial."""
    number, text = os.open(file, os.O_RDONLY), b""
    try:
        while part := os.read(number, 65536):  # a page at a time, however long it is
            text += part
    finally:
        os.close(number)
    return text


def descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    """Whether a process is the other one, its child, or a child's child."""
    for _ in range(len(parents)):  # a pid that was used again meanwhile could close a ring
        if pid == ancestor:
            return True
        if pid not in parents:
            return False
        pid = parents[pid]
    return False
