"""Items that end the process which works on them, each in another way."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading

items = list(range(10))


def in_worker() -> bool:
    return multiprocessing.parent_process() is not None


def exits(number: int) -> int:
    if number == 7 and in_worker():
        os._exit(3)
    return number


def crashes(number: int) -> int:
    if number == 5 and in_worker():
        ctypes.string_at(0)
    return number


def is_killed(number: int) -> int:
    if number == 9 and in_worker():
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def leaves(number: int) -> int:
    if number == 4 and in_worker():
        sys.exit("enough")
    return number


def interrupts(number: int) -> int:
    if number == 4 and in_worker():
        raise KeyboardInterrupt
    return number


def exits_in_thread(number: int) -> int:
    if number == 8 and threading.current_thread() is not threading.main_thread():
        os._exit(2)
    return number


def exits_everywhere(number: int) -> int:
    if number == 8:  # which is none of those that a trial calls
        os._exit(6)
    return number
