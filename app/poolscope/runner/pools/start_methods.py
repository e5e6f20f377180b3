"""The multiprocessing context of a start method, with a fork server that has loaded what its workers need."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from copy import copy
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

from poolscope.runner.pools import worker_side

# Before, the fork server looked for what it was to load on a path of its own (gh-117378): it found nothing of ours, and
# of a user's perhaps another package of the same name, which its workers then had.
SERVER_KNOWS_THE_PATH = sys.version_info >= (3, 13, 1) or (3, 12, 8) <= sys.version_info < (3, 13)


def mp_context(start_method: str, function: Callable[..., Any]) -> Any:
    """The context of a start method, '' being the platform's own, for workers that call `function`."""
    context = multiprocessing.get_context(start_method or None)
    if context.get_start_method() == "forkserver" and SERVER_KNOWS_THE_PATH:
        # A script's own functions are in __main__, which the fork server loads beforehand; ours are in modules.
        context.set_forkserver_preload(["__main__", worker_side.__name__, home_module(function)])
    return context


class StartedProcesses:
    """The processes that a pool has started by a context, in the order of their making.

    Pools keep them to themselves, and `active_children` would collect exit codes that a pool waits for.
    """

    def __init__(self, context: Any) -> None:
        """`context`, which is to be given to the pool, is like this one."""
        self._make = context.Process
        self._made: list[BaseProcess] = []
        self.context = copy(context)
        self.context.Process = self._process

    def _process(self, *given: Any, **named: Any) -> BaseProcess:
        process: BaseProcess = self._make(*given, **named)
        self._made.append(process)
        return process

    def started(self) -> list[BaseProcess]:
        return [process for process in self._made if process.pid is not None]


def replaces_every_worker() -> bool:
    """Whether a ProcessPoolExecutor replaces each worker that has done its `max_tasks_per_child` (gh-115634).

    Which releases do is known by the method that came with the mend.
    """
    return hasattr(ProcessPoolExecutor, "_replace_dead_worker")


def home_module(function: Callable[..., Any]) -> str:
    """The module that a function comes from, through any number of partials."""
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__module__", None) or "__main__")
