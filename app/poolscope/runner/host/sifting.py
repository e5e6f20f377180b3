"""Calls every item once under a time limit, and finds those that take longer."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any

from poolscope.protocol.commands import SiftItems
from poolscope.protocol.payloads import SlowItem
from poolscope.runner.host.call_log import CallBegan, CallEnded, CallTooLong, write_entry
from poolscope.runner.host.pickling import short
from poolscope.runner.host.raised_by_work import RAISED_BY_WORK
from poolscope.runner.host.setup import OpenedWork


class TooLong(BaseException):
    """The time of a call is over. Not an Exception: the work's own `except Exception` must not swallow it."""


def sift_items(opened: OpenedWork, order: SiftItems, announce: Callable[[str], None]) -> tuple[SlowItem, ...]:
    """The items, from `order.first` on, whose calls take longer than the limit.

    A call that no signal stops is for the orchestrator to end, with this process: it finds the item in the log. What
    a call raises is left to the trial and the plain loop, which tell it.
    """
    log, call, pid = Path(order.calls), opened.work.call, os.getpid()
    slow = []
    for number, item in enumerate(opened.work.items):
        if number < order.first:
            continue
        words = short(item)
        announce(f"the call of item {number} ({words})")
        write_entry(log, CallBegan(number, pid, words))
        began = perf_counter()
        try:
            with suppress(*RAISED_BY_WORK), within(order.limit_s):
                if opened.is_async:
                    asyncio.run(call(item))
                else:
                    call(item)
        except TooLong:
            pass
        seconds = perf_counter() - began
        if seconds > order.limit_s:
            slow.append(SlowItem(number, words, seconds))
            write_entry(log, CallTooLong(number, pid, words, seconds))
        else:
            write_entry(log, CallEnded(number, pid))
    return tuple(slow)


@contextmanager
def within(limit_s: float) -> Iterator[None]:
    """Raise TooLong in the main thread when the time is over."""

    def over(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
