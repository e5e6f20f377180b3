"""A background thread holds a lock unless somebody asks for it; a forked worker inherits it locked, for ever."""

from __future__ import annotations

import threading
from queue import SimpleQueue

guard = threading.Lock()
asking: SimpleQueue[threading.Event] = SimpleQueue()
items = list(range(16))


def flush() -> None:
    while True:
        with guard:  # writing something out
            done = asking.get()
        done.wait()


threading.Thread(target=flush, name="flusher", daemon=True).start()


def record(number: int) -> int:
    total = 0
    for step in range(2_000):
        total += step % 3
    done = threading.Event()
    asking.put(done)
    with guard:
        total += number
    done.set()
    return total
