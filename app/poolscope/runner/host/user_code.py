"""Loads a user's function, items and set-up by name, `module:function@items[+setup]`, and says clearly where it can't.

Nothing of ours is imported there. The folder goes first on the path, as Python does for a script in it; workers and
interpreters get the same path.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import platform
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from poolscope.runner.host import namesakes
from poolscope.runner.host.pickling import plain, short

MOST_ITEMS = 100_000  # an endless generator is cut here


class Unusable(Exception):
    """The user's function or what belongs to it can't be used; the message is a sentence that says what to mend."""


@dataclass(frozen=True, slots=True)
class Names:
    """The parts of `module:function@items[+setup]`, each as (module, name); items and set-up in the function's module
    unless they name another."""

    function: tuple[str, str]
    items: tuple[str, str]
    setup: tuple[str, str] | None

    @classmethod
    def of(cls, text: str) -> Names:
        module, colon, rest = text.partition(":")
        function, at, rest = rest.partition("@")
        items, _, setup = rest.partition("+")
        if not (module and colon and function and at and items):
            raise Unusable(f"{text} is not of the form module:function@items or module:function@items+setup.")

        def placed(name: str) -> tuple[str, str]:
            where, colon, what = name.rpartition(":")
            return (where, what) if colon else (module, name)

        return cls((module, function), placed(items), placed(setup) if setup else None)


@dataclass(frozen=True, slots=True)
class Users:
    """What was loaded. `cut`: there are more items than were taken. `is_async`: a call gives a coroutine."""

    function: Callable[[Any], Any]
    items: list[Any]
    setup: Callable[[], Any] | None
    cut: bool
    is_async: bool


def load(text: str, folder: str | None, count: int, tell: Callable[[str], None]) -> Users:
    """Import the function, make `count` items (0: all, up to a limit). `tell` hears beforehand what may take long.

    Raises Unusable.
    """
    names = Names.of(text)
    if folder is not None:
        for module in {names.function[0], names.items[0]}:
            if sentence := namesakes.hidden(folder, module):
                raise Unusable(sentence)
        if folder not in sys.path:
            sys.path.insert(0, folder)
    tell(f"importing {names.function[0]}")
    function = callable_at(names.function, folder)
    setup = callable_at(names.setup, folder) if names.setup else None
    source = ":".join(names.items)
    tell(f"making the items {source}")
    items, cut = listed(found_at(names.items, folder), source, count)
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
    return Users(function, items, setup, cut, is_async)


def callable_at(place: tuple[str, str], folder: str | None) -> Callable[..., Any]:
    found: Callable[..., Any] = found_at(place, folder)
    if not callable(found):
        raise Unusable(f"{':'.join(place)} is {short(found)} ({type(found).__qualname__}), which can't be called.")
    return found


def found_at(place: tuple[str, str], folder: str | None) -> Any:
    name, path = place
    found: Any = imported(name, folder)
    for step in path.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            near = difflib.get_close_matches(step, dir(found), 1, cutoff=0.75)
            meant = f"; is {near[0]} meant?" if near else "."
            raise Unusable(f"{name} ({getattr(sys.modules[name], '__file__', '')}) has no {path}{meant}") from None
    return found


def imported(name: str, folder: str | None) -> Any:
    with explained(f"Importing {name} failed"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name is None or not f"{name}.".startswith(f"{missing.name}."):
                raise  # it was found, and one of its own imports was not
            where = f"in the folder {folder} or " if folder else ""
            python = f"Python {platform.python_version()} ({sys.executable})"
            raise Unusable(f"There is no module {missing.name} {where}among the packages of {python}.") from None


def listed(source: Any, name: str, count: int) -> tuple[list[Any], bool]:
    """The items as a list, and whether there would be more."""
    if callable(source):
        with explained(f"Making the items by {name}() failed"):
            source = source()
    try:
        left = iter(source)
    except TypeError:
        kind = type(source).__qualname__
        raise Unusable(f"The items {name} are {short(source)} ({kind}), which can't be gone through.") from None
    most = min(count, MOST_ITEMS) if count else MOST_ITEMS
    items: list[Any] = []
    while len(items) <= most:
        with explained(f"Item {len(items)} of {name} could not be made"):
            more = list(islice(left, 1))
        if not more:
            break
        items += more
    if not items:
        raise Unusable(f"{name} gives no items, so there is nothing to do.")
    return items[:most], len(items) > most


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what a user's code raises into a sentence; the whole traceback goes to stderr, which the run captures."""
    try:
        yield
    except Unusable:
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        raise Unusable(f"{what}: {plain(error)}.") from None
