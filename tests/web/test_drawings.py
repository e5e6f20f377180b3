"""What is drawn once: however many ask at a time, until something of it changes, and never a failure."""

from __future__ import annotations

import asyncio

import pytest
from poolscope.web.drawings import Drawings


class Brush:
    """Draws numbers, one after the other, and says when it has begun; a number can be kept from drying."""

    def __init__(self) -> None:
        self.drawn = 0
        self.dry = asyncio.Event()
        self.dry.set()

    async def __call__(self) -> int:
        self.drawn += 1
        await self.dry.wait()
        return self.drawn


async def test_the_same_is_drawn_once_for_all_who_ask_and_again_when_it_changes() -> None:
    drawings, brush = Drawings(), Brush()
    brush.dry.clear()
    asked = [asyncio.create_task(drawings.drawn("panel", 1, brush)) for _ in range(3)]
    await asyncio.sleep(0)
    asked[0].cancel()  # the first of them goes away
    brush.dry.set()
    assert await asyncio.gather(*asked[1:]) == [1, 1]
    assert await drawings.drawn("panel", 1, brush) == 1
    assert await drawings.drawn("panel", 2, brush) == 2
    assert await drawings.drawn("other", 2, brush) == 3


async def test_a_failure_is_told_to_who_asked_and_tried_again() -> None:
    async def fail() -> int:
        raise OSError("no paint")

    drawings = Drawings()
    with pytest.raises(OSError, match="no paint"):
        await drawings.drawn("panel", 1, fail)
    await asyncio.sleep(0)
    assert await drawings.drawn("panel", 1, Brush()) == 1


async def test_what_was_not_asked_for_longest_is_let_go() -> None:
    drawings, brush = Drawings(most=2), Brush()
    for name in ("one", "two", "one", "three"):
        await drawings.drawn(name, 1, brush)
    assert await drawings.drawn("one", 1, brush) == 1
    assert await drawings.drawn("two", 1, brush) == 4
