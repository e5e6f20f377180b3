"""Finds results whose work is yet to be done, such as generators and futures, and takes a look at how long it takes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sized
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Any

from poolscope.protocol.payloads import LazyKind, LazyResult
from poolscope.runner.host.left_running import LeftRunning

DEEPEST = 3
MOST_PARTS = 20  # of a container are looked at
ENOUGH_S = 1.0  # in which entries are taken from a lazy result
# An iterator may just be the end of a function that has done its work, as in `return iter(found)`: what there is left
# must take so long, and so much of the call.
LEAST_LEFT_S, LEAST_LEFT = 2e-5, 0.25
# What a thread or process goes on for, as it takes a while to end on a busy machine: seconds, and so much of the call.
LEAST_RUNNING_S, LEAST_RUNNING = 0.05, 0.5
# Where the result of a computation is only planned; by the module that a class comes from and its name.
PLANS = {("polars", "LazyFrame"), ("django", "QuerySet"), ("pyspark", "RDD"), ("pyspark", "DataFrame")}


@dataclass(frozen=True, slots=True)
class Found:
    """A lazy value, and what held it: None where it is the result itself."""

    value: Any
    kind: LazyKind
    holder: Any = None


def lazy_part(value: Any, holder: Any = None, depth: int = 0) -> Found | None:
    """The lazy value that a result is or holds, None where none is seen."""
    if kind := lazy_kind(value):
        return Found(value, kind, holder)
    if depth == DEEPEST:
        return None
    found = (lazy_part(part, value, depth + 1) for part in parts(value))
    return next(filter(None, found), None)


def lazy_kind(value: Any) -> LazyKind | None:
    if inspect.isgenerator(value):
        return "generator"
    if inspect.iscoroutine(value):
        return "coroutine"
    if isinstance(value, AsyncIterator):
        return "async generator"
    if isinstance(value, concurrent.futures.Future) or is_async_result(value):
        return "future"
    if isinstance(value, Awaitable):
        return "awaitable"
    if is_plan(value):
        return "task graph"
    if isinstance(value, types.FunctionType | types.MethodType | partial):
        return "callable" if needs_nothing(value) else None
    # What has no length is no collection: it makes its entries as it is gone through.
    return "iterator" if isinstance(value, Iterable) and not isinstance(value, Sized) else None


def needs_nothing(function: Callable[..., Any]) -> bool:
    """Whether a function can be called without arguments."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True


def is_async_result(value: Any) -> bool:
    """Whether it is what a multiprocessing.Pool's apply_async or map_async gives; loads nothing to find out."""
    kind = type(value)
    return kind.__module__ == "multiprocessing.pool" and kind.__name__ in ("ApplyResult", "AsyncResult", "MapResult")


def is_plan(value: Any) -> bool:
    kind = type(value)
    with suppress(Exception):
        names = {(base.__module__.partition(".")[0], base.__name__) for base in kind.__mro__}
        return hasattr(kind, "__dask_graph__") or bool(names & PLANS)  # the protocol of dask's collections
    return False


def parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(islice(value.values(), MOST_PARTS))
    if isinstance(value, list | tuple | set | frozenset):
        return list(islice(value, MOST_PARTS))
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name, None) for field in fields(value)[:MOST_PARTS]]
    return ()


def looked_at(result: Any, call_s: float, another: Any) -> LazyResult | None:
    """The lazy part of a result of a call that took so long, None without one.

    What is left to do is timed with `another` result, which is used up by that, for a second at the most.
    """
    found, fresh = lazy_part(result), lazy_part(another)
    if found is None:
        return None
    taken = consume(fresh) if fresh is not None else None
    count, seconds, complete = taken or (None, None, False)
    if found.kind in ("generator", "iterator", "callable") and complete and seconds is not None:
        # A generator that is all of the result has taken its call no time, so here it stands for a helper's.
        least_s = max(LEAST_LEFT * call_s, 0.0 if found.kind == "generator" else LEAST_LEFT_S)
        if seconds < least_s:
            return None
    holder = None if found.holder is None else type(found.holder).__name__
    return LazyResult(found.kind, type(found.value).__qualname__, holder, call_s, count, seconds, complete)


def unfinished(left: LeftRunning, again: LeftRunning | None, call_s: float) -> LazyResult | None:
    """What a call of so many seconds left at work, where the same call did so `again`: a pool that is kept open is
    started once."""
    if again is None:
        return None
    seconds = min(left.seconds, again.seconds)
    least_s = 0.0 if left.worked and again.worked else LEAST_RUNNING_S
    if seconds < max(least_s, LEAST_RUNNING * call_s):
        return None
    return LazyResult(left.kind, left.name, None, call_s, None, seconds, left.complete and again.complete)


def consume(found: Found) -> tuple[int, float, bool] | None:
    """How many entries were taken, in how many seconds, and whether they were all; None where nothing can be taken."""
    value, began = found.value, perf_counter()
    try:
        match found.kind:
            case "generator" | "iterator":
                return timed_entries(iter(value), began)
            case "callable":
                value()
            case "coroutine":
                asyncio.run(asyncio.wait_for(value, ENOUGH_S))
            case "async generator":
                return asyncio.run(timed_async_entries(value, began))
            case _:  # a future's work goes on by itself, the rest is the user's to begin
                return None
    except TimeoutError:
        return 0, perf_counter() - began, False
    except Exception:
        return None
    return 1, perf_counter() - began, True


def timed_entries(entries: Iterator[Any], began: float) -> tuple[int, float, bool]:
    count = 0
    for _ in entries:
        count += 1
        if perf_counter() - began > ENOUGH_S:
            return count, perf_counter() - began, False
    return count, perf_counter() - began, True


async def timed_async_entries(entries: AsyncIterator[Any], began: float) -> tuple[int, float, bool]:
    count = 0
    async for _ in entries:
        count += 1
        if perf_counter() - began > ENOUGH_S:
            return count, perf_counter() - began, False
    return count, perf_counter() - began, True
