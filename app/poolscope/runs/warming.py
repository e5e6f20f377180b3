"""Does once, in a thread of its own, what takes a second and somebody will wait for; the program's end does not wait.

Not `asyncio.to_thread`, whose threads Python joins at its end: on a busy machine that second takes a quarter of a
minute, and a server that is asked to end while it starts would be killed instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future


class Warming:
    """`work`, done when it is first wanted."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._outcome: Future[None] = Future()
        self._outcome.set_running_or_notify_cancel()  # no waiter can cancel it
        self._thread = threading.Thread(target=self._do, name="warming", daemon=True)

    def start(self) -> None:
        """Begin, if that has not been done. To be called from one thread.

        Where no thread is to be had just now, the next call tries again.
        """
        if self._thread.ident is None and not self._outcome.done():
            with contextlib.suppress(RuntimeError):
                self._thread.start()

    async def finish(self) -> None:
        """Wait until it is done. Raises what `work` has raised."""
        self.start()
        if self._thread.ident is None and not self._outcome.done():
            self._do()  # here, for want of a thread
        await asyncio.wrap_future(self._outcome)

    def _do(self) -> None:
        try:
            self._work()
        except Exception as error:  # whatever it is, those who wait are to see it
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(None)
