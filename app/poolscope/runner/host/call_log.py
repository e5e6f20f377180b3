"""Writes down each call of an uncounted repetition, so that what a process was doing outlives its death."""

from __future__ import annotations

import multiprocessing.process
import os
import pickle
import traceback
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, ClassVar

from poolscope.errors import MalformedMessage
from poolscope.protocol import codec
from poolscope.protocol.codec import Tagged
from poolscope.protocol.frozen import frozen
from poolscope.runner.host.kept_state import kept_digests, random_states
from poolscope.runner.host.pickling import error_in_words, short, unsendable
from poolscope.runner.host.stacks import show_stacks_in


class CallLogEntry(Tagged):
    """Family of what is written down, one line each. `number` is the item's, `pid` the process that called."""

    __slots__ = ()


@frozen
class CallBegan(CallLogEntry):
    """A worker has got item `number`, `item` in words."""

    tag: ClassVar[str] = "began"
    number: int
    pid: int
    item: str


@frozen
class CallEnded(CallLogEntry):
    """It came back. `unreadable` is what making the result from its pickle raised, '' where nothing did; `unsendable`
    is a sentence about a result that can't be pickled at all."""

    tag: ClassVar[str] = "ended"
    number: int
    pid: int
    unreadable: str = ""
    unsendable: str = ""


@frozen
class CallRaised(CallLogEntry):
    """It raised `error`. `unreadable` and `unsendable` are as in `CallEnded`; `daemonic`: as a daemon, the worker may
    start no process.

    `globals` are those that the function reads and that have another value here than in the main process.
    """

    tag: ClassVar[str] = "raised"
    number: int
    pid: int
    error: str
    unreadable: str
    daemonic: bool
    globals: tuple[str, ...]
    unsendable: str = ""


@frozen
class CallNotRead(CallLogEntry):
    """The function or the item could not be made from its pickle in the worker."""

    tag: ClassVar[str] = "not read"
    number: int
    pid: int
    error: str


@frozen
class CallTooLong(CallLogEntry):
    """It was stopped after so many `seconds`."""

    tag: ClassVar[str] = "too long"
    number: int
    pid: int
    item: str
    seconds: float


@frozen
class GlobalsDiffer(CallLogEntry):
    """Before its first call a worker has other values of these globals than the main process has."""

    tag: ClassVar[str] = "globals"
    pid: int
    names: tuple[str, ...]


@frozen
class GeneratorStates(CallLogEntry):
    """Digests of the states of a worker's random generators before its first call, by name."""

    tag: ClassVar[str] = "generators"
    pid: int
    states: dict[str, str]


class LoggedFunction:
    """A function that is given (number, item in words, item) and says what becomes of each call; it returns nothing.

    For workers that get copies, function and items are pickled beforehand, so that one that can't be read in a worker
    is told as well.
    """

    def __init__(self, function: Callable[[Any], Any], log: Path, *, copied: bool) -> None:
        self.log = str(log)
        self.copied = copied
        self.function: Any = bytes(ForkingPickler.dumps(function)) if copied else function
        self.globals = kept_digests(function, carried=False)
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
            there = kept_digests(function, carried=False)
            self.differing = tuple(sorted(name for name in self.globals if self.globals[name] != there.get(name)))
            if self.differing:
                self.say(GlobalsDiffer(pid, self.differing))
            self.say(GeneratorStates(pid, random_states(function)))
        try:
            result = function(item)
        except BaseException as error:
            message = unreadable(error) if self.copied else ""
            told = (unsendable(error, "the exception") or "") if self.copied and not message else ""
            words, daemonic = error_in_words(error), is_daemonic(error)
            self.say(CallRaised(number, pid, words, message, daemonic, self.differing or (), told))
            raise
        if not self.copied:
            self.say(CallEnded(number, pid))
        elif message := unreadable(result):
            self.say(CallEnded(number, pid, unreadable=message))
        else:
            self.say(CallEnded(number, pid, unsendable=unsendable(result, f"the result of item {number}") or ""))

    def say(self, entry: CallLogEntry) -> None:
        write_entry(Path(self.log), entry)


class LoggedCoroutine:
    """The same for a coroutine function, whose calls share this process; `under_way` are its coroutines by item."""

    def __init__(self, coroutine: Callable[[Any], Awaitable[Any]], log: Path) -> None:
        self.coroutine = coroutine
        self.log = log
        self.under_way: dict[int, Any] = {}

    async def __call__(self, numbered: tuple[int, str, Any]) -> None:
        number, words, item = numbered
        pid = os.getpid()
        write_entry(self.log, CallBegan(number, pid, words))
        self.under_way[number] = called = self.coroutine(item)
        try:
            await called
        except BaseException as error:
            from asyncio import CancelledError  # here, for a runner only reads the log and has no asyncio

            # What is cancelled is so for another's sake: whoever raised, or waited for ever, is told.
            if not isinstance(error, CancelledError | GeneratorExit):
                write_entry(self.log, CallRaised(number, pid, error_in_words(error), "", daemonic=False, globals=()))
            raise
        write_entry(self.log, CallEnded(number, pid))
        del self.under_way[number]


def write_entry(log: Path, entry: CallLogEntry) -> None:
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # a line is written as one
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
            case CallEnded() | CallRaised() | CallNotRead() | CallTooLong():
                open_calls.pop(entry.number, None)
    return {number: call.item for number, call in sorted(open_calls.items()) if pid in (None, call.pid)}
