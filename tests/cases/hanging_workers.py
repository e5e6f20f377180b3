"""Calls that wait for ever, each in another way."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator

items = list(range(4))
guard = threading.Lock()


def in_worker() -> bool:
    return multiprocessing.parent_process() is not None


def waits_in_worker(number: int) -> int:
    if number == 2 and in_worker():
        threading.Event().wait()
    return number


def locks_twice_in_thread(number: int) -> int:
    if number == 1 and threading.current_thread() is not threading.main_thread():
        guard.acquire()
        guard.acquire()
    return number


def leaves_a_thread(number: int) -> int:
    threading.Thread(target=time.sleep, args=(1000 if in_worker() else 0,)).start()
    return number


def with_lock_held() -> Iterator[int]:
    guard.acquire()
    return iter(items)


def takes_lock(number: int) -> int:
    with guard:
        return number
