"""What the sessions of live runs hold of the machine now: processes, threads, memory, CPU seconds; one look for all."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from poolscope.machine import memory

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class SessionUsage:
    """One session: its processes and threads, and what they hold.

    `resident` counts what several processes share in each of them, so it is too much rather than too little. `cpu_s`
    are the seconds of all that live, and of those that they have waited for. `suspended`: its leader was stopped by a
    signal, and does nothing.
    """

    pids: tuple[int, ...] = ()
    tasks: int = 0
    resident: int = 0
    cpu_s: float = 0.0
    suspended: bool = False

    def with_process(self, pid: int, tasks: int, resident: int, cpu_s: float, suspended: bool) -> SessionUsage:
        return SessionUsage(
            (*self.pids, pid),
            self.tasks + tasks,
            self.resident + resident,
            self.cpu_s + cpu_s,
            self.suspended or suspended,
        )

    @property
    def shared_once(self) -> int:
        """Bytes, what is shared counted once; takes about a millisecond a process. What has ended counts as nothing."""
        total = 0
        for pid in self.pids:
            with suppress(OSError):
                total += memory.held([pid])[1][0]
        return total


def usage_of(leaders: Collection[int], proc: Path = PROC) -> Mapping[int, SessionUsage]:
    """The usage of each session by its leader's process id. Blocks, for about 20 µs a process of the machine."""
    found = dict.fromkeys(leaders, SessionUsage())
    for process in _from_proc(proc) if proc.joinpath("self", "stat").exists() else _from_psutil(leaders):
        session, pid, tasks, resident, cpu_s, suspended = process
        if session in found:
            found[session] = found[session].with_process(pid, tasks, resident, cpu_s, suspended and pid == session)
    return found


Process = tuple[int, int, int, int, float, bool]  # session, pid, tasks, resident, cpu_s, suspended


def _from_proc(proc: Path) -> list[Process]:
    """Not by psutil, which needs several files a process, and ten times as long."""
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            # proc(5): the fields after the command name, which may hold anything, from the third on.
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] != b"Z":
                cpu_s = sum(map(int, fields[11:15])) / tick
                resident = int(fields[21]) * page
                found.append((int(fields[3]), int(entry.name), int(fields[17]), resident, cpu_s, fields[0] == b"T"))
        except (OSError, ValueError, IndexError):
            continue  # it ended while we looked
    return found


def _from_psutil(leaders: Collection[int]) -> list[Process]:
    found = []
    for pid in psutil.pids():
        try:
            session = os.getsid(pid)
            if session in leaders:
                process = psutil.Process(pid)
                suspended = process.status() == psutil.STATUS_STOPPED
                cpu_s, held = sum(process.cpu_times()[:4]), process.memory_info().rss
                found.append((session, pid, process.num_threads(), held, cpu_s, suspended))
        except (OSError, psutil.Error):
            continue
    return found
