"""Finds results whose work is yet to be done, such as generators and futures, and takes a look at how long it takes."""

from __future__ import annotations

import asyncio
import inspect
import io
import itertools
import os
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Iterator, Sized
from contextlib import AbstractContextManager, suppress
from dataclasses import fields, is_dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time_ns
from typing import Any, Literal

from poolscope.machine.cpu_clock import thread_ready_ns
from poolscope.protocol.frozen import frozen
from poolscope.protocol.payloads import LazyKind, LazyResult
from poolscope.runner.host.kept_state import is_users
from poolscope.runner.host.left_running import LeftRunning
from poolscope.runner.host.remembering import CallTime

DEEPEST = 3
MOST_PARTS = 20  # of a container are looked at
ENOUGH_S = 1.0  # in which entries are taken from a lazy result
# An iterator may just be the end of a function that has done its work, as in `return iter(found)`: what there is left
# must take so long, and so much of the call.
LEAST_LEFT_S, LEAST_LEFT = 2e-5, 0.25
# A cached property may never be asked for, nor an entry, nor an object of the user's be entered: to be the work it must
# take so long, so many times as long as the call, and each entry longer than a look into a collection takes.
LEAST_READ_S, LEAST_READ, LEAST_ENTRY_S = 1e-3, 10, 5e-5
# What a thread or process goes on for, as it takes a while to end on a busy machine: seconds, of a CPU and in all, and
# so much of the call.
LEAST_WORKED_S, LEAST_RUNNING_S, LEAST_RUNNING = 2e-3, 0.05, 0.5
# Where the result of a computation is only planned; by the module that a class comes from and its name.
PLANS = {
    ("polars", "LazyFrame"),
    ("django", "QuerySet"),
    ("pyspark", "RDD"),
    ("pyspark", "DataFrame"),
    ("sqlalchemy", "Select"),
    ("ibis", "Expr"),
    ("duckdb", "DuckDBPyRelation"),
    ("_duckdb", "DuckDBPyRelation"),
}
# Counters and the like, which objects keep and nobody goes through to the end.
ENDLESS = (itertools.count, itertools.cycle, itertools.repeat)
# What contextlib's decorators make of a function.
GENERATORS_TO_ENTER = {("contextlib", "_GeneratorContextManager"), ("contextlib", "_AsyncGeneratorContextManager")}
# They have a length and work as they are gone through all the same.
SIZED_ITERATORS = {("tqdm", "tqdm")}
# What a class has that promises a result: that of concurrent.futures, as Dask's, and that of a Pool's apply_async.
PROMISES = (("result", "done", "add_done_callback"), ("get", "wait", "ready", "successful"))


@frozen
class Found:
    """A lazy value, and what held it: None where it is the result itself. `guess`: how long its use takes decides."""

    value: Any
    kind: LazyKind
    holder: Any = None
    guess: bool = False


def lazy_part(value: Any, holder: Any = None, depth: int = 0) -> Found | None:
    """The lazy value that a result is or holds, None where none is seen."""
    if kind := lazy_kind(value):
        return Found(value, kind, holder)
    if depth == DEEPEST:
        return None
    found = (lazy_part(part, value, depth + 1) for part in parts(value))
    if first := next(filter(None, found), None):
        return first
    guess = kind_of_object(value, whole=depth == 0)
    return Found(value, guess, holder, guess=True) if guess else None


def lazy_kind(value: Any) -> LazyKind | None:
    if inspect.isgenerator(value):
        return "generator"
    if is_unentered(value):
        return "context manager"
    if inspect.iscoroutine(value):
        return "coroutine"
    if isinstance(value, AsyncIterator):
        return "async generator"
    if at_work := started(value):
        return at_work
    if promises_result(value):
        return "future"
    if isinstance(value, Awaitable):
        return "awaitable"
    if is_plan(value):
        return "task graph"
    if isinstance(value, types.FunctionType | types.MethodType | partial):
        return "callable" if fits(value) else None
    if is_planned_call(value):
        return "callable"
    return "iterator" if makes_entries(value) else None


