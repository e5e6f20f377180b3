"""Forms of calls that change their item, and two that don't."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Iterator
from functools import cached_property

generator = random.Random(11)
routes = [[generator.random() for _ in range(200)] for _ in range(8)]
queues = [deque(range(200)) for _ in range(8)]
entries = [{"number": number, "parts": [1, 2]} for number in range(8)]
blocks = [bytearray(b"pool" * 50) for _ in range(8)]
late = [[1, 2] for _ in range(20)]
late[7] = [3, 1, 2]


def sorts(stops: list[float]) -> float:
    stops.sort()
    return stops[0]


def empties(queue: deque[int]) -> int:
    total = 0
    while queue:
        total += queue.popleft()
    return total


def fills(entry: dict[str, object]) -> None:
    entry["total"] = 1


def deeply(entry: dict[str, list[int]]) -> int:
    entry["parts"].append(3)
    return len(entry["parts"])


def in_place(block: bytearray) -> int:
    for place in range(len(block)):
        block[place] ^= 1
    return block[0]


def sorts_one(numbers: list[int]) -> int:
    numbers.sort()
    return numbers[0]


class Basket:
    """Can't be copied, for what it holds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.eggs = list(range(200))


baskets = [Basket() for _ in range(8)]


def takes(basket: Basket) -> int:
    total = 0
    with basket.lock:
        while basket.eggs:
            total += basket.eggs.pop()
    return total


class Parcel:
    """Keeps what it has found out about itself."""

    def __init__(self, number: int) -> None:
        self.number = number

    @cached_property
    def weight(self) -> int:
        return sum(range(self.number))


parcels = [Parcel(number) for number in range(8)]


def weighs(parcel: Parcel) -> int:
    return parcel.weight


class Ticket:
    """Can be used once, which nobody sees: it shows no attributes and can't be copied."""

    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.Lock()


tickets = [Ticket() for _ in range(8)]


def uses(ticket: Ticket) -> bool:
    if not ticket.lock.acquire(blocking=False):
        raise ValueError("used")
    return True


def streams() -> Iterator[Iterator[int]]:
    return (iter_to(number) for number in range(100, 108))


def iter_to(end: int) -> Iterator[int]:
    yield from range(end)


def consumes(stream: Iterator[int]) -> int:
    return sum(stream)


def reads(stops: list[float]) -> float:
    return sum(sorted(stops))


def locks(basket: Basket) -> int:
    with basket.lock:
        return len(basket.eggs)
