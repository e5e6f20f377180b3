"""The multiprocessing context of a start method, with a fork server that has loaded what its workers need."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from functools import partial
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


def home_module(function: Callable[..., Any]) -> str:
    """The module that a function comes from, through any number of partials."""
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__module__", None) or "__main__")
