"""Workers within this process: ThreadPoolExecutor and InterpreterPoolExecutor, which meet at a pipe."""

from __future__ import annotations

import concurrent.futures
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from time import monotonic
from typing import Any

from poolscope.machine.memory import Memory, of_self, of_this_process
from poolscope.runner.context import RunContext
from poolscope.runner.pools import mp_pool, worker_side
from poolscope.runner.pools.ending import let_end
from poolscope.workloads.work import Work

LOOK_S = 0.05  # between two looks whether a worker failed before it could arrive


class NoDeaths:
    """In the place of a Watch: a thread or an interpreter that dies takes this process with it."""

    phase = "starting"

    def check(self) -> None:
        pass


class Threads:
    """The crew of a ThreadPoolExecutor."""

    def __init__(self, size: int, work: Work) -> None:
        self.size = size
        self.work = work
        self.options: dict[str, int] = {}
        self._threads_before: list[threading.Thread] = []
        self._held_before = 0

    def traced(self) -> Callable[[Any], Any]:
        self._held_before = of_self()
        return mp_pool.traced(self.work.function, worker_side.traced_beside)

    def watched(self, _: RunContext) -> nullcontext[NoDeaths]:
        return nullcontext(NoDeaths())

    def telling(self, _: NoDeaths) -> AbstractContextManager[None]:
        return nullcontext()

    def made(self) -> Executor:
        self._threads_before = threading.enumerate()
        return ThreadPoolExecutor(self.size)

    def wait_until_ready(self, executor: Executor, _: NoDeaths) -> list[worker_side.Answer]:
        seen, arrivals, gate, opened = ends = *os.pipe(), *os.pipe()
        given = (arrivals, gate, self.work.function, self.work.setup)
        asked = [executor.submit(worker_side.answer_beside, *given) for _ in range(self.size)]
        try:
            await_all(seen, asked)
        finally:
            os.write(opened, b"." * self.size)
            # One that is still in its set-up will write to them: rather lost than closed, and their numbers used again.
            if not concurrent.futures.wait(asked, mp_pool.END_LIMIT_S).not_done:
                for end in ends:
                    os.close(end)
        return sorted((future.result() for future in asked), key=lambda answer: answer[1])

    def memory(self, _: tuple[int, ...]) -> Memory:
        return of_this_process(self.size, self._held_before)

    def end(self, executor: Executor) -> None:
        executor.shutdown(wait=False, cancel_futures=True)
        let_end(self._threads_before, mp_pool.END_LIMIT_S)


class Interpreters(Threads):
    """The crew of an InterpreterPoolExecutor, which a Python before 3.14 has not got."""

    @contextmanager
    def telling(self, _: NoDeaths) -> Iterator[None]:
        try:
            yield
        except import_module("concurrent.interpreters").NotShareableError as error:
            # The cause, where there is one, is the traceback of the other interpreter, with causes of its own.
            reason = str(error.__cause__ or error).partition("\n\nThe above exception")[0].splitlines()[-1]
            raise mp_pool.PoolFailed(
                f"Function, items or results can't be handed to an interpreter: {reason}."
            ) from None

    def made(self) -> Executor:
        self._threads_before = threading.enumerate()
        # A new interpreter knows none of the folders that were added to the path, ours and the user's.
        path = f"import sys; sys.path[:] = {[str(folder) for folder in sys.path]!r}"
        made: Executor = concurrent.futures.InterpreterPoolExecutor(  # type: ignore[attr-defined]
            self.size, initializer=exec, initargs=(path,)
        )
        return made


def await_all(seen: int, asked: list[Future[Any]]) -> None:
    """Return when a byte of each worker has arrived, or one has failed before. Raises PoolFailed when time is up."""
    until = monotonic() + mp_pool.START_LIMIT_S
    arrived = 0
    while arrived < len(asked) and not any(future.done() for future in asked):
        if select.select([seen], [], [], LOOK_S)[0]:
            arrived += len(os.read(seen, len(asked)))
        elif monotonic() > until:
            raise mp_pool.PoolFailed(mp_pool.TOO_SLOW.format(size=len(asked), limit=mp_pool.START_LIMIT_S))
