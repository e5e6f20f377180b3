"""How many runs one client may start in a minute."""

from __future__ import annotations

import time

from poolscope.errors import TooManyStarts

WINDOW_S = 60
MOST_CLIENTS = 1_000


class RateLimiter:
    """At most `starts_per_minute` starts by each client, counted over a moving window.

    Not `limits`: its memory storage keeps each client's key for ever, and goes by the wall clock.
    """

    def __init__(self, starts_per_minute: int) -> None:
        self._limit = starts_per_minute
        self._starts: dict[str, list[float]] = {}

    def count(self, client: str) -> None:
        """Count a start; a client without a name, on the command line, is not limited. Raises TooManyStarts."""
        if not client:
            return
        now = time.monotonic()
        recent = [start for start in self._starts.get(client, []) if start > now - WINDOW_S]
        if len(recent) >= self._limit:
            raise TooManyStarts(len(recent), int(recent[0] - (now - WINDOW_S)) + 1)
        if len(self._starts) > MOST_CLIENTS:  # one entry an address, so that the table must not grow for ever
            self._starts = {name: starts for name, starts in self._starts.items() if starts[-1] > now - WINDOW_S}
        self._starts[client] = [*recent, now]
