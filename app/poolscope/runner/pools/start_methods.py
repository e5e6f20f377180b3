"""The multiprocessing context of a start method, with a fork server that has loaded what its workers need."""

from __future__ import annotations

import inspect
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import process
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


# What the worker's functions of a Pool and of an executor call the number of tasks after which it ends.
LIMITS = ("maxtasks", "max_tasks")


class StartedProcesses:
    """The processes that a pool has started by a context, in the order of their making.

    Pools keep them to themselves, and `active_children` would collect exit codes that a pool waits for.
    """

    def __init__(self, context: Any, answering: int = 0) -> None:
        """`context`, which is to be given to the pool, is like this one.

        The first `answering` workers have a task more before they are replaced: the answer by which they are known.
        """
        self._make = context.Process
        self._answering = answering
        self._made: list[BaseProcess] = []
        self.context = copy(context)
        self.context.Process = self._process

    def _process(self, *given: Any, **named: Any) -> BaseProcess:
        if len(self._made) < self._answering and "target" in named:
            named["args"] = with_a_task_more(named["target"], named.get("args", ()))
        made: BaseProcess = self._make(*given, **named)
        self._made.append(made)
        return made

    def started(self) -> list[BaseProcess]:
        return [made for made in self._made if made.pid is not None]


def with_a_task_more(worker: Callable[..., Any], args: Sequence[Any]) -> tuple[Any, ...]:
    """A pool's arguments for its worker's function, with a limit of tasks that is one higher."""
    given = inspect.signature(worker).bind(*args)
    for name in LIMITS:
        if isinstance(given.arguments.get(name), int):
            given.arguments[name] += 1
    return given.args


def replaces_every_worker() -> bool:
    """Whether a ProcessPoolExecutor replaces each worker that has done its `max_tasks_per_child` (gh-115634).

    Releases of 3.13 to 3.15 are told apart by the method that came with the mend: of its manager's thread, or wherever.
    """
    mended = any(hasattr(found, "_replace_dead_worker") for found in vars(process).values())
    return mended or sys.version_info >= (3, 16)


def home_module(function: Callable[..., Any]) -> str:
    """The module that a function comes from, through any number of partials."""
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__module__", None) or "__main__")
