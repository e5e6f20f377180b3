"""Finds the threads and processes that a call has started and that are still at work when it has returned."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Literal

from poolscope.machine.cpu_clock import descends, process_table
from poolscope.machine.processes import is_tracker, members

ENOUGH_S = 1.0  # in which they are watched
LOOK_S = 0.01
# A worker of a pool that is kept open neither ends nor works; what uses so much CPU time meanwhile is at work.
AT_WORK_S = 0.05


@dataclass(frozen=True, slots=True)
class Alive:
    """The threads of Python's in this process, and the processes that come from it, with their CPU ticks."""

    threads: frozenset[threading.Thread]
    processes: dict[int, int]


@dataclass(frozen=True, slots=True)
class LeftRunning:
    """What went on for so many seconds after a call, by its name; `complete`: until all of it had ended."""

    kind: Literal["process", "thread"]
    name: str
    seconds: float
    complete: bool


def alive() -> Alive:
    """Also those processes that no longer are our descendants, as what started them has ended, but are in our group."""
    parents, ticks = process_table()
    us = os.getpid()
    ours = {*members(us), *(pid for pid in parents if descends(pid, us, parents) and not has_ended(pid))} - {us}
    return Alive(frozenset(threading.enumerate()), {pid: ticks.get(pid, 0) for pid in ours if not is_tracker(pid)})


def left_running(before: Alive) -> LeftRunning | None:
    """What has been started since `before` and is at work, which is watched until it ends, for a second at the most."""
    began, now = monotonic(), alive()
    threads = now.threads - before.threads
    processes = {pid: ticks for pid, ticks in now.processes.items() if pid not in before.processes}
    if not threads and not processes:
        return None
    name = name_of(next(iter(processes))) if processes else next(iter(threads)).name
    left_threads, left = set(threads), set(processes)
    ended_at = began
    while (left_threads or left) and monotonic() < began + ENOUGH_S:
        sleep(LOOK_S)
        ended_threads = {thread for thread in left_threads if not thread.is_alive()}
        ended = {pid for pid in left if has_ended(pid)}
        if ended_threads or ended:
            ended_at = monotonic()
        left_threads, left = left_threads - ended_threads, left - ended
    kind: Literal["process", "thread"] = "process" if processes else "thread"
    worked_s = sum(process_table()[1].get(pid, 0) - processes[pid] for pid in left) / os.sysconf("SC_CLK_TCK")
    if worked_s >= AT_WORK_S:
        return LeftRunning("process", name, ENOUGH_S, complete=False)
    return LeftRunning(kind, name, ended_at - began, complete=True) if ended_at > began else None


def has_ended(pid: int, proc: Path = Path("/proc")) -> bool:
    """Whether a process is gone, or waits for nothing but to be collected."""
    try:
        return (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (OSError, IndexError):
        return True


def name_of(pid: int, proc: Path = Path("/proc")) -> str:
    with suppress(OSError):
        return (proc / str(pid) / "comm").read_text().strip()
    return "a process"
