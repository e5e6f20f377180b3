"""Waits for threads that were told to end, for a bounded time: nobody can end a thread from outside."""

from __future__ import annotations

import threading
from collections.abc import Collection
from time import monotonic


def let_end(before: Collection[threading.Thread], limit_s: float) -> None:
    """Return when all threads but those of `before` and this one have ended, or when the limit is over."""
    until = monotonic() + limit_s
    for thread in threading.enumerate():
        if thread not in before and thread is not threading.current_thread():
            thread.join(max(0.0, until - monotonic()))
