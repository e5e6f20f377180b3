"""A run's records in order, as lines, for those who read along, and the notifier that wakes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence


class ChangeNotifier:
    """A version number that rises, and a way to wait for it, for any number of waiters.

    A slow waiter skips versions; nothing piles up for it. With every change the version of `parent` rises too.
    """

    def __init__(self, parent: ChangeNotifier | None = None) -> None:
        self.version = 0
        self._event = asyncio.Event()
        self._parent = parent

    def notify(self) -> None:
        """Raise the version and wake all waiters."""
        self.version += 1
        # A new event for the next change: one that is cleared at once might not be seen by a waiter that runs later.
        self._event.set()
        self._event = asyncio.Event()
        if self._parent is not None:
            self._parent.notify()

    async def newer_than(self, version: int) -> int:
        """Wait until the version exceeds `version`; returns the one that is current then."""
        while self.version <= version:
            await self._event.wait()
        return self.version


class RecordLog:
    """Append-only while the run is live, then closed. Sequence numbers begin at 1; readers start anywhere, and miss and
    repeat nothing."""

    def __init__(self, lines: Sequence[bytes] = (), *, closed: bool = False) -> None:
        self.lines = list(lines)
        self.closed = closed
        self._notifier = ChangeNotifier()

    def append(self, lines: Sequence[bytes]) -> None:
        self.lines.extend(lines)
        self._notifier.notify()

    def close(self) -> None:
        """No more lines will come; readers end once they have all."""
        self.closed = True
        self._notifier.notify()

    async def after(self, sequence: int) -> AsyncIterator[tuple[int, list[bytes]]]:
        """Yield (sequence number of the first line, lines) in batches, from the one after `sequence` to the end."""
        while True:
            version = self._notifier.version
            batch = self.lines[sequence : sequence + 500]
            if batch:
                yield sequence + 1, batch
                sequence += len(batch)
            elif self.closed:
                return
            else:
                await self._notifier.newer_than(version)
