"""Forms of remembered results; what is computed takes a millisecond or more at first."""

from __future__ import annotations

import json
import os
import random
import tempfile
import threading
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

numbers = list(range(12))
regions = [(number % 4, number) for number in numbers]
sorted_regions = [(number // 4, number) for number in numbers]
pairs = [(number % 2, number) for number in numbers]
LENGTH = 25_000
generator = random.Random(7)


def computed(number: int, length: int = LENGTH) -> int:
    total = 0
    for step in range(length):
        total += step * number % 7
    return total


@cache
def region(code: int) -> int:
    return computed(code, 4 * LENGTH)  # few calls find it out, so that each must stand out on a busy machine


def report(row: tuple[int, int]) -> int:
    return region(row[0]) + row[1]


@cache
def sorted_region(code: int) -> int:
    return computed(code, 4 * LENGTH)


def report_sorted(row: tuple[int, int]) -> int:
    return sorted_region(row[0]) + row[1]


@cache
def paired_region(code: int) -> int:
    return computed(code, 4 * LENGTH)


def report_pairs(row: tuple[int, int]) -> int:
    return paired_region(row[0]) + row[1]


known: dict[int, int] = {}


def by_dict(number: int) -> int:
    if number not in known:
        known[number] = computed(number)
    return known[number]


def by_default(number: int, known: dict[int, int] = {}) -> int:  # noqa: B006  (that is the form)
    if number not in known:
        known[number] = computed(number)
    return known[number]


def memoizing(function: Callable[[int], int]) -> Callable[[int], int]:
    seen: dict[int, int] = {}

    def memoized(number: int) -> int:
        if number not in seen:
            seen[number] = function(number)
        return seen[number]

    memoized.__qualname__ = "decorated"
    return memoized


decorated = memoizing(computed)


kept_in = Path(tempfile.gettempdir(), f"remembered-{os.getppid()}")  # of whoever has started this process


def by_file(number: int) -> int:
    kept_in.mkdir(exist_ok=True)
    file = kept_in / f"{number}.json"
    if not file.exists():
        file.write_text(json.dumps(computed(number)))
    return int(json.loads(file.read_text()))


class Reader:
    """Keeps what it has found."""

    def __init__(self) -> None:
        self.found: dict[int, int] = {}

    def read(self, number: int) -> int:
        if number not in self.found:
            self.found[number] = computed(number)
        return self.found[number]


by_method = Reader().read


@cache
def fetched(number: int) -> int:
    threading.Event().wait(0.008)  # what takes no CPU
    return number


def waiting(number: int) -> int:
    return fetched(number)


class Document:
    """Equal to itself alone, so that a cache knows the object and not what it says."""

    def __init__(self, number: int) -> None:
        self.number = number


documents = [Document(number) for number in numbers]


class Basket:
    def __init__(self, number: int) -> None:
        self.number = number
        self.sum: int | None = None

    @cached_property
    def total(self) -> int:
        return computed(self.number, 4 * LENGTH)


baskets = [Basket(number) for number in numbers]


def by_property(basket: Basket) -> int:
    return basket.total


def by_attribute(basket: Basket) -> int:
    if basket.sum is None:
        basket.sum = computed(basket.number, 4 * LENGTH)
    return basket.sum


def by_own_attribute(number: int) -> int:
    seen = vars(by_own_attribute).setdefault("seen", {})
    if number not in seen:
        seen[number] = computed(number)
    return int(seen[number])


@cache
def by_object(document: Document) -> int:
    return computed(document.number)


prepared: list[int] = []


def once(number: int) -> int:
    if not prepared:
        prepared.append(computed(1, 20 * LENGTH))
    return computed(number, LENGTH // 10) + prepared[0]


local = threading.local()


def once_a_thread(number: int) -> int:
    if not hasattr(local, "prepared"):
        local.prepared = computed(1, 20 * LENGTH)
    return computed(number, LENGTH // 10) + int(local.prepared)


def alike(number: int) -> int:
    return computed(number)


def large_list(number: int) -> list[float]:
    """Most of its time goes into pages of memory that are new to the process."""
    return [float(number)] * 100_000


def large_text(number: int) -> str:
    return "x" * (4_000_000 + number)


def large_on_the_way(number: int) -> int:
    return len([number] * 2_500_000)


def by_chance(number: int) -> Any:
    return computed(number, generator.randrange(LENGTH))
