"""Items of which some take much longer than the others."""

from __future__ import annotations

import itertools
import time

items = list(range(6))


def sleeps(number: int) -> int:
    time.sleep(100 if number in (2, 5) else 0)
    return number


def computes(number: int) -> int:
    while number == 4:
        pass
    return number


def catches(number: int) -> int:
    try:
        time.sleep(100 if number == 1 else 0)
    except Exception:
        return -1
    return number


def stays_in_c(number: int) -> int:
    """No signal is heard before the sum is done."""
    return sum(itertools.repeat(0)) if number == 3 else number


async def awaits(number: int) -> int:
    import asyncio

    await asyncio.sleep(100 if number == 0 else 0)
    return number
