"""Ends what is left of the runner's own process group, children before parents; knows the one process to spare."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

# multiprocessing's resource tracker unlinks the semaphores and shared memory that the dead left behind, and ends by
# itself when the last of them is gone. Killed with the others, it would leave them in /dev/shm.
TRACKER = b"multiprocessing.resource_tracker"
LOOKS = 100


def members(group: int, proc: Path = Path("/proc")) -> list[int]:
    """Process ids of a process group, and of a session of that number; from /proc, empty where there is none."""
    found = []
    for entry in proc.glob("[0-9]*"):
        try:
            # The command name stands in parentheses and may hold spaces; group and session are the third and fourth
            # field after it. The session, because a failure scenario has a group of its own within it.
            stat = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            if group in (int(stat[2]), int(stat[3])) and stat[0] != b"Z":
                found.append(int(entry.name))
        except (OSError, ValueError, IndexError):
            continue  # it ended while we looked
    return found


def is_tracker(pid: int, proc: Path = Path("/proc")) -> bool:
    try:
        return TRACKER in (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


def clear(scratch: Path) -> None:
    """Remove the run's scratch folder, whose server is gone; never a temporary folder that others use too."""
    if scratch.name.startswith("poolscope-"):
        shutil.rmtree(scratch, ignore_errors=True)


def end_group(scratch: Path | None = None) -> None:
    """Kill every other process of our group but the resource tracker, clear `scratch` away, then leave at once.

    By executing this file in our place: that ends all our other threads first, of which a pool's own would else put a
    new worker in the place of each that is killed here, and one might be forked after the last look.
    """
    if os.getpgrp() == os.getpid():  # never the group of a shell that somebody started us from
        with suppress(OSError):
            os.execv(sys.executable, [sys.executable, "-I", "-S", __file__, str(scratch or "")])  # noqa: S606 (ours)
    if scratch is not None:
        clear(scratch)
    os._exit(1)


def kill_group(group: int) -> None:
    """Kill a group's members, all but us and the tracker, until a look finds none; one may fork while we look."""
    for _ in range(LOOKS):
        others = [pid for pid in members(group) if pid != os.getpid() and not is_tracker(pid)]
        if not others:
            break
        for pid in others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    kill_group(os.getpgrp())
    if sys.argv[1]:
        clear(Path(sys.argv[1]))
    if not Path("/proc/self").exists():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    sys.exit(1)
