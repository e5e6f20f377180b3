"""What workers of pools do wrong, as functions that every kind of pool can import."""

from __future__ import annotations

import os
import signal
import threading
import time
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.failures import case_log
from poolscope.experiments.failures.payloads import FaultMade, TaskComputed

FATAL = 5  # the one that goes wrong
STEP_S = 0.01  # how long an ordinary task takes


class TwoWords(Exception):
    """An exception that pickle can write but not read: it keeps one argument and asks for two."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


def begin() -> None:
    """Nothing but this module's import, in a worker that has just started."""


def divide(item: int) -> float:
    with case_log.doing(case_log.me(), item=f"10 / {item}"):
        case_log.note(TaskComputed(f"10 / {item}"))
        if item == 0:
            case_log.note(FaultMade(case_log.me()))
            raise ValueError("Cannot process 0")
        return 10 / item


def worker_of(tool: str) -> tuple[str, str]:
    """The lane of this worker, and what it is."""
    if tool == "ThreadPoolExecutor":
        return threading.current_thread().name, "thread"
    if tool == "InterpreterPoolExecutor":
        return f"interpreter {threading.get_native_id()}", "interpreter"
    return case_log.me(), "process"


def task(tool: str, number: int, fault: str, long: float) -> Any:
    """Task `number`; the fatal one does what `fault` says, and says so a moment before."""
    actor, what = worker_of(tool)
    with case_log.doing(actor, item=f"task {number}", what=what):
        if number != FATAL:
            time.sleep(STEP_S)
            return number * number
        at = perf_counter_ns()
        case_log.note(FaultMade(actor), at)
        return go_wrong(fault, actor, long, at)


def go_wrong(fault: str, actor: str, long: float, at: int) -> Any:
    """The fault, whose line in the story has its stamp: the time until it is noticed counts from there."""
    if fault == "SIGKILL":
        case_log.moment(f"{actor} is killed by SIGKILL in task {FATAL}", "killed", actor, at)
        case_log.dying(actor)
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault in ("os._exit", "exits"):
        case_log.moment(f"{actor} calls os._exit(7) in task {FATAL}", "killed", actor, at)
        case_log.dying(actor)
        os._exit(7)
    elif fault == "segmentation fault":
        import ctypes

        case_log.moment(f"{actor} reads address 0 in task {FATAL}", "killed", actor, at)
        case_log.dying(actor)
        ctypes.string_at(0)
    elif fault == "too long":
        case_log.moment(f"task {FATAL} takes {long:g} s", "sleeping", actor, at)
        time.sleep(long)
    elif fault == "result not picklable":
        case_log.moment(f"task {FATAL} returns a lock", "failed", actor, at)
        return threading.Lock()  # not a lambda, which loky and dask send by value
    elif fault == "result":
        case_log.moment(f"task {FATAL} returns a lambda", "failed", actor, at)
        return lambda: None
    elif fault == "exception":
        case_log.moment(f"task {FATAL} raises an exception that can't be read back", "failed", actor, at)
        raise TwoWords("task 5", "has two arguments")
    elif fault == "raises":
        case_log.moment(f"task {FATAL} raises ValueError", "failed", actor, at)
        raise ValueError(f"Cannot process {FATAL}")
    return FATAL * FATAL


def refuse() -> None:
    """An initializer that fails."""
    case_log.note(FaultMade(case_log.me()))
    raise RuntimeError("The initializer refuses to start this worker")
