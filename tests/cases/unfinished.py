"""Forms of results whose work is yet to be done, and three of results that are there."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from subprocess import PIPE, Popen, run
from typing import Any

from poolscope.runner.host import left_running

sizes = [2_000 + number for number in range(6)]
executors: list[ThreadPoolExecutor] = []


def total(size: int) -> int:
    return sum(step % 13 for step in range(size))


def windows(size: int) -> Iterator[int]:
    for _ in range(5):
        yield total(size)


def mapped(size: int) -> Iterator[int]:
    return map(total, [size] * 5)


def chained(size: int) -> Iterator[int]:
    return itertools.chain.from_iterable([total(size)] for _ in range(5))


def named(size: int) -> tuple[int, Iterator[int]]:
    return size, (total(size) for _ in range(5))


def submitted(size: int) -> Future[int]:
    if not executors:
        executors.append(ThreadPoolExecutor(1))
    return executors[0].submit(total, size)


async def streamed(size: int) -> AsyncIterator[int]:
    for _ in range(5):
        yield total(size)


class Plan:
    """As dask's delayed values are known by."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __dask_graph__(self) -> dict[str, int]:
        return {"size": self.size}


def planned(size: int) -> Plan:
    return Plan(size)


async def awaited(size: int) -> int:
    return total(size)


def hands_on(size: int) -> Awaitable[int]:
    return awaited(size)


def listed(size: int) -> list[int]:
    return [total(size) for _ in range(5)]


def spanned(size: int) -> range:
    return range(size)


def done(size: int) -> Iterator[Any]:
    return iter([total(10 * size)])


def thunk(size: int) -> Callable[[], int]:
    return lambda: total(5 * size)


class Readings:
    """No iterator, but what makes its entries as it is gone through."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[int]:
        return windows(self.size)


@contextmanager
def entered_later(size: int) -> Iterator[int]:
    yield total(10 * size)


loaded: list[str] = []


def loaded_first(size: int) -> AbstractContextManager[int]:
    """Its first call is longer than its work."""
    if not loaded:
        time.sleep(0.2)
        loaded.append("model")
    return entered_later(size)


class Session:
    """Does its work where a `with` begins."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __enter__(self) -> int:
        return total(20 * self.size)

    def __exit__(self, *_: object) -> None:
        pass


def in_session(size: int) -> Session:
    return Session(size)


class Pages:
    """A sequence whose entries are made as they are looked up."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return 5

    def __getitem__(self, place: int) -> int:
        if place >= len(self):
            raise IndexError(place)
        return total(10 * self.size)


def paged(size: int) -> Pages:
    return Pages(size)


class Found:
    """A collection, to be entered too, in which all is there."""

    def __init__(self, size: int) -> None:
        self.entries = [total(10 * size)] * 1000

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, place: int) -> int:
        return self.entries[place]

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def found(size: int) -> Found:
    return Found(size)


TAKES_S = 0.3
to_end: list[tuple[float, Callable[[], object]]] = []
watched_s = 0.0  # in all


def look(seconds: float) -> None:
    """In place of the trial's sleep between two looks at what goes on."""
    global watched_s
    time.sleep(seconds)
    watched_s += seconds
    for due in [each for each in to_end if each[0] <= watched_s]:
        to_end.remove(due)
        due[1]()


# Time passes only while the trial watches: what lasts for some time of the clock's may be over on a busy machine
# before anybody looks.
vars(left_running).update(sleep=look, monotonic=lambda: watched_s)


def open_for(seconds: float) -> int:
    """The end to read from of a pipe that is closed at the other once the trial has watched for so long."""
    reads, writes = os.pipe()
    to_end.append((watched_s + seconds, partial(os.close, writes)))
    return reads


def set_after(seconds: float) -> threading.Event:
    event = threading.Event()
    to_end.append((watched_s + seconds, event.set))
    return event


def in_background(size: int) -> None:
    with open(open_for(TAKES_S)) as source:
        Popen(["/bin/cat"], stdin=source)


def in_background_of_a_shell(size: int) -> int:
    with open(open_for(TAKES_S)) as source:
        file = source.fileno()
        return run(f"/bin/cat /dev/fd/{file} &", shell=True, check=True, pass_fds=[file]).returncode


def in_short_background(size: int) -> None:
    """Over in some hundredths of a second, so that it is known by its CPU time alone."""
    with open(open_for(0.0)) as source:
        Popen([sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read(); sum(range(1_000_000))"], stdin=source)


def in_a_thread(size: int) -> None:
    threading.Thread(target=set_after(TAKES_S).wait, name="sender").start()


def in_a_short_thread(size: int) -> None:
    event = set_after(0.0)
    threading.Thread(target=lambda: event.wait() and total(100 * size), name="sender").start()


def says_and_ends(size: int) -> str:
    """Takes a while to end, after what it was started for."""
    program = Popen([sys.executable, "-I", "-S", "-c", f"print(sum(range({10 * size})), flush=True)"], stdout=PIPE)
    assert program.stdout is not None
    return program.stdout.readline().decode()


def reads_to_the_end(size: int) -> str:
    """Nobody waits for the shell, which ends as its output does."""
    return os.popen(f"i=0; while [ $i -lt {2 * size} ]; do i=$((i+1)); done; echo $i").read()


@cache
def kept_worker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1)


def keeps_a_worker(size: int) -> int:
    """A pool that stays open neither ends nor works between two calls."""
    return kept_worker().submit(total, size).result()


def opened(size: int) -> Readings:
    return Readings(size)
