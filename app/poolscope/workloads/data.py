"""Work of which the amount of data decides: large arguments and results, and much memory a worker."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolscope.workloads.work import Work, WorkRequest

NUMBERS = 116_500  # floats whose list takes 1 MiB when it is pickled: nine bytes each
HUNGER = 64 * 1024 * 1024
PAGE = 4096  # one byte written in each makes the system find real memory for it

_kept: dict[int, bytearray] = {}  # by thread, and not in a threading.local: an interpreter's ends with each call


def large_lists(count: int) -> list[list[float]]:
    """A list of its own for each item: pickle sends an object that comes twice in one message only once."""
    return [[item + k / 8 for k in range(NUMBERS)] for item in range(count)]


def turned_around(numbers: list[float]) -> list[float]:
    """Little work: pickling such a list and reading it again takes many times as long."""
    return numbers[::-1]


def hungry(n: int) -> int:
    """Fill a block of memory and keep it until the next call of this worker, so that it can be seen afterwards."""
    worker = threading.get_native_id()
    _kept.pop(worker, None)
    _kept[worker] = block = bytearray(HUNGER)
    block[::PAGE] = bytes([n % 256]) * (HUNGER // PAGE)
    return block[-PAGE]


def make_large_arguments(request: WorkRequest) -> Work:
    from poolscope.workloads.work import Work  # not before: workers that import this module have no use for it

    return Work(turned_around, large_lists(len(request.numbers)))


def make_memory_hungry(request: WorkRequest) -> Work:
    from poolscope.workloads.work import Work

    return Work(hungry, request.numbers, tidy=_kept.clear)


MAKERS = {"large-arguments": make_large_arguments, "memory-hungry": make_memory_hungry}
