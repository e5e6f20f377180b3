"""Functions of several arguments, and items in every form in which people hold them."""

from __future__ import annotations

from collections import UserDict, namedtuple
from collections.abc import Collection

Box = namedtuple("Box", "width height")

pairs = [(n, n + 1) for n in range(6)]
lists = [[n, n + 1] for n in range(6)]
boxes = [Box(n, n + 1) for n in range(6)]
ragged = [(n,) if n % 2 else (n, n + 1) for n in range(6)]
named = [{"width": n, "height": n + 1} for n in range(6)]
wrapped = [UserDict(one) for one in named]
mixed = [*pairs[:3], *named[3:]]
numbers = [1, 2, 3]
words = ["ab", "cd"]


def area(width: int, height: int = 1) -> int:
    return width * height


async def area_later(width: int, height: int = 1) -> int:
    return width * height


def size_of(box: Collection[object]) -> int:
    return len(box)


def both(width: int, height: int) -> int:
    return area(width, height)


class Tiler:
    def __call__(self, width: int, height: int) -> int:
        return width * height


tile = Tiler()
