"""Coroutines that go wrong only where several are under way."""

from __future__ import annotations

import asyncio

items = range(6)
under_way: set[int] = set()


async def meets_another(number: int) -> bool:
    """Whether item 2 finds another under way, for a while: the others may be between two of theirs."""
    for _ in range(20 if number == 2 else 1):
        await asyncio.sleep(0.01)
        if number == 2 and len(under_way) > 1:
            return True
    return False


async def raises_beside_another(number: int) -> int:
    under_way.add(number)
    try:
        if await meets_another(number):
            raise RuntimeError("there is another one")
    finally:
        under_way.discard(number)
    return number


async def asks(number: int) -> None:
    if await meets_another(number):
        await asyncio.Event().wait()


async def waits_beside_another(number: int) -> int:
    under_way.add(number)
    await asks(number)
    under_way.discard(number)
    return number
