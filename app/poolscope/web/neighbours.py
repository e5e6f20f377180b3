"""How busy other programs keep this machine, for a warning before somebody measures."""

from __future__ import annotations

import time

from poolscope.machine.noise import host_busy_s

LISTENED_S = 2.0  # it is read over so long at least


class Neighbours:
    """What other programs use of this machine's CPUs, read from one look to the next while nothing of ours runs."""

    def __init__(self) -> None:
        self._since, self._busy_s = time.monotonic(), host_busy_s()
        self._cpus: float | None = None

    def cpus(self, *, quiet: bool) -> float | None:
        """So many CPUs, None where that is not known; `quiet` says that no run of ours is live."""
        now, busy_s = time.monotonic(), host_busy_s()
        if not quiet or busy_s is None or self._busy_s is None:
            self._cpus = None
        elif now - self._since < LISTENED_S:
            return self._cpus
        else:
            self._cpus = (busy_s - self._busy_s) / (now - self._since)
        self._since, self._busy_s = now, busy_s
        return self._cpus
