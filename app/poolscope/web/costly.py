"""Answers that take the server long to make: one at a time, away from the event loop, and refused where many wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from poolscope.errors import TooBusy

MOST_WAITING = 16

Made = TypeVar("Made")


class CostlyAnswers:
    """Makes them in a thread, so that everything else is answered meanwhile.

    Not several side by side: threads would share one interpreter lock, and each would take as much longer.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def make(self, work: Callable[[], Made]) -> Made:
        """What `work` returns. Raises TooBusy where too many are being waited for."""
        if self._waiting >= MOST_WAITING:
            raise TooBusy(self._waiting)
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
