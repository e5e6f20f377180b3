"""What runs inside a worker beside the workload: its first answer, and the stamps of a traced task.

Imports as little as it can, as `workloads` does: under spawn every worker imports both before it can answer, and that
time would be reported as start-up.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter_ns, process_time_ns
from typing import Any

_barrier: Any = None  # this worker's own, set once by its pool's initializer


def prepare(barrier: Any) -> None:
    """A pool's initializer: keep the barrier."""
    global _barrier
    _barrier = barrier


def answer(time_limit_s: float, _function: Callable[..., Any]) -> tuple[int, int]:
    """Say who is there and since when: (pid, perf_counter_ns on arrival).

    Every worker waits for all the others, so that n such tasks are answered by n distinct workers. The workload's
    function comes along so that each of them has unpickled it, and imported what it needs, before anything is timed.
    """
    arrived = perf_counter_ns()
    _barrier.wait(time_limit_s)
    return os.getpid(), arrived


def traced(function: Callable[[Any], Any], item: Any) -> tuple[Any, int, int, int, int]:
    """The task with its stamps, which travel with its result: (value, pid, started, ended, CPU time), all in ns."""
    cpu = process_time_ns()
    started = perf_counter_ns()
    value = function(item)
    return value, os.getpid(), started, perf_counter_ns(), process_time_ns() - cpu
