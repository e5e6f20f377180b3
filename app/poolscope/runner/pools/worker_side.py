"""What runs inside a worker beside the workload: its first answer, and the stamps of a traced task.

Imports as little as it can, as `workloads` does: under spawn every worker imports both before it can answer, and that
time would be reported as start-up.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import Any

_barrier: Any = None  # this worker's own, set once by its pool's initializer
_trouble = ""  # what the user's set-up raised in this worker

# Who answered (a process id, or a thread's native id), its perf_counter_ns on arrival, what its set-up raised.
Answer = tuple[int, int, str]


def prepare(barrier: Any, setup: Callable[[], Any] | None = None) -> None:
    """A pool's initializer: keep the barrier, do the user's set-up.

    What the set-up raises is told with the first answer: raised here, a Pool would start this worker anew for ever.
    """
    global _barrier, _trouble
    _barrier = barrier
    _trouble = trouble_of(setup)


def trouble_of(setup: Callable[[], Any] | None) -> str:
    """Do the user's set-up, and say what it raised; '' when nothing."""
    try:
        if setup is not None:
            setup()
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def answer(time_limit_s: float, _function: Callable[..., Any]) -> Answer:
    """Say who is there and since when, from a process.

    Every worker waits for all the others, so that n such tasks are answered by n distinct workers. The workload's
    function comes along so that each of them has unpickled it, and imported what it needs, before anything is timed.
    """
    arrived = perf_counter_ns()
    _barrier.wait(time_limit_s)
    return os.getpid(), arrived, _trouble


def answer_beside(arrivals: int, gate: int, function: Callable[..., Any], setup: Callable[[], Any] | None) -> Answer:
    """The same from a thread or an interpreter of the main process, as its first task, with the user's set-up in it.

    Interpreters share no barrier but file descriptors: a byte says who has arrived, another lets everybody go on.
    """
    trouble = trouble_of(setup)
    arrived = perf_counter_ns()
    os.write(arrivals, b".")
    os.read(gate, 1)
    return threading.get_native_id(), arrived, trouble


def traced(function: Callable[[Any], Any], item: Any) -> tuple[Any, int, int, int, int]:
    """The task with its stamps, which travel with its result: (value, pid, started, ended, CPU time), all in ns."""
    cpu = process_time_ns()
    started = perf_counter_ns()
    value = function(item)
    return value, os.getpid(), started, perf_counter_ns(), process_time_ns() - cpu


def traced_beside(function: Callable[[Any], Any], item: Any) -> tuple[Any, int, int, int, int]:
    """The same for a worker that shares its process with others: native thread id and the thread's own CPU time."""
    cpu = thread_time_ns()
    started = perf_counter_ns()
    value = function(item)
    return value, threading.get_native_id(), started, perf_counter_ns(), thread_time_ns() - cpu
