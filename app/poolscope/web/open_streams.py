"""How many streams are open, of all clients and of each: who opens very many refuses himself, not the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar

from poolscope.errors import TooManyStreams, TooManyViewers

T = TypeVar("T")


class OpenStreams:
    """Counts streams while they are read. `most` may be open at once, `of_client` of one client."""

    def __init__(self, most: int, of_client: int) -> None:
        self._most, self._of_client = most, of_client
        self._open: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._open.total()

    def check(self, client: str) -> None:
        """Raises TooManyStreams or TooManyViewers for one more."""
        if self._open[client] >= self._of_client:
            raise TooManyStreams(self._open[client])
        if len(self) >= self._most:
            raise TooManyViewers(len(self))

    async def counted(self, client: str, stream: AsyncGenerator[T, None]) -> AsyncIterator[T]:
        """The same stream, counted until it ends or its reader is gone."""
        self._open[client] += 1
        try:
            async with aclosing(stream):
                async for part in stream:
                    yield part
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]
