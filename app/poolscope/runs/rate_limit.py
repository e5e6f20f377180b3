"""How fast one client may start runs."""

from __future__ import annotations

import time

from poolscope.errors import TooMany

MOST_CLIENTS = 1_000


class Pace:
    """At most so many starts a minute and client, counted over the last minute."""

    def __init__(self, starts_per_minute: int) -> None:
        self._limit = starts_per_minute
        self._starts: dict[str, list[float]] = {}

    def check(self, client: str) -> None:
        """Count a start, unless the client has no name. Raises TooMany."""
        if not client:
            return
        minute_ago = time.monotonic() - 60
        this_minute = [start for start in self._starts.get(client, []) if start > minute_ago]
        if len(this_minute) >= self._limit:
            wait = int(this_minute[0] - minute_ago) + 1
            raise TooMany(f"{len(this_minute)} runs were started from here within a minute, which is the limit.", wait)
        if len(self._starts) > MOST_CLIENTS:  # of long ago; an address each, so the table must not grow for ever
            self._starts = {name: starts for name, starts in self._starts.items() if starts[-1] > minute_ago}
        self._starts[client] = [*this_minute, time.monotonic()]
