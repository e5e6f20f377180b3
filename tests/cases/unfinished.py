"""Forms of results whose work is yet to be done, and three of results that are there."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from subprocess import Popen, run
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


TAKES_S = 0.4


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
