"""Ends what is left of the runner's own process group, sparing the resource tracker; puts exit codes into words."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# A resource tracker, multiprocessing's or that of loky and of joblib's copy of it, unlinks the semaphores and shared
# memory that the dead left behind, and ends by itself when the last of them is gone. Killed with the others, it would
# leave them in /dev/shm.
TRACKER = ".resource_tracker import main"
LOOKS = 100


def exit_description(code: int | None, *, out_of_memory: bool = False) -> str:
    """How a process ended, as the predicate of a sentence: 'ended with exit code 3', 'was killed by SIGSEGV'.

    `code` is as subprocess and multiprocessing give it, negative for a signal; None where nobody collected it.
    `out_of_memory` says that the kernel sent the signal, which is only supposed else.
    """
    if code is None:
        return "ended in an unknown way"
    if code >= 0:
        return f"ended with exit code {code}"
    if out_of_memory and code == -signal.SIGKILL:
        return "was killed by the kernel for want of memory"
    by_whom = " (by somebody, or by the kernel for want of memory)" if code == -signal.SIGKILL else ""
    return f"was killed by {signal_name(-code)}{by_whom}"


def signal_name(number: int) -> str:
    """'SIGTERM', or 'signal 70' for one without a name here."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def process_stats(proc: Path = Path("/proc")) -> Iterator[tuple[int, list[bytes]]]:
    """Each process's id, and the fields of its `stat` from its state on; the last one may hold all that come after.

    By system calls alone: a trial looks around before and after each call, and pathlib takes four times as long.
    """
    try:
        names = os.listdir(proc)  # noqa: PTH208  (see above)
    except OSError:
        return
    for name in filter(str.isdigit, names):
        try:
            file = os.open(f"{proc}/{name}/stat", os.O_RDONLY)
        except OSError:
            continue  # it ended while we looked
        try:
            # The command name stands in parentheses and may hold spaces; then come state, parent, … (proc(5)).
            fields = os.read(file, 4096).rpartition(b")")[2].split(None, 15)
        except OSError:
            continue
        finally:
            os.close(file)
        if len(fields) > 3:
            yield int(name), fields


def members(group: int, proc: Path = Path("/proc")) -> list[int]:
    """Process ids of a process group, and of a session of that number; from /proc, empty where there is none."""
    # The session, because a failure scenario has a group of its own within it.
    return [pid for pid, stat in process_stats(proc) if group in (int(stat[2]), int(stat[3])) and stat[0] != b"Z"]


def is_tracker(pid: int, proc: Path = Path("/proc")) -> bool:
    try:
        return TRACKER.encode() in (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


def remove_scratch(scratch: Path) -> None:
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
        remove_scratch(scratch)
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
        remove_scratch(Path(sys.argv[1]))
    if not Path("/proc/self").exists():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    sys.exit(1)
