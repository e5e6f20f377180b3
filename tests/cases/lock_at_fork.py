"""A background thread holds a lock most of the time; a forked worker inherits it locked, for ever."""

from __future__ import annotations

import threading
import time

guard = threading.Lock()
items = list(range(16))


def flush() -> None:
    while True:
        with guard:
            time.sleep(0.03)  # writing something out
        time.sleep(0.001)


threading.Thread(target=flush, name="flusher", daemon=True).start()


def record(number: int) -> int:
    total = 0
    for step in range(2_000):
        total += step % 3
    with guard:
        return total + number
