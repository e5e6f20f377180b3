"""What a run of the shared list tells about its list, its lock and its controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from poolscope.protocol.frozen import frozen
from poolscope.protocol.payloads import Payload


@frozen
class ListCounts(Payload):
    """All counters at one moment under the guard; later ones replace earlier ones.

    `added`, `removed`, `empty_polls` and `full_polls` are shared by all threads, `length` is that of the list.
    `really_added` and `really_removed` add up the threads' own counters, which no other thread can spoil; `robbed` are
    consumers that found the list emptied between their check and their pop. `in_flight` steps had begun and were not
    yet counted, `recorded` ones were recorded one by one.
    """

    tag: ClassVar[str] = "list counts"
    added: int = 0
    removed: int = 0
    empty_polls: int = 0
    full_polls: int = 0
    length: int = 0
    really_added: int = 0
    really_removed: int = 0
    robbed: int = 0
    in_flight: int = 0
    recorded: int = 0


@frozen
class OperationCounts(Payload):
    """How many numbers each thread has added or removed."""

    tag: ClassVar[str] = "operations"
    by_thread: Mapping[str, int]


@frozen
class LockStatistics(Payload):
    """The lock at one moment: its owner (None: nobody), who waits in the order of asking, and exact counts."""

    tag: ClassVar[str] = "lock"
    owner: str | None = None
    waiting: tuple[str, ...] = ()
    acquisitions: int = 0
    contended: int = 0


@frozen
class LockTimes(Payload):
    """How often the lock was waited for and held how long: (least nanoseconds of a bucket, count), rising."""

    tag: ClassVar[str] = "lock times"
    wait: tuple[tuple[int, int], ...] = ()
    hold: tuple[tuple[int, int], ...] = ()


@frozen
class ControlsInForce(Payload):
    """The controls after a change of them."""

    tag: ClassVar[str] = "controls"
    delay_min: float
    delay_max: float
    paused: bool
