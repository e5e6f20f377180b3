"""Answers that take the server long to make: one at a time, away from the event loop, and refused where many wait.

A client may wait for one while another of his is made, so that nobody fills the line alone. The newest are kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import TypeVar

from poolscope.errors import TooBusy

MOST_WAITING = 16
MOST_OF_CLIENT = 2
KEPT, KEPT_BYTES = 8, 4 * 1024 * 1024  # answers, and the size of one beyond which it is made again

Made = TypeVar("Made")


class CostlyAnswers:
    """Makes them in a thread, so that everything else is answered meanwhile.

    Not several side by side: threads would share one interpreter lock, and each would take as much longer.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: Counter[str] = Counter()
        self._kept: OrderedDict[tuple[str, ...], bytes] = OrderedDict()

    async def make(self, client: str, work: Callable[[], Made]) -> Made:
        """What `work` returns. Raises TooBusy where too many are being waited for, by this client or by all."""
        if self._waiting[client] >= MOST_OF_CLIENT:
            raise TooBusy(self._waiting[client])
        if self._waiting.total() >= MOST_WAITING:
            raise TooBusy(self._waiting.total())
        self._waiting[client] += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]

    async def body(self, client: str, key: tuple[str, ...], work: Callable[[], bytes]) -> bytes:
        """The same for the bytes of an answer that stays what it is; `key` names it. One of the newest is not made."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        body = await self.make(client, work)
        if len(body) <= KEPT_BYTES:
            self._kept[key] = body
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return body
