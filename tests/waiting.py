"""Waits for what other threads and processes bring about: for the thing itself, never for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import psutil

BOUND_S = 30  # only a hang lasts so long


def until(condition: Callable[[], object], what: str = "it") -> None:
    """Return as soon as a condition holds. Fails when it never does."""
    pause = threading.Event()
    for _ in range(BOUND_S * 200):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError(f"{what} did not come about")


def lives(process: psutil.Process) -> bool:
    """Whether a process still runs; one that only waits to be reaped by somebody does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until_gone(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        until(lambda process=process: not lives(process), f"the end of {process}")  # type: ignore[misc]
