"""What is mapped: a function with its items, a user's own or built in; the table of the built-in ones."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def nothing() -> None:
    """The closing of a work that started nothing."""


@dataclass(frozen=True, slots=True)
class Work:
    """One work, set up: what a user would pass to a pool, for every kind of it the same.

    `coroutine` is its form for asyncio, None without one. A function that is an `async def` itself stands in both
    places; the plain loop then awaits one call after the other. `setup` is called once in every worker before its first
    task, in the main process too where that works itself. `tidy` is called in this process after each passage and lets
    go of what the calls kept here. `close` ends what setting the work up started; call it once, whatever happened.
    `rounds` is None unless the length of a call was calibrated; `one_call_s` is what a call took then, None if the
    rounds were given.
    """

    function: Callable[[Any], Any]
    items: Sequence[Any]
    coroutine: Callable[[Any], Awaitable[Any]] | None = None
    setup: Callable[[], Any] | None = None
    tidy: Callable[[], Any] = nothing
    close: Callable[[], None] = nothing
    rounds: int | None = None
    one_call_s: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """How much of a built-in work: the length of a call where it has one, how many, and rounds if they are known."""

    work_ms: float
    count: int
    scratch: Path
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One row of the table. `nature` is 'cpu', 'waiting', 'files' or 'mixed'; `work_ms` None has no chosen length.

    `module` in poolscope.workloads has a table MAKERS with the function that sets the work up.
    """

    nature: str
    work_ms: float | None
    count: int
    module: str
    says: str


BUILT_IN: dict[str, BuiltIn] = {
    "square": BuiltIn("cpu", None, 10_000, "compute", "One multiplication: far less work than handing it over costs."),
    "sum-of-squares": BuiltIn("cpu", 20.0, 40, "compute", "Sums squares in Python, which needs the GIL all the time."),
    "primes": BuiltIn("cpu", 20.0, 40, "compute", "Counts primes by trial division in Python, under the GIL."),
    "sha256": BuiltIn("cpu", 20.0, 40, "compute", "Hashes blocks of 16 KiB in C, which lets go of the GIL."),
    "zlib": BuiltIn("cpu", 20.0, 40, "compute", "Packs and unpacks a large block in C, which lets go of the GIL."),
    "uneven": BuiltIn("cpu", 5.0, 40, "compute", "Sums squares; every tenth item takes ten times as long."),
    "sleep": BuiltIn("waiting", 20.0, 40, "io", "Waits by time.sleep, or by asyncio.sleep as a coroutine."),
    "http": BuiltIn("waiting", 20.0, 40, "io", "Asks a real HTTP server here, which answers after a delay."),
    "read-files": BuiltIn("files", None, 400, "compute", "Reads files of 128 KiB, which the system holds in memory."),
    "large-arguments": BuiltIn("mixed", None, 16, "data", "Turns lists around that are 1 MiB when pickled."),
    "memory-hungry": BuiltIn("mixed", None, 16, "data", "Fills 64 MiB; each worker keeps its latest block."),
    "shared-object": BuiltIn(
        "mixed", 20.0, 24, "shared", "Adds to one number: in a process under a lock, else in a mapped file."
    ),
}


def set_up(name: str, work_ms: float | None, count: int | None, scratch: Path, rounds: int | None = None) -> Work:
    """A built-in work; without `work_ms` and `count` as long and as often as its row says.

    Takes some tens of milliseconds where the length of a call is calibrated. With the `rounds` that another Python's
    calibration has found it is not, so that all do the same. Close what is returned.
    """
    row = BUILT_IN[name]
    asked = Asked(work_ms or row.work_ms or 0.0, count or row.count, scratch, rounds)
    maker: Callable[[Asked], Work] = importlib.import_module(f"poolscope.workloads.{row.module}").MAKERS[name]
    return maker(asked)
