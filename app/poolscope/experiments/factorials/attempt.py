"""What a worker does for one number: the user's own multiplications, stamped, and cut off at a limit. Runner side."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns, thread_time_ns

from poolscope.protocol.records import TaskFailure

STRIDE = 256  # multiplications between two looks at the clock: 0.3 ms for the longest numbers


class OutOfTime(Exception):
    """The number took longer than its limit; `factors` is how many it had multiplied by then."""

    def __init__(self, factors: int) -> None:
        super().__init__(factors)
        self.factors = factors


class NegativeNumber(ValueError):
    """n! is not defined for it."""


class CutShort(Exception):
    """The run is being stopped, so this number is not computed to its end."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One number as its worker saw it: `value` or else `failure`, neither when it was cut short by a stop."""

    thread: str
    pid: int
    started: int
    ended: int
    cpu_ns: int
    value: int | None
    failure: TaskFailure | None


def factorial(n: int, check: Callable[[int], None]) -> int:
    """Multiply n! out; `check` gets the factors done so far every few hundred, and ends it by raising."""
    if n < 0:
        raise NegativeNumber(n)
    result = 1
    for low in range(2, n + 1, STRIDE):
        if low > 2:
            check(low - 2)
        for i in range(low, min(low + STRIDE, n + 1)):
            result *= i
    return result


def attempt(n: int, time_limit: float, stopping: Callable[[], bool] | None = None) -> Attempt:
    """What a worker does for one number: stamps around the user's function, in the worker itself."""
    started = perf_counter_ns()
    cpu = thread_time_ns()  # within the stamps: a short number would else compute for longer than it took
    limit = started + int(time_limit * 1e9)
    value, failure = None, None

    def check(factors: int) -> None:
        if perf_counter_ns() > limit:
            raise OutOfTime(factors)
        if stopping is not None and stopping():
            raise CutShort

    try:
        value = factorial(n, check)
    except CutShort:
        pass
    except NegativeNumber:
        failure = TaskFailure("negative number")
    except OutOfTime as late:
        failure = TaskFailure("time limit", late.factors)
    except Exception as error:
        failure = TaskFailure("exception", message=f"{type(error).__name__}: {error}")
    cpu = thread_time_ns() - cpu
    ended = perf_counter_ns()
    return Attempt(threading.current_thread().name, os.getpid(), started, ended, cpu, value, failure)
