"""Finds the threads and processes that a call has started and that are still at work when it has returned."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic, process_time_ns, sleep, thread_time_ns
from typing import Literal

from poolscope.machine.cpu_clock import children, descends, on_cpu_ns, process_table
from poolscope.machine.processes import is_tracker, members
from poolscope.protocol.frozen import frozen

ENOUGH_S = 1.0  # in which they are watched
LOOK_S = 0.01
# A worker of a pool that is kept open neither ends nor works; what uses so much CPU time meanwhile is at work.
AT_WORK_S = 0.05


@frozen
class AtWork:
    """What can be seen at once: the threads of Python's in this process, the CPU time of all of them but the calling
    one, and that of each child process that has not ended."""

    threads: frozenset[threading.Thread]
    threads_ns: int
    children_ns: dict[int, int]


@frozen
class Alive:
    """The processes that come from this one, with their CPU ticks, and what was at work a moment before.

    `ended` are those of the processes that had ended and that nobody had waited for; `cpu_ns` is the CPU time of all
    others.
    """

    at_work: AtWork
    processes: dict[int, int]
    ended: frozenset[int]
    cpu_ns: dict[int, int]


@frozen
class LeftRunning:
    """What went on for so many seconds after a call, by its name; `complete`: until all of it had ended.

    `worked_s` is the CPU time that it used after the call, as far as is known, and `before_s` what it, if it is a
    process, had used by then.
    """

    kind: Literal["process", "thread"]
    name: str
    seconds: float
    complete: bool
    worked_s: float
    before_s: float = 0.0


def at_work() -> AtWork:
    """Looks at what goes on while it does, so it has to be quick: a program may be over in some milliseconds."""
    threads, threads_ns = frozenset(threading.enumerate()), other_threads_ns()
    return AtWork(threads, threads_ns, {pid: on_cpu_ns(pid) for pid in children() or () if not has_ended(pid)})


def alive(now: AtWork | None = None) -> Alive:
    """Also those processes that no longer are our descendants, as what started them has ended, but are in our group."""
    now = now or at_work()
    parents, ticks = process_table()
    us = os.getpid()
    ours = {*members(us), *(pid for pid in parents if descends(pid, us, parents))} - {us}
    processes = {pid: ticks.get(pid, 0) for pid in ours if not is_tracker(pid)}
    ended = frozenset(pid for pid in processes if pid not in now.children_ns and has_ended(pid))
    cpu_ns = {pid: now.children_ns.get(pid, on_cpu_ns(pid)) for pid in processes if pid not in ended}
    return Alive(now, processes, ended, cpu_ns)


def left_running(before: Alive, now: Alive, call_s: float) -> LeftRunning | None:
    """What was started between the two, in a call of so many seconds, which is watched for a second at the most."""
    began = ended_at = monotonic()
    threads = set(now.at_work.threads - before.at_work.threads)
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
    has_threads, watched = bool(threads), set(left)
    while (threads or left) and monotonic() < began + ENOUGH_S:
        sleep(LOOK_S)
        ended_threads = {thread for thread in threads if not thread.is_alive()}
        ended = {pid for pid in left if has_ended(pid)}
        if ended_threads or ended:
            ended_at = monotonic()
        threads, left = threads - ended_threads, left - ended
    _, ticks = process_table()
    if seconds_of(sum(ticks.get(pid, 0) - processes[pid] for pid in left)) >= AT_WORK_S:
        return LeftRunning(kind, name, ENOUGH_S, complete=False, worked_s=AT_WORK_S)
    # Nobody waits for what has ended, so that the kernel still knows what it used.
    after_ns = sum(max(0, on_cpu_ns(pid) - now.cpu_ns[pid]) for pid in watched)
    after_ns += other_threads_ns() - now.at_work.threads_ns if has_threads else 0
    worked_s, before_s = max(worked_s, after_ns / 1e9), sum(now.cpu_ns[pid] for pid in watched) / 1e9
    seconds = max(worked_s, ended_at - began)
    return LeftRunning(kind, name, seconds, True, worked_s, before_s) if seconds else None


def other_threads_ns() -> int:
    """CPU time of all threads of this process but the calling one."""
    return process_time_ns() - thread_time_ns()


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
