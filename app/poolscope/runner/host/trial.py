"""The calls before anything is timed: can the work be sent, does it raise or print, how long is a call, is it equal."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import traceback
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Literal

from poolscope.machine.cpu_clock import CpuClock
from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.payloads import LoopUse, ResultDifference, TrialReport, WorkError
from poolscope.runner.host.difference import explained
from poolscope.runner.host.equality import digest, same
from poolscope.runner.host.errors import OrderRefused
from poolscope.runner.host.global_state import nested_code, random_states
from poolscope.runner.host.native_threads import native_libraries, native_threads
from poolscope.runner.host.pickling import (
    Parcel,
    error_in_words,
    first_unsendable,
    parcel,
    raised_where,
    short,
    unsendable,
)
from poolscope.runner.host.setup import OpenedWork, gil_enabled
from poolscope.runner.pools.loop_watch import LoopWatch
from poolscope.workloads import spreading
from poolscope.workloads.work import Work

FIRST = 5  # calls
ENOUGH_S = 1.0  # no further first call is begun after so long
REPEAT_WITHIN_S = 5.0  # a longer call is not made a second time just to look

Remedy = Literal["star", "no star"] | None
MEANT: Mapping[Remedy, str] = {
    "star": " The item's entries fit its parameters: with --star (star=true) it is called as f(*item) or f(**item).",
    "no star": " The item itself fits its parameters: leave --star (star=true) out.",
    None: "",
}

Announce = Callable[[str], None]


def try_work(opened: OpenedWork, output: Path, announce: Announce) -> TrialReport:
    """Look at function and items, make the first calls, look at their results. What is printed goes into `output`."""
    work = opened.work
    with captured(output):
        if work.setup is not None:
            announce("the set-up")
            try:
                work.setup()
            except (Exception, SystemExit) as error:
                raise OrderRefused(f"The set-up of {opened.function} raised {error_in_words(error)}.") from None
        announce("pickling the function and its items")
        unpicklable = {
            "function": unsendable(work.function, "the function") or unsendable(work.setup, "the set-up"),
            "item": first_unsendable(work.items, "item"),
        }
        calls = make_first_calls(opened, announce)
        work.tidy()
        announce("pickling its results")
        unpicklable["result"] = first_unsendable(calls.results, "the result of item")
        sent = parcels(opened, calls) if not any(unpicklable.values()) else []
    return TrialReport(
        count=len(work.items),
        cut=opened.opened.cut,
        function=opened.function,
        coroutine=work.coroutine is not None,
        is_async=opened.is_async,
        call_s=tuple(calls.call_s),
        cpu_s=tuple(calls.cpu_s),
        unpicklable={part: why for part, why in unpicklable.items() if why},
        item_bytes=sum(item.size for item, _ in sent) // len(sent) if sent else None,
        result_bytes=sum(result.size for _, result in sent) // len(sent) if sent else None,
        pickle_s=sum(item.seconds + result.seconds for item, result in sent) / len(sent) if sent else None,
        repeats_equal=calls.repeats_equal,
        global_state=tuple(calls.changed),
        printed=output.stat().st_size,
        raised=calls.raised,
        gil=gil_enabled(),
        threads=opened.work_threads(),
        repeat_difference=calls.difference,
        native_libraries=native_libraries(),
        native_threads=native_threads(),
        loop=calls.loop,
        import_s=opened.import_s,
        imports=opened.opened.imports,
        found_in=opened.opened.found_in,
        calling=work.calling,
        made=opened.opened.made,
    )


@dataclass
class FirstCalls:
    """What was found. `raised` is None, or what the work raised and on which item; then nothing after it was done."""

    results: list[Any] = field(default_factory=list)
    call_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    repeats_equal: bool | None = None
    changed: list[str] = field(default_factory=list)
    raised: WorkError | None = None
    loop: LoopUse | None = None
    second: list[Any] = field(default_factory=list)  # the result of the call that was made twice
    difference: ResultDifference | None = None


def make_first_calls(opened: OpenedWork, announce: Announce) -> FirstCalls:
    """Call the function on the first items, then on the very first once more."""
    calls = FirstCalls()
    function, call = opened.work.function, opened.work.call
    before, states = global_digests(function), random_states(function)
    if opened.is_async:
        with asyncio.Runner() as runner:
            watch = LoopWatch(runner)
            call_in_turn(calls, opened, lambda item: watch.run(call(item)), announce)
            calls.loop = watch.use()
    else:
        call_in_turn(calls, opened, call, announce)
    after = global_digests(function)
    calls.changed = sorted(name for name in before if before[name] != after.get(name))
    if calls.repeats_equal is False:
        drawn = sorted(name for name, state in random_states(function).items() if states.get(name) != state)
        found = explained(calls.second, calls.results[:1], kind=SERIAL, drawn=drawn, changed=calls.changed)
        calls.difference, calls.repeats_equal = found, found.code == "rounding"
    return calls


def call_in_turn(calls: FirstCalls, opened: OpenedWork, call: Callable[[Any], Any], announce: Announce) -> None:
    function, items = opened.function, opened.work.items
    first = None
    for number, item in enumerate(items[:FIRST]):
        where = f"item {number} ({short(item)})"
        announce(f"the call of {where}")
        try:
            clock, began = CpuClock(), perf_counter_ns()
            result = call(item)
            ended, used = perf_counter_ns(), clock.read()
        except (Exception, SystemExit) as error:
            sentence = f"{function} {raised_where(error, f'on {where}')}."
            remedy = calling_meant(opened.work, item) if is_of_the_call(error) else None
            calls.raised = work_error(error, where, f"{sentence}{MEANT[remedy]}", remedy)
            return
        if number == 0:
            first = digest(result)  # now: a second call may change it
        calls.results.append(result)
        calls.call_s.append((ended - began) / 1e9)
        calls.cpu_s.append((used.process + used.children) / 1e9)
        if sum(calls.call_s) > ENOUGH_S:
            break
    if calls.call_s[0] > REPEAT_WITHIN_S:
        return
    where = f"item 0 ({short(items[0])})"
    announce(f"a second call of {where}")
    try:
        result = call(items[0])
    except (Exception, SystemExit) as error:
        when = raised_where(error, f"when it was called on {where} a second time")
        calls.raised = work_error(error, where, f"It can't be repeated: {function} {when}.")
        return
    calls.second = [result]
    second = digest(result)
    if first is None or second is None:
        calls.repeats_equal = same(calls.results[0], result)
    else:
        calls.repeats_equal = first == second


def is_of_the_call(error: BaseException) -> bool:
    """Whether it is what Python raises for arguments that don't fit, before any line of the function has run."""
    files = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)}
    return isinstance(error, TypeError) and files <= {__file__, spreading.__file__}


