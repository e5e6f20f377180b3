"""Kills what is left of a child's session, children before parents; multiprocessing's resource tracker gets a moment.

The tracker unlinks the semaphores and shared memory of the dead and then ends by itself; killed with the others it
would leave them behind. A runner leads a session of its own, so whatever it started, however deep, carries its id.

`machine.processes` does the same from within the session, with /proc alone. Here psutil serves macOS too, and it checks
that a process id was not given to another program meanwhile: the server outlives many sessions, a runner only its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil

from poolscope.machine.processes import TRACKER

PATIENCE = 1.0  # seconds for a tracker to tidy up, and for the killed to be gone
LOOK = 0.01  # seconds between two looks at who is left
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
START_TOLERANCE_S = 2.0  # by which two accounts of one process's start may differ


def identity(pid: int) -> dict[str, Any]:
    """What identifies a process later: its id and its start, because ids are reused.

    The start by the wall clock, and where the kernel tells it since the machine's own start too: somebody may set the
    clock, and a living server must not be taken for a dead one.
    """
    try:
        return {"pid": pid, "started": psutil.Process(pid).create_time(), "since_boot": since_boot(pid)}
    except psutil.NoSuchProcess:  # it is gone already, and must not be taken for the next of that id
        return {"pid": pid, "started": 0.0, "since_boot": None}


def is_alive(identity: Mapping[str, Any]) -> bool:
    try:
        if identity.get("since_boot"):
            return bool(since_boot(identity["pid"]) == identity["since_boot"])
        return bool(abs(psutil.Process(identity["pid"]).create_time() - identity["started"]) < START_TOLERANCE_S)
    except (psutil.Error, KeyError):
        return False


def since_boot(pid: int) -> str | None:
    """When a process started, since the start of the machine, and which start that was; None where nobody says."""
    ticks = ticks_since_boot(pid)
    try:
        return f"{ticks}@{BOOT_ID.read_text().strip()}" if ticks else None
    except OSError:
        return None


def ticks_since_boot(pid: int) -> int | None:
    """When a process started, in clock ticks since the start of the machine; None where there is none or no /proc."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])  # proc(5): starttime
    except (OSError, IndexError):
        return None


def scratch_prefix(server_pid: int) -> str:
    """What a server's scratch folders and cgroups begin with; it names the very process, for ids are reused."""
    return f"poolscope-{server_pid}-{ticks_since_boot(server_pid) or 0}-"


def was_left_behind(folder: Path) -> bool:
    """Whether the server that made a folder of such a name is gone; False for a folder of another name."""
    try:
        pid, ticks = int(folder.name.split("-")[1]), folder.name.split("-")[2]
        return pid != os.getpid() and not _made_by(pid, ticks, folder)
    except (ValueError, IndexError, OSError):
        return False
    except psutil.NoSuchProcess:
        return True


def _made_by(pid: int, ticks: str, folder: Path) -> bool:
    """Whether the process of that id is the one that made the folder, and not a later one. Raises NoSuchProcess."""
    started = ticks_since_boot(pid)
    if started is not None and ticks.isdecimal() and int(ticks):
        return started == int(ticks)
    return bool(psutil.Process(pid).create_time() <= folder.stat().st_mtime + START_TOLERANCE_S)


def session(leader: int) -> list[psutil.Process]:
    """The processes of a session, the leader too; zombies are not counted."""
    found = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        except (OSError, psutil.Error):
            continue  # it ended while we looked
    return found


def kill_session(leader: int) -> int:
    """Kill every process of the session; returns how many there were. Blocks for at most about two seconds.

    It looks until nobody is left, for a fork server may fork in its last moment. It never waits for a process by
    `psutil.wait_procs`: that collects the exit code of our own child, which asyncio must get.
    """
    left = session(leader)
    count = len(left)
    spare_until = time.monotonic() + PATIENCE
    give_up = spare_until + PATIENCE
    while left and time.monotonic() < give_up:
        patient = time.monotonic() < spare_until
        kill(process for process in left if not (patient and _is_tracker(process)))
        time.sleep(LOOK)
        left = session(leader)
    return count


def kill(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL each; psutil checks by start time that a process id was not given to another program."""
    for process in sorted(processes, key=lambda process: process.pid, reverse=True):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _is_tracker(process: psutil.Process) -> bool:
    try:
        return any(TRACKER in part for part in process.cmdline())
    except psutil.Error:
        return False
