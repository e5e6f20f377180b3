"""What is mapped: a function with its items, a user's own or built in, and how a built-in one is set up."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from poolscope.protocol.frozen import frozen
from poolscope.protocol.kinds import Calling
from poolscope.workloads.catalog import WORKLOADS
from poolscope.workloads.spreading import spread


def nothing() -> None:
    """The closing of a work that started nothing."""


@frozen
class Work:
    """One work, set up: what a user would pass to a pool, for every kind of it the same.

    `coroutine` is its form for asyncio, None without one. A function that is an `async def` itself stands in both
    places; the plain loop then awaits one call after the other. `calling` says how either is called. `setup` is called
    once in every worker before its first task, in the main process too where that works itself. `tidy` is called in
    this process after each repetition and lets go of what the calls kept here. `close` ends what setting the work up
    started; call it once, whatever happened. `rounds` is None unless the length of a call was calibrated; `one_call_s`
    is what a call took then, None if the rounds were given. `fresh` makes the items anew for each map,
    where calls change them. `servers` are the process ids of what setting it up started for the calls to ask, whose CPU
    time is not the work's. `executor` makes an executor of the user's own for so many workers;
    `cluster` is the address of a dask or ray cluster that is there, '' for none; `own_clusters` are those of this run,
    which its pools share.
    """

    function: Callable[..., Any]
    items: Sequence[Any]
    coroutine: Callable[..., Awaitable[Any]] | None = None
    setup: Callable[[], Any] | None = None
    tidy: Callable[[], Any] = nothing
    close: Callable[[], None] = nothing
    rounds: int | None = None
    one_call_s: float | None = None
    fresh: Callable[[], Sequence[Any]] | None = None
    calling: Calling = "item"
    servers: tuple[int, ...] = ()
    executor: Callable[[int], Any] | None = None
    cluster: str = ""
    own_clusters: Any = None

    @property
    def call(self) -> Callable[[Any], Any]:
        """The function as one of a single item."""
        return self.function if self.calling == "item" else partial(spread, self.function)

    @property
    def coroutine_call(self) -> Callable[[Any], Awaitable[Any]] | None:
        """The coroutine as one of a single item."""
        return self.coroutine if self.calling == "item" or self.coroutine is None else partial(spread, self.coroutine)

    def passes(self, count: int) -> list[Sequence[Any]]:
        """The items of so many maps that are timed together, a sequence each, made before the clock starts."""
        return [self.items] * count if self.fresh is None else [self.fresh() for _ in range(count)]


@frozen
class WorkRequest:
    """How much of a built-in work: the length of a call where it has one, its numbers, and rounds if they are known.

    `numbers` are the items, or count them where those are no numbers. `scratch` is a folder for its files.
    """

    work_ms: float
    numbers: range
    scratch: Path
    rounds: int | None = None

    @property
    def seconds(self) -> float:
        return self.work_ms / 1000


def set_up(
    name: str,
    work_ms: float | None,
    count: int | None,
    scratch: Path,
    rounds: int | None = None,
    first: int | None = None,
) -> Work:
    """A built-in work; without `work_ms` and `count` as long and as often as its row says, on the numbers from `first`.

    Takes some tens of milliseconds where the length of a call is calibrated. With the `rounds` that another Python's
    calibration has found it is not, so that all do the same. Close what is returned. Raises KeyError for another name.
    """
    row = WORKLOADS[name]
    first = 1 if first is None else first
    numbers = range(first, first + (count or row.count))
    maker: Callable[[WorkRequest], Work] = importlib.import_module(f"poolscope.workloads.{row.module}").MAKERS[name]
    return maker(WorkRequest(work_ms or row.work_ms or 0.0, numbers, scratch, rounds))
