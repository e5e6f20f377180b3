"""What looks the same for the next: it is kept with its version, and drawn once however many ask for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

MOST = 64  # parts of a page; a panel is 10 kB

Drawn = TypeVar("Drawn")


class Drawings:
    """The newest version of each part that was asked for, of so many as were asked for last."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[object, asyncio.Future[Any]]] = OrderedDict()

    async def drawn(self, name: str, version: object, draw: Callable[[], Awaitable[Drawn]]) -> Drawn:
        """That part in that version, drawn if need be; who asks meanwhile waits for the same."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != version or kept[1].cancelled():
            drawing: asyncio.Future[Any] = asyncio.ensure_future(draw())
            kept = self._kept[name] = (version, drawing)
            drawing.add_done_callback(lambda drawing: self._forget_failed(name, drawing))
        self._kept.move_to_end(name)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        found: Drawn = await asyncio.shield(kept[1])  # who goes away must not take it from the others
        return found

    def _forget_failed(self, name: str, drawing: asyncio.Future[Any]) -> None:
        if (drawing.cancelled() or drawing.exception()) and self._kept.get(name, (None, None))[1] is drawing:
            del self._kept[name]
