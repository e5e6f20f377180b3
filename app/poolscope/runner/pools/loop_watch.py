"""How long an event loop could do nothing else: the time between two looks at what is ready, in which steps run.

asyncio runs all coroutines of a loop in one thread, a step at a time, and looks for what has become ready in between,
by `select`. While a step computes or sleeps by itself instead of awaiting, no other coroutine goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter_ns, thread_time_ns
from types import TracebackType
from typing import Any

from poolscope.machine.cpu_clock import thread_ready_ns
from poolscope.protocol.payloads import LoopUse

# Of a loop without a selector the steps of one coroutine are seen, and none of the tasks that it starts: less than this
# share of the time says nothing.
MOSTLY = 0.5


class TimedSteps(Coroutine[Any, Any, Any]):
    """A coroutine whose steps are timed: `count` is told the nanoseconds of each."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], count: Callable[[int], None]) -> None:
        self._coroutine = coroutine
        self._count = count

    def __await__(self) -> Any:
        return self

    def send(self, value: Any) -> Any:
        began = perf_counter_ns()
        try:
            return self._coroutine.send(value)
        finally:
            self._count(perf_counter_ns() - began)

    def throw(self, error: Any, value: Any = None, trace: TracebackType | None = None, /) -> Any:
        began = perf_counter_ns()
        try:
            return self._coroutine.throw(error if value is None else value)
        finally:
            self._count(perf_counter_ns() - began)

    def close(self) -> None:
        self._coroutine.close()


class LoopWatch:
    """Watches the loop of one runner. Its steps are those of all tasks, whoever has started them, and of callbacks.

    An event loop of another kind than asyncio's own has no selector to be watched by: there it watches what it runs.
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
        self._left = began if self._selector is not None else None
        try:
            return self._runner.run(coroutine if self._selector is not None else TimedSteps(coroutine, self._add))
        finally:
            ended = perf_counter_ns()
            if self._left is not None:
                self._count(ended)
            self._left = None
            self._wall += ended - began
            self._cpu += thread_time_ns() - cpu
            self._ready += thread_ready_ns() - ready

    def use(self) -> LoopUse | None:
        """What was seen so far; None where too little of the loop can be watched."""
        if not self._wall or (self._selector is None and self._busy < MOSTLY * self._wall):
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
        self._add(now - (self._left or now))

    def _add(self, stretch: int) -> None:
        self._busy += stretch
        self._longest = max(self._longest, stretch)
