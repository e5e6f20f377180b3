"""The kinds of pool by name: which this Python has, and `measure`, the one way to time one.

PoolUse ──▶ measure ──▶ measurement.time_map ──▶ Measurement
                           │ drives one TimedPool
                           ├── serial       the plain loop
                           ├── asyncio_     coroutines, and the plain loop of an async def
                           ├── in_process   threads, interpreters  ┐ executors: what they have in common
                           ├── processes    ProcessPoolExecutor    ┘┐ start_methods, monitor
                           ├── mp_pool      multiprocessing.Pool    ┘
                           ├── engines      loky, joblib, dask, an executor of the user's own
                           └── ray_pool     ray's multiprocessing.Pool
"""

from __future__ import annotations

import importlib
import platform
from concurrent import futures

from poolscope.protocol.kinds import ENGINES, KINDS, STARTED_BY_METHOD, PoolUse
from poolscope.runner.context import RunContext
from poolscope.runner.pools.in_process import InterpreterPool, ThreadPool
from poolscope.runner.pools.measurement import Measurement, TimedPool, TimedTask, time_map
from poolscope.runner.pools.mp_pool import MultiprocessingPool
from poolscope.runner.pools.packages import lacking_engine
from poolscope.runner.pools.processes import ProcessPool
from poolscope.runner.pools.serial import SerialLoop
from poolscope.workloads.work import Work

__all__ = ["Measurement", "PoolUse", "TimedTask", "lacking", "measure"]


def lacking(kind: str) -> str | None:
    """Why this Python has not got the kind, in a sentence; None when it has."""
    if kind == "interpreter" and not hasattr(futures, "InterpreterPoolExecutor"):
        return f"InterpreterPoolExecutor came with Python 3.14, and this is {platform.python_version()}."
    if kind in ENGINES:
        return lacking_engine(kind)
    if kind in STARTED_BY_METHOD:
        try:
            importlib.import_module("multiprocessing.synchronize")
        except ImportError as error:
            return f"This Python can't share a lock between processes: {error}."
    return None


def measure(
    context: RunContext, use: PoolUse, work: Work, *, traced: bool = False, passes: int = 1, fill_s: float = 0.0
) -> Measurement:
    """Map the work in the main thread, as `time_map` does. However it is left, no worker process of it remains.

    Raises what the function raises, and WorkerDied, PoolFailed, SetUpFailed or Stopped. A thread can't be ended: after
    Stopped, threads and interpreters may still be in their last call, and whoever can't wait for that ends the process.
    """
    try:
        return time_map(context, timed_pool(use, work), traced=traced, passes=passes, fill_s=fill_s)
    finally:
        work.tidy()


def timed_pool(use: PoolUse, work: Work) -> TimedPool:
    match use.kind:
        case "serial" if work.function is not work.coroutine:
            return SerialLoop(use, work)
        case "serial" | "asyncio":
            # Late: asyncio stays out of a process that has no use for it, workers forked from it included.
            from poolscope.runner.pools.asyncio_ import EventLoop

            return EventLoop(use, work)
        case "thread":
            return ThreadPool(use, work)
        case "process":
            return ProcessPool(use, work)
        case "pool":
            return MultiprocessingPool(use, work)
        case "interpreter":
            return InterpreterPool(use, work)
        case "loky" | "joblib" | "dask" | "executor":
            # Late: nothing of them is imported where they are not used.
            from poolscope.runner.pools import engines

            return engines.KINDS[use.kind](use, work)
        case "ray":
            from poolscope.runner.pools.ray_pool import RayPool

            return RayPool(use, work)
        case _:
            raise ValueError(f"There is no kind {use.kind!r}; there are {', '.join((*KINDS, *ENGINES))}.")
