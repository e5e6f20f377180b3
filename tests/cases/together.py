"""Coroutines that go wrong only where several are under way."""

from __future__ import annotations

import asyncio

items = range(6)
under_way: set[int] = set()


async def raises_beside_another(number: int) -> int:
    under_way.add(number)
    try:
        await asyncio.sleep(0.01)
        if number == 2 and len(under_way) > 1:
            raise RuntimeError("there is another one")
    finally:
        under_way.discard(number)
    return number


async def asks(number: int) -> None:
    while number == 2 and len(under_way) > 1:
        await asyncio.Event().wait()


async def waits_beside_another(number: int) -> int:
    under_way.add(number)
    await asyncio.sleep(0.01)
    await asks(number)
    under_way.discard(number)
    return number