def calling_meant(work: Work, item: Any) -> Remedy:
    """How else the item may be meant, where its form and the function's parameters agree in that."""
    if work.calling != "item":
        return "no star" if binds(work.function, item) else None
    if isinstance(item, Mapping):
        return "star" if binds(work.function, **item) else None
    sequence = isinstance(item, Collection) and not isinstance(item, str | bytes | Set)
    return "star" if sequence and binds(work.function, *item) else None


def binds(function: Callable[..., Any], *given: Any, **named: Any) -> bool:
    """Whether these arguments fit a function's parameters; False where those can't be seen."""
    try:
        inspect.signature(function).bind(*given, **named)
    except (TypeError, ValueError):
        return False
    return True


def work_error(error: BaseException, where: str, sentence: str, remedy: Remedy = None) -> WorkError:
    trace = "".join(traceback.format_exception(error))
    return WorkError(type(error).__name__, str(error), where, trace, sentence, remedy)


def parcels(opened: OpenedWork, calls: FirstCalls) -> list[tuple[Parcel, Parcel]]:
    """Each item that was called, and its result, as they are sent."""
    return [(parcel(item), parcel(result)) for item, result in zip(opened.work.items, calls.results, strict=False)]


def global_digests(function: Any) -> dict[str, str | None]:
    """A digest of every global that a function names and that is data, by name; {} for what isn't a Python function."""
    if not isinstance(function, types.FunctionType):
        return {}
    there = function.__globals__
    names = {name for code in nested_code(function.__code__) for name in code.co_names if name in there}
    found = {}
    for name in names:
        if not isinstance(there[name], type | types.ModuleType) and not callable(there[name]):
            seen = digest(there[name])
            found[name] = seen.text if seen else None
    return found


@contextmanager
def captured(path: Path) -> Iterator[None]:
    """Let all that this process prints, C code and children included, go into a file."""
    flush()
    kept = os.dup(1), os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        flush()
        for number, old in enumerate(kept, start=1):
            os.dup2(old, number)
            os.close(old)


def flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
