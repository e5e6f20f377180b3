"""Wakes all who wait for something newer than what they have; one event for any number of them."""

from __future__ import annotations

import asyncio


class ChangeNotifier:
    """A version number that rises, and a way to wait for it. A slow waiter skips versions and never piles them up."""

    def __init__(self, parent: ChangeNotifier | None = None) -> None:
        self.version = 0
        self._event = asyncio.Event()
        self._parent = parent

    def notify(self) -> None:
        """There is something newer; a parent's version rises with it."""
        self.version += 1
        self._event.set()
        self._event = asyncio.Event()
        if self._parent is not None:
            self._parent.notify()

    async def newer_than(self, version: int) -> int:
        """Wait until the version exceeds `version`; returns the one that is current then."""
        while self.version <= version:
            await self._event.wait()
        return self.version
