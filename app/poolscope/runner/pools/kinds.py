"""The kinds of pool that a work goes through, each from start-up to shutdown by the same rules.

through    the one way in; lacking and chunk_used say what can be had
passage    what is known of one passage
loops      the plain loop
coroutines asyncio, and the plain loop of a function that is a coroutine
executors  what concurrent.futures' executors have in common
processes  ProcessPoolExecutor
beside     ThreadPoolExecutor and InterpreterPoolExecutor, whose workers share a process
pooled     multiprocessing.Pool, by poolscope.runner.pools.mp_pool
ending     threads that are told to end
"""

from __future__ import annotations

import importlib
import platform
from concurrent import futures

from poolscope.runner.context import RunContext
from poolscope.runner.pools.measurement import Measurement, Task
from poolscope.workloads.work import Work

__all__ = ["KINDS", "WITH_CHUNKS", "WITH_START_METHODS", "Measurement", "Task", "chunk_used", "lacking", "measure"]

KINDS = ("serial", "thread", "process", "pool", "interpreter", "asyncio")
WITH_START_METHODS = WITH_CHUNKS = ("process", "pool")


def lacking(kind: str) -> str | None:
    """Why this Python has not got the kind, in a sentence; None when it has."""
    if kind == "interpreter" and not hasattr(futures, "InterpreterPoolExecutor"):
        return f"InterpreterPoolExecutor came with Python 3.14, and this is {platform.python_version()}."
    if kind in WITH_START_METHODS:
        try:
            importlib.import_module("multiprocessing.synchronize")
        except ImportError as error:
            return f"This Python can't share a lock between processes: {error}."
    return None


def chunk_used(kind: str, chunksize: int, items: int, size: int) -> int:
    """The items of one message when `chunksize` was asked for, 0 being the kind's own choice."""
    if kind not in WITH_CHUNKS:
        return 1
    if chunksize or kind == "process":
        return chunksize or 1
    return max(1, -(-items // (size * 4)))  # as Pool.map does


def measure(
    stage: RunContext, kind: str, start_method: str, size: int, chunksize: int, work: Work, *, traced: bool = False
) -> Measurement:
    """Map the work once, in the main thread. However it is left, no worker of it remains.

    `start_method` '' is the platform's own; it and `chunksize` matter to processes alone. Raises what the function
    raises, and WorkerDied, PoolFailed, SetUpFailed or Stopped. A thread can't be ended: after Stopped, threads and
    interpreters may still be in their last call, and whoever can't wait for that ends the process.
    """
    # Late, as asyncio is: what a kind imports stays out of a process that has no use for it, forked workers included.
    from poolscope.runner.pools import executors, in_process, pooled, processes, serial

    try:
        match kind:
            case "serial" if work.function is not work.coroutine:
                return serial.measure_loop(stage, work, traced)
            case "serial" | "asyncio":
                from poolscope.runner.pools import asyncio_

                return asyncio_.measure_loop(stage, None if kind == "serial" else size, work, traced)
            case "pool":
                return pooled.measure_pool(stage, start_method, size, chunksize, work, traced)
            case "process":
                crew: executors.Crew = processes.Processes(size, work, start_method, chunksize)
            case "interpreter":
                crew = in_process.Interpreters(size, work)
            case "thread":
                crew = in_process.Threads(size, work)
            case _:
                raise ValueError(f"There is no kind {kind!r}; there are {', '.join(KINDS)}.")
        return executors.measure_executor(stage, crew, traced)
    finally:
        work.tidy()
