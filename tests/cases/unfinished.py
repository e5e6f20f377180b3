"""Forms of results whose work is yet to be done, and three of results that are there."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from subprocess import PIPE, Popen, run
from typing import Any

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


TAKES_S = 0.4


def in_short_background(size: int) -> None:
    """Over in some hundredths of a second, so that it is known by its CPU time alone."""
    Popen([sys.executable, "-I", "-S", "-c", "sum(range(600_000))"])


def in_a_short_thread(size: int) -> None:
    threading.Thread(target=total, args=(2_000 * size,), name="sender").start()


def says_and_ends(size: int) -> str:
    """Takes a while to end, after what it was started for."""
    program = Popen([sys.executable, "-I", "-S", "-c", f"print(sum(range({1_000 * size})), flush=True)"], stdout=PIPE)
    assert program.stdout is not None
    return program.stdout.readline().decode()


def in_background(size: int) -> None:
    Popen(["/bin/sleep", f"{TAKES_S}"])


def in_background_of_a_shell(size: int) -> int:
    return run(f"/bin/sleep {TAKES_S} &", shell=True, check=True).returncode


def in_a_thread(size: int) -> None:
    threading.Thread(target=time.sleep, args=(TAKES_S,), name="sender").start()


def reads_to_the_end(size: int) -> str:
    """Nobody waits for the shell, which ends as its output does."""
    return os.popen(f"i=0; while [ $i -lt {20 * size} ]; do i=$((i+1)); done; echo $i").read()


def keeps_a_worker(size: int) -> int:
    """A pool that stays open neither ends nor works between two calls."""
    if not executors:
        executors.append(ThreadPoolExecutor(1))
    return executors[0].submit(total, size).result()


def opened(size: int) -> Readings:
    return Readings(size)
