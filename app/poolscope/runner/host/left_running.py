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
    """The threads of Python's in this process, and the processes that come from it, with their CPU ticks.

    `ended` are those of the processes that have ended and that nobody has waited for.
    """

    threads: frozenset[threading.Thread]
    processes: dict[int, int]
    ended: frozenset[int]


@dataclass(frozen=True, slots=True)
class LeftRunning:
    """What went on for so many seconds after a call, by its name; `complete`: until all of it had ended.

    `worked`: it used more CPU time than it can have had within the call.
    """

    kind: Literal["process", "thread"]
    name: str
    seconds: float
    complete: bool
    worked: bool


def alive() -> Alive:
    """Also those processes that no longer are our descendants, as what started them has ended, but are in our group."""
    parents, ticks = process_table()
    us = os.getpid()
    ours = {*members(us), *(pid for pid in parents if descends(pid, us, parents))} - {us}
    processes = {pid: ticks.get(pid, 0) for pid in ours if not is_tracker(pid)}
    return Alive(frozenset(threading.enumerate()), processes, frozenset(filter(has_ended, processes)))


def left_running(before: Alive, now: Alive, call_s: float) -> LeftRunning | None:
    """What was started between the two, in a call of so many seconds, which is watched for a second at the most."""
    began = ended_at = monotonic()
    threads = {thread for thread in now.threads - before.threads if thread.is_alive()}
    processes = {pid: ticks for pid, ticks in now.processes.items() if pid not in before.processes}
    if not threads and not processes:
        return None
    kind: Literal["process", "thread"] = "process" if processes else "thread"
    name = name_of(next(iter(processes))) if processes else next(iter(threads)).name
    left = {pid for pid in processes if pid not in now.ended}
    # Of one that has ended before anybody looked, there is the CPU time that it took; it may have done all within the
    # call, as a program does whose output was read to its end.
    used_s = seconds_of(sum(ticks for pid, ticks in processes.items() if pid in now.ended))
    worked_s = max(0.0, used_s - call_s * (os.cpu_count() or 1) - seconds_of(1))
    while (threads or left) and monotonic() < began + ENOUGH_S:
        sleep(LOOK_S)
        ended_threads = {thread for thread in threads if not thread.is_alive()}
        ended = {pid for pid in left if has_ended(pid)}
        if ended_threads or ended:
            ended_at = monotonic()
        threads, left = threads - ended_threads, left - ended
    _, ticks = process_table()
    if seconds_of(sum(ticks.get(pid, 0) - processes[pid] for pid in left)) >= AT_WORK_S:
        return LeftRunning(kind, name, ENOUGH_S, complete=False, worked=True)
    seconds = max(worked_s, ended_at - began)
    return LeftRunning(kind, name, seconds, complete=True, worked=worked_s > 0) if seconds else None


def seconds_of(ticks: int) -> float:
    return ticks / os.sysconf("SC_CLK_TCK")


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
