"""How long an event loop could do nothing else: the time between two looks at what is ready, in which steps run.

asyncio runs all coroutines of a loop in one thread, a step at a time, and looks for what has become ready in between,
by `select`. While a step computes or sleeps by itself instead of awaiting, no other coroutine goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import perf_counter_ns, thread_time_ns
from typing import Any

from poolscope.machine.cpu_clock import thread_ready_ns
from poolscope.protocol.payloads import LoopUse


class LoopWatch:
    """Watches the loop of one runner; an event loop of another kind than asyncio's own can't be watched.

    Its steps are those of all tasks, whatever they were started by, and of callbacks.
    """

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._wall = self._busy = self._longest = self._cpu = self._ready = 0
        self._left: int | None = None  # the stamp at which the loop last came back from looking; None between runs
        self._selector: Any = getattr(runner.get_loop(), "_selector", None)
        if self._selector is not None:
            self._select = self._selector.select
            self._selector.select = self._timed_select

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What `Runner.run` does, watched."""
        ready, cpu, began = thread_ready_ns(), thread_time_ns(), perf_counter_ns()
        self._left = began
        try:
            return self._runner.run(coroutine)
        finally:
            ended = perf_counter_ns()
            self._count(ended)
            self._left = None
            self._wall += ended - began
            self._cpu += thread_time_ns() - cpu
            self._ready += thread_ready_ns() - ready

    def use(self) -> LoopUse | None:
        """What was seen so far; None where the loop can't be watched."""
        if self._selector is None or not self._wall:
            return None
        return LoopUse(
            self._wall / 1e9, self._busy / 1e9, self._longest / 1e9, self._cpu / 1e9, min(self._ready, self._busy) / 1e9
        )

    def _timed_select(self, timeout: float | None = None) -> Any:
        if self._left is None:
            return self._select(timeout)
        self._count(perf_counter_ns())
        try:
            return self._select(timeout)
        finally:
            self._left = perf_counter_ns()

    def _count(self, now: int) -> None:
        """Count the stretch that ends now."""
        stretch = now - (self._left or now)
        self._busy += stretch
        self._longest = max(self._longest, stretch)
