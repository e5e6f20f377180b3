"""The first calls of the work: how long they take, what they print and change, whether a second gives the same."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns, thread_time_ns
from typing import Any

from poolscope.runner.host.equality import digest, same
from poolscope.runner.host.pickling import raising, short
from poolscope.runner.host.setup import Opened

FIRST = 5  # calls
ENOUGH_S = 1.0  # no further first call is begun after so long
REPEAT_WITHIN_S = 5.0  # a longer call is not made a second time just to look


@dataclass
class Calls:
    """What was found. `raised` is None, or what the work raised and on which item; then nothing after it was done."""

    results: list[Any] = field(default_factory=list)
    call_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    repeats_equal: bool | None = None
    changed: list[str] = field(default_factory=list)
    raised: dict[str, str] | None = None


def first_calls(opened: Opened, tell: Callable[[str], None]) -> Calls:
    """Call the function on the first items, then on the very first once more."""
    calls = Calls()
    function = opened.work.function
    before = globals_of(function)
    if opened.is_async:
        with asyncio.Runner() as loop:
            try_calls(calls, opened, lambda item: loop.run(function(item)), tell)
    else:
        try_calls(calls, opened, function, tell)
    after = globals_of(function)
    calls.changed = sorted(name for name in before if before[name] != after.get(name))
    return calls


def try_calls(calls: Calls, opened: Opened, call: Callable[[Any], Any], tell: Callable[[str], None]) -> None:
    function, items = opened.function, opened.work.items
    kept = None
    for number, item in enumerate(items[:FIRST]):
        where = f"item {number} ({short(item)})"
        tell(f"the call of {where}")
        try:
            cpu, began = thread_time_ns(), perf_counter_ns()
            result = call(item)
            ended, cpu = perf_counter_ns(), thread_time_ns() - cpu
        except (Exception, SystemExit) as error:
            calls.raised = raised(error, where, f"{function} {raising(error, f'on {where}')}.")
            return
        if number == 0:
            kept = digest(result)  # now: a second call may change it
        calls.results.append(result)
        calls.call_s.append((ended - began) / 1e9)
        calls.cpu_s.append(cpu / 1e9)
        if sum(calls.call_s) > ENOUGH_S:
            break
    if calls.call_s[0] > REPEAT_WITHIN_S:
        return
    where = f"item 0 ({short(items[0])})"
    tell(f"a second call of {where}")
    try:
        again = call(items[0])
    except (Exception, SystemExit) as error:
        sentence = f"It can't be repeated: {function} {raising(error, f'when it was called on {where} a second time')}."
        calls.raised = raised(error, where, sentence)
        return
    anew = digest(again)
    calls.repeats_equal = same(calls.results[0], again) if kept is None or anew is None else kept == anew


def raised(error: BaseException, where: str, sentence: str) -> dict[str, str]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "item": where,
        "traceback": "".join(traceback.format_exception(error)),
        "sentence": sentence,
    }


def globals_of(function: Any) -> dict[str, str | None]:
    """A digest of every global that a function names and that is data, by name; {} for what isn't a Python function."""
    if not isinstance(function, types.FunctionType):
        return {}
    there = function.__globals__
    names = {name for code in codes(function.__code__) for name in code.co_names if name in there}
    found = {}
    for name in names:
        if not isinstance(there[name], type | types.ModuleType) and not callable(there[name]):
            seen = digest(there[name])
            found[name] = seen.text if seen else None
    return found


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


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
