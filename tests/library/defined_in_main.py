"""A script whose definitions have no module but `__main__`: hands each of them over, and prints names and paths."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from poolscope.library.handing_over import hand_over

OFFSETS = dict.fromkeys(range(10), 10)


@dataclasses.dataclass(frozen=True)
class Point:
    x: int

    def area(self) -> int:
        return self.x**2

    def __call__(self, number: int) -> Point:
        return Point(self.x + number)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Pair(NamedTuple):
    left: int
    right: Colour


def offset(number: int) -> int:
    return number + OFFSETS[number]


def passing_on(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*given: Any) -> Any:
        return function(*given)

    return inner


@passing_on
def decorated(number: int) -> int:
    return offset(number)


@functools.lru_cache(maxsize=7)
def fibonacci(number: int) -> int:
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def doubled(point: Point) -> Point:
    return Point(2 * point.x)


def paired(colour: Colour) -> Pair:
    return Pair(1, colour)


def adding(number: int) -> Callable[[int], int]:
    def inner(other: int) -> int:
        return other + number

    return inner


def numbers() -> range:
    return range(4)


FORMS: dict[str, tuple[Callable[..., Any], Iterable[Any] | Callable[[], Iterable[Any]]]] = {
    "function": (offset, range(4)),
    "lambda": (lambda number: 2 * number, range(4)),
    "closure": (adding(3), iter(range(4))),
    "partial": (functools.partial(adding(1)), numbers),
    "decorated": (decorated, lambda: [1, 2]),
    "cached": (fibonacci, range(4)),
    "items of a class": (doubled, [Point(1), Point(2)]),
    "a method of theirs": (Point.area, [Point(1), Point(2)]),
    "a callable object": (Point(3), range(4)),
    "members and tuples": (paired, [Colour.RED, Colour.BLUE]),
}

if __name__ == "__main__":
    handed = {}
    for form, (function, items) in FORMS.items():
        folder = Path(sys.argv[1]) / form
        folder.mkdir()
        work = hand_over(function, items, None, folder)
        handed[form] = [work.name, str(folder), *work.path]
    print(json.dumps(handed))
