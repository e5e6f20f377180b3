"""Writes down each call of an uncounted repetition, so that what a process was doing outlives its death."""

from __future__ import annotations

import faulthandler
import multiprocessing.process
import os
import pickle
import signal
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, ClassVar

from poolscope.errors import MalformedMessage
from poolscope.protocol import codec
from poolscope.protocol.codec import Tagged
from poolscope.runner.host.equality import Digest, digest
from poolscope.runner.host.pickling import error_in_words, short
from poolscope.runner.host.trial import nested_code
from poolscope.workloads.spreading import spread

# No program has a use of its own for it, unlike SIGUSR2, which is all that there is without real-time signals.
SHOW_STACK = getattr(signal, "SIGRTMAX", signal.SIGUSR2 + 2) - 2
STACKS = ".stacks"  # of the log's name, for the file of the workers' stacks
MOST_FUNCTIONS = 200  # through which globals are looked for


class CallLogEntry(Tagged):
    """Family of what is written down, one line each. `number` is the item's, `pid` the process that called."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CallBegan(CallLogEntry):
    """A worker has got item `number`, `item` in words."""

    tag: ClassVar[str] = "began"
    number: int
    pid: int
    item: str


@dataclass(frozen=True, slots=True)
class CallEnded(CallLogEntry):
    """It came back. `unreadable` is what making the result from its pickle raised, '' where nothing did."""

    tag: ClassVar[str] = "ended"
    number: int
    pid: int
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class CallRaised(CallLogEntry):
    """It raised `error`. `unreadable` is as in `CallEnded`; `daemonic`: as a daemon, the worker may start no process.

    `globals` are those that the function reads and that have another value here than in the main process.
    """

    tag: ClassVar[str] = "raised"
    number: int
    pid: int
    error: str
    unreadable: str
    daemonic: bool
    globals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallNotRead(CallLogEntry):
    """The function or the item could not be made from its pickle in the worker."""

    tag: ClassVar[str] = "not read"
    number: int
    pid: int
    error: str


class LoggedFunction:
    """A function that is given (number, item in words, item) and says what becomes of each call; it returns nothing.

    For workers that get copies, function and items are pickled beforehand, so that one that can't be read in a worker
    is told as well.
    """

    def __init__(self, function: Callable[[Any], Any], log: Path, *, copied: bool) -> None:
        self.log = str(log)
        self.copied = copied
        self.function: Any = bytes(ForkingPickler.dumps(function)) if copied else function
        self.globals = readable_globals(function)
        self.differing: tuple[str, ...] | None = None  # of the globals, in this copy of the function

    def numbered(self, items: Iterable[Any]) -> list[tuple[int, str, Any]]:
        """The items for this function. Raises what pickling one raises."""
        return [
            (number, short(item), bytes(ForkingPickler.dumps(item)) if self.copied else item)
            for number, item in enumerate(items)
        ]

    def __call__(self, numbered: tuple[int, str, Any]) -> None:
        number, words, item = numbered
        pid = os.getpid()
        show_stacks_in(self.log)
        function = self.function
        self.say(CallBegan(number, pid, words))
        if self.copied:
            try:
                function, item = pickle.loads(function), pickle.loads(item)  # noqa: S301  (made by us, of the user's own)
            except BaseException as error:
                self.say(CallNotRead(number, pid, error_in_words(error)))
                raise
        if self.copied and self.differing is None:  # before the work can change any
            there = readable_globals(function)
            self.differing = tuple(sorted(name for name in self.globals if self.globals[name] != there.get(name)))
        try:
            result = function(item)
        except BaseException as error:
            message = unreadable(error) if self.copied else ""
            words, daemonic = error_in_words(error), is_daemonic(error)
            self.say(CallRaised(number, pid, words, message, daemonic, self.differing or ()))
            raise
        self.say(CallEnded(number, pid, unreadable(result) if self.copied else ""))

    def say(self, entry: CallLogEntry) -> None:
        file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # a line is written as one
        try:
            os.write(file, codec.to_line(entry) + b"\n")
        finally:
            os.close(file)


def unreadable(value: Any) -> str:
    """What making a value from its pickle raises, in words; '' for one that can be, or can't be pickled at all: that a
    pool tells by itself."""
    try:
        data = ForkingPickler.dumps(value)
    except Exception:
        return ""
    try:
        pickle.loads(data)  # noqa: S301  (as above)
    except Exception as error:
        return error_in_words(error)
    return ""


def is_daemonic(error: BaseException | None) -> bool:
    """Whether multiprocessing refused to start a child of a daemon, however the work has wrapped that."""
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        refused = frames and frames[-1].filename == multiprocessing.process.__file__ and frames[-1].name == "start"
        if refused and isinstance(error, AssertionError) and multiprocessing.process.current_process().daemon:
            return True
        error = error.__cause__ or error.__context__
    return False


def entries(log: Path) -> list[CallLogEntry]:
    """What has been written down so far; the last line may be half of one."""
    found: list[CallLogEntry] = []
    with suppress(OSError):
        for line in log.read_bytes().splitlines():
            with suppress(MalformedMessage):
                found.append(codec.from_line(CallLogEntry, line))
    return found


def under_way(log: Iterable[CallLogEntry], pid: int | None = None) -> dict[int, str]:
    """The items whose calls have begun and not ended, in one process or in all: their numbers, each with its words."""
    open_calls: dict[int, CallBegan] = {}
    for entry in log:
        match entry:
            case CallBegan():
                open_calls[entry.number] = entry
            case CallEnded() | CallRaised() | CallNotRead():
                open_calls.pop(entry.number, None)
    return {number: call.item for number, call in sorted(open_calls.items()) if pid in (None, call.pid)}


# Where a process waits

_shown: set[str] = set()  # the logs whose stacks this process, or the one that it was forked from, is ready to show


def show_stacks_in(log: str) -> None:
    """Let this process write its main thread's stack beside the log when it gets SHOW_STACK."""
    if log not in _shown:
        _shown.add(log)
        with suppress(Exception):  # a platform without it: then it can't be told where it waits
            # Kept open for as long as the process lives.
            file = os.open(log + STACKS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            faulthandler.register(SHOW_STACK, file=file, all_threads=False)


# Globals


def readable_globals(function: Any) -> dict[str, str]:
    """The digests of those that have one."""
    return {name: found.text for name, found in global_values(function) if found is not None}


def global_values(function: Any) -> Iterator[tuple[str, Digest | None]]:
    """The data among the globals that a function reads, itself or through functions of its own package, by name, each
    with a digest of its value (None: it has none)."""
    seen: set[int] = set()
    left = [function]
    while left and len(seen) < MOST_FUNCTIONS:
        one = python_function(left.pop())
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        names = {name for code in nested_code(one.__code__) for name in code.co_names}
        for name in sorted(names & one.__globals__.keys()):
            value = one.__globals__[name]
            if isinstance(value, types.ModuleType):
                if is_users(value):
                    for inner in sorted(names & vars(value).keys()):
                        if is_data(vars(value)[inner]):
                            yield f"{name}.{inner}", digest(vars(value)[inner])
                        else:
                            left.append(vars(value)[inner])
            elif is_data(value):
                yield name, digest(value)
            else:
                left.append(value)


def python_function(value: Any) -> types.FunctionType | None:
    """The function in Python that a callable comes down to, if it is one of the user's."""
    while isinstance(value, partial):
        value = value.args[0] if value.func is spread else value.func
    value = getattr(value, "__wrapped__", value)
    value = getattr(value, "__func__", value)
    if not isinstance(value, types.FunctionType | type):
        value = getattr(type(value).__call__, "__func__", type(value).__call__) if callable(value) else None
    if not isinstance(value, types.FunctionType):
        return None
    module = sys.modules.get(value.__module__ or "")
    return value if module is not None and is_users(module) else None


def is_users(module: types.ModuleType) -> bool:
    """Whether a module may be the user's own: of no installed package, nor of the standard library."""
    path = getattr(module, "__file__", None) or ""
    top = module.__name__.partition(".")[0]
    return top not in sys.stdlib_module_names and top != "poolscope" and "site-packages" not in path


def is_data(value: Any) -> bool:
    return not isinstance(value, type | types.ModuleType) and not callable(value)
