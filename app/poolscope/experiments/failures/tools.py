"""The kinds of pool under one name each: submit a task, get its result within a time, close whatever state it is in."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.failures import case_log, endings
from poolscope.experiments.failures.catalogue import ENGINES
from poolscope.experiments.failures.payloads import CleanedUp
from poolscope.runner.pools import mp_pool
from poolscope.runner.pools.handshake import END_LIMIT_S
from poolscope.runner.pools.packages import lacking_engine

WORKERS = 2


class NoAnswer(Exception):
    """A result was not there in time."""


class PoolTool:
    """A multiprocessing.Pool."""

    by_threads = False
    where = "AsyncResult.get() in the main thread"

    def __init__(self, initializer: Callable[[], None] | None = None) -> None:
        self._pool = multiprocessing.Pool(WORKERS, initializer)

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        return self._pool.apply_async(function, args)

    def get(self, ticket: Any, seconds: float) -> Any:
        """The result, or what the task raised. Raises NoAnswer."""
        ticket.wait(max(seconds, 0))
        if not ticket.ready():
            raise NoAnswer
        return ticket.get(0)

    def close(self) -> None:
        mp_pool.end_pool(self._pool)


class ExecutorTool:
    """An executor of concurrent.futures."""

    where = "Future.result() in the main thread"

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.by_threads = isinstance(executor, ThreadPoolExecutor)  # an interpreter's too: each has a thread

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        return self._executor.submit(function, *args)

    def get(self, ticket: Future[Any], seconds: float) -> Any:
        """The result, or what the task raised. Raises NoAnswer."""
        concurrent.futures.wait([ticket], max(seconds, 0))
        if not ticket.done():
            raise NoAnswer
        return ticket.result(0)

    def close(self) -> None:
        """Not by waiting: a task that is too long, or an executor that reads a dead worker's result, would hold us."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        children = {child.sentinel: child for child in multiprocessing.active_children()}
        until = perf_counter_ns() + 500_000_000
        while children and (left := until - perf_counter_ns()) > 0:
            for sentinel in wait(list(children), left / 1e9):
                del children[sentinel]  # type: ignore[arg-type]  # of what was asked for: ints
        for child in children.values():
            child.kill()
            child.join(1)


class LokyTool(ExecutorTool):
    """loky's executor, which is told to end its workers too."""

    def __init__(self) -> None:
        self._loky: Any = import_module("loky").ProcessPoolExecutor(WORKERS)
        super().__init__(self._loky)

    def close(self) -> None:
        close_in_time(partial(self._loky.shutdown, wait=True, kill_workers=True))


class DaskTool(ExecutorTool):
    """dask's executor on a LocalCluster of its own, whose scheduler is in this process."""

    def __init__(self) -> None:
        from poolscope.runner.pools.own_cluster import local_cluster  # late: nothing of dask where it is not broken

        # On a busy machine a worker in the place of a dead one starts later than a LocalCluster waits for it.
        os.environ.setdefault("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "100s")
        distributed: Any = import_module("distributed")
        self._opened = ExitStack()
        cluster = self._opened.enter_context(local_cluster(distributed, WORKERS, tempfile.gettempdir()))
        client = self._opened.enter_context(distributed.Client(cluster, set_as_default=False))
        super().__init__(self._opened.enter_context(client.get_executor(pure=False)))

    def close(self) -> None:
        close_in_time(self._opened.close)


def close_in_time(close: Callable[[], None]) -> None:
    """Close an engine by a thread of its own, since a broken one may never end; then its processes are killed."""
    closing = threading.Thread(target=close, name="closing", daemon=True)
    closing.start()
    closing.join(END_LIMIT_S)
    for _ in range(2):  # a replacement may have been on its way at the first look
        for child in multiprocessing.active_children():
            child.kill()
            child.join(END_LIMIT_S)


def make_tool(tool: str, initializer: Callable[[], None] | None = None) -> PoolTool | ExecutorTool:
    """A pool of two workers. Raises ImportError where this Python has no such kind."""
    if tool in ENGINES:
        if reason := lacking_engine(tool):
            raise ImportError(reason.removesuffix("."))
        return LokyTool() if tool == "loky" else DaskTool()
    if tool == "Pool":
        return PoolTool(initializer)
    if tool == "ThreadPoolExecutor":
        return ExecutorTool(ThreadPoolExecutor(WORKERS, "worker", initializer))
    if tool == "ProcessPoolExecutor":
        return ExecutorTool(ProcessPoolExecutor(WORKERS, initializer=initializer))
    from concurrent import futures

    if not hasattr(futures, tool):
        raise ImportError(f"this Python has no {tool}")
    # A new interpreter does not inherit what we added to the path, so it could import none of the tasks.
    root = Path(__file__).resolve().parents[3]
    return ExecutorTool(
        getattr(futures, tool)(WORKERS, initializer=exec, initargs=(f"import sys; sys.path.append({str(root)!r})",))
    )


def shut(pool: PoolTool | ExecutorTool, others: set[threading.Thread]) -> None:
    """Close it and say what that ended; `others` are the threads that were there before it."""
    before = [child.pid for child in multiprocessing.active_children()]
    began = perf_counter_ns()
    pool.close()
    pause = threading.Event()
    # The executor's own thread may be collecting the exit code just now, which looks like a live child from here.
    while (after := multiprocessing.active_children()) and perf_counter_ns() - began < 1_000_000_000:
        pause.wait(0.005)
    took = (perf_counter_ns() - began) / 1e6
    case_log.moment(f"the pool is closed in {took:.0f} ms", "done")
    if pool.by_threads:
        case_log.note(threads_at_work(others))
        return
    case_log.note(CleanedUp(endings.pool_closed(len(before), len(after)), left=len(after)))


def threads_at_work(others: set[threading.Thread]) -> CleanedUp:
    """What became of a closed pool's threads: those that are idle end by themselves at once."""
    pause, until = threading.Event(), perf_counter_ns() + 200_000_000
    while (busy := set(threading.enumerate()) - others) and perf_counter_ns() < until:
        pause.wait(0.005)
    return CleanedUp(endings.threads_left(len(busy)), left=len(busy))
