"""Workers within this process: ThreadPoolExecutor and InterpreterPoolExecutor, which meet at a pipe."""

from __future__ import annotations

import concurrent.futures
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module

from poolscope.runner.pools.executors import ExecutorPool
from poolscope.runner.pools.handshake import PoolFailed, meet_at_pipe
from poolscope.runner.pools.measurement import Unmonitored
from poolscope.runner.pools.worker_side import FirstSign


class ThreadPool(ExecutorPool):
    """A ThreadPoolExecutor."""

    def open(self) -> None:
        self.executor = ThreadPoolExecutor(self.size)

    def wait_until_ready(self, monitor: Unmonitored) -> list[FirstSign]:
        return meet_at_pipe(self.executor, self.size, self.work.call, self.work.setup)


class InterpreterPool(ThreadPool):
    """An InterpreterPoolExecutor, which came with Python 3.14."""

    def open(self) -> None:
        # A new interpreter knows none of the folders that were added to the path, ours and the user's.
        path = f"import sys; sys.path[:] = {[str(folder) for folder in sys.path]!r}"
        self.executor = concurrent.futures.InterpreterPoolExecutor(  # type: ignore[attr-defined]
            self.size, initializer=exec, initargs=(path,)
        )

    @contextmanager
    def explaining(self, monitor: Unmonitored) -> Iterator[None]:
        try:
            yield
        except import_module("concurrent.interpreters").NotShareableError as error:
            # The cause, where there is one, is the traceback of the other interpreter, with causes of its own.
            reason = str(error.__cause__ or error).partition("\n\nThe above exception")[0].splitlines()[-1]
            raise PoolFailed(f"Function, items or results can't be handed to an interpreter: {reason}.") from None
