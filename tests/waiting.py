"""Waits for what other threads and processes bring about: for the thing itself, never for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import psutil

BOUND_S = 30  # only a hang lasts so long
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.05


def until(condition: Callable[[], object], what: str = "it", bound_s: float = BOUND_S) -> None:
    """Return as soon as a condition holds. Fails when it never does.

    The pauses grow: most conditions are requests, and a server that answers one every few milliseconds has no time for
    what is being waited for.
    """
    pause, pause_s = threading.Event(), FIRST_PAUSE_S
    deadline = time.monotonic() + bound_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about")
        pause.wait(pause_s)
        pause_s = min(1.5 * pause_s, LONGEST_PAUSE_S)


def lives(process: psutil.Process) -> bool:
    """Whether a process still runs; one that only waits to be reaped by somebody does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until_gone(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        until(lambda process=process: not lives(process), f"the end of {process}")  # type: ignore[misc]


def until_stopped(pids: Iterable[int]) -> None:
    """Stopped by a signal, that is, which a thread only notices as it gets a CPU."""
    for pid in pids:
        process = psutil.Process(pid)
        until(lambda process=process: process.status() == psutil.STATUS_STOPPED, f"the stop of {process}")  # type: ignore[misc]