def is_unentered(value: Any) -> bool:
    """Whether it is what a function decorated by contextlib gives, before a `with` has begun it."""
    if not names_of(type(value)) & GENERATORS_TO_ENTER:
        return False
    with suppress(TypeError):
        return inspect.getgeneratorstate(value.gen) == inspect.GEN_CREATED
    return True  # of an async one that can't be seen


def kind_of_object(value: Any, *, whole: bool) -> LazyKind | None:
    """How a user's object may be one that works when it is used; `whole`: it is the result itself."""
    kind = type(value)
    if not is_users(kind) or isinstance(value, type | types.ModuleType):
        return None
    if unread_properties(value):
        return "property"
    if whole and isinstance(value, AbstractContextManager):
        return "context manager"
    return "iterator" if whole and isinstance(value, Sized) and hasattr(kind, "__getitem__") else None


def started(value: Any) -> Literal["process", "thread"] | None:
    """What it is that somebody has started and, as far as can be seen, has not waited for; loads nothing."""
    names = names_of(type(value))
    with suppress(Exception):  # attributes of a user's own may be code
        if ("subprocess", "Popen") in names and value.returncode is None:
            return "process"
        if ("multiprocessing", "BaseProcess") in names and value.pid is not None:
            return "process"
        if ("threading", "Thread") in names and value.ident is not None:
            return "thread"
    return None


def makes_entries(value: Any) -> bool:
    """Whether it makes its entries as it is gone through.

    What has neither a length nor a place for each entry is no collection. Buffers in memory are, and so are values of
    others' classes that can be compared, such as a network of addresses or a record with fields.
    """
    kind = type(value)
    if not isinstance(value, Iterable) or isinstance(
        value, (type, types.GenericAlias, io.BytesIO, io.StringIO, *ENDLESS)
    ):
        return False
    if isinstance(value, Sized) and not names_of(kind) & SIZED_ITERATORS:
        return not isinstance(value, Container) and not hasattr(kind, "__getitem__")
    return isinstance(value, Iterator) or is_users(kind) or not compares(kind)


def compares(kind: type) -> bool:
    """Whether a class says what makes two of its objects equal."""
    return any("__eq__" in vars(base) for base in kind.__mro__ if base is not object)


def is_planned_call(value: Any) -> bool:
    """Whether it is a function with the arguments to call it with, as joblib's delayed gives."""
    match value:
        case (function, tuple() as args, dict() as named) if type(value) is tuple and callable(function):
            return all(isinstance(name, str) for name in named) and fits(function, *args, **named)
    return False


def fits(function: Callable[..., Any], *args: Any, **named: Any) -> bool:
    """Whether a function can be called with these arguments; False where that can't be seen."""
    try:
        inspect.signature(function).bind(*args, **named)
    except (TypeError, ValueError):
        return False
    return True


def promises_result(value: Any) -> bool:
    """Whether its work goes on elsewhere; loads nothing to find out."""
    kind = type(value)
    with suppress(Exception):
        return any(all(callable(getattr(kind, name, None)) for name in names) for names in PROMISES)
    return False


def is_plan(value: Any) -> bool:
    kind = type(value)
    with suppress(Exception):
        if names_of(kind) & PLANS:
            return True
        if hasattr(kind, "__dask_graph__"):  # the protocol of Dask's collections; others' may have no graph
            return kind.__module__.partition(".")[0] == "dask" or value.__dask_graph__() is not None
    return False


def names_of(kind: type) -> set[tuple[str, str]]:
    """A class and its bases, each by the package that it comes from and its name."""
    return {(str(base.__module__).partition(".")[0], base.__name__) for base in kind.__mro__}


def unread_properties(value: Any) -> list[str]:
    """The cached properties of a user's object that nobody has asked for yet."""
    kind = type(value)
    if not is_users(kind) or not hasattr(value, "__dict__"):
        return []
    names = (name for base in kind.__mro__ for name, part in vars(base).items() if isinstance(part, cached_property))
    return [name for name in dict.fromkeys(names) if name not in vars(value)]


def parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(islice(value.values(), MOST_PARTS))
    if isinstance(value, list | tuple | set | frozenset):
        return list(islice(value, MOST_PARTS))
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name, None) for field in fields(value)[:MOST_PARTS]]
    if is_users(type(value)) and not isinstance(value, type | types.ModuleType):
        # What an object keeps to be called is mostly no part of its result.
        return [part for part in islice(vars_of(value), MOST_PARTS) if not callable(part)]
    return ()


def vars_of(value: Any) -> Iterable[Any]:
    return list(getattr(value, "__dict__", {}).values())


def looked_at(result: Any, call_s: float, another: Any) -> LazyResult | None:
    """The lazy part of a result of a call that took so long, None without one.

    What is left to do is timed with `another` result, which is used up by that, for a second at the most.
    """
    found, fresh = lazy_part(result), lazy_part(another)
    if found is None:
        return None
    unread = unread_properties(found.value) if found.kind == "property" else []
    waited, used = thread_ready_ns(), process_time_ns()
    taken = consume(fresh) if fresh is not None else None
    count, seconds, complete = taken or (None, None, False)
    if seconds is not None:  # others may have had the CPU for a part of it, which is none of the result's doing
        cpu_s, ready_s = (process_time_ns() - used) / 1e9, (thread_ready_ns() - waited) / 1e9
        seconds = CallTime(seconds, cpu_s, ready_s).own
    least_s = max(LEAST_READ_S, LEAST_READ * call_s, LEAST_ENTRY_S * (count or 0))
    if found.guess and (seconds is None or seconds < least_s):
        return None
    if found.kind in ("iterator", "callable") and taken is None:  # it is no more than a guess that it is to be used
        return None
    if found.kind in ("process", "thread") and not (complete and seconds is not None and seconds < ENOUGH_S):
        return None  # it may be kept for other calls; what goes on working is found by its CPU time
    if found.kind not in ("coroutine", "async generator") and complete and seconds is not None:
        # A generator that is all of the result has taken its call no time, so here it stands for a helper's.
        least_s = max(LEAST_LEFT * call_s, 0.0 if found.kind == "generator" else LEAST_LEFT_S)
        if seconds < least_s:
            return None
    holder = None if found.holder is None else type(found.holder).__name__
    name = ".".join((type(found.value).__qualname__, *unread[:1]))
    if found.kind in ("process", "thread"):
        name = name_of_started(found.value)
    if found.kind == "context manager" and not found.guess:
        name = found.value.gen.__name__
    return LazyResult(found.kind, name, holder, call_s, count, seconds, complete)


def name_of_started(value: Any) -> str:
    """A program's name, or the name of a process or a thread of Python's."""
    args = getattr(value, "args", None)
    program = args if isinstance(args, str | bytes) else next(iter(args), "") if isinstance(args, list | tuple) else ""
    words = os.fsdecode(program).split() if program else []
    return Path(words[0]).name if words else str(getattr(value, "name", type(value).__qualname__))


def unfinished(left: LeftRunning, again: LeftRunning | None, call_s: float, cpu_s: float) -> LazyResult | None:
    """What a call of so many seconds, in all and of a CPU, left at work, where the same call did so `again`: a pool
    that is kept open is started once."""
    if again is None:
        return None
    seconds, worked_s = min(left.seconds, again.seconds), min(left.worked_s, again.worked_s)
    # A program that has given its answer takes a while to end, though less than it took to find that.
    works_on = worked_s >= max(LEAST_WORKED_S, LEAST_RUNNING * max(cpu_s, left.before_s, again.before_s))
    if not works_on and seconds < max(LEAST_RUNNING_S, LEAST_RUNNING * call_s):
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
                function, args, named = value if isinstance(value, tuple) else (value, (), {})
                function(*args, **named)
            case "process" | "thread":
                (value.wait if hasattr(value, "wait") else value.join)(timeout=ENOUGH_S)
            case "context manager":
                with value:
                    pass
            case "property":
                for name in unread_properties(value):
                    getattr(value, name)
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
