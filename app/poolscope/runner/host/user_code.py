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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from poolscope.runner.host.errors import WorkUnusable
from poolscope.runner.host.pickling import error_in_words, short

PACKAGE = Path(__file__).resolve().parents[2]
MOST_ITEMS = 100_000  # an endless generator is cut here


@dataclass(frozen=True, slots=True)
class WorkNames:
    """The parts of `module:function@items[+setup]`, each as (module, name); items and set-up in the function's module
    unless they name another."""

    function: tuple[str, str]
    items: tuple[str, str]
    setup: tuple[str, str] | None

    @classmethod
    def of(cls, text: str) -> WorkNames:
        module, colon, rest = text.partition(":")
        function, at, rest = rest.partition("@")
        items, _, setup = rest.partition("+")
        if not (module and colon and function and at and items):
            raise WorkUnusable(f"{text} is not of the form module:function@items or module:function@items+setup.")

        def placed(name: str) -> tuple[str, str]:
            where, colon, what = name.rpartition(":")
            return (where, what) if colon else (module, name)

        return cls((module, function), placed(items), placed(setup) if setup else None)


@dataclass(frozen=True, slots=True)
class UserCode:
    """What was loaded. `cut`: there are more items than were taken. `is_async`: a call gives a coroutine."""

    function: Callable[[Any], Any]
    items: list[Any]
    setup: Callable[[], Any] | None
    cut: bool
    is_async: bool


def load(
    text: str, folder: str | None, count: int, announce: Callable[[str], None], path: Sequence[str] = ()
) -> UserCode:
    """Import the function, make `count` items (0: all, up to a limit). `announce` hears beforehand what may take long.

    It is imported from `folder`, or where there is a `path` from its folders. Raises WorkUnusable.
    """
    names = WorkNames.of(text)
    if path:
        folder = None
        sys.path[1:] = [*path, *(entry for entry in sys.path[1:] if entry not in path)]
    if folder is not None:
        for module in {names.function[0], names.items[0]}:
            check_name(folder, module)
        if folder not in sys.path:
            sys.path.insert(1, folder)  # behind the folder that holds our package alone, before all that Python has
    announce(f"importing {names.function[0]}")
    function = callable_at(names.function, folder)
    setup = callable_at(names.setup, folder) if names.setup else None
    source = ":".join(names.items)
    announce(f"making the items {source}")
    items, cut = listed(found_at(names.items, folder), source, count)
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
    return UserCode(function, items, setup, cut, is_async)


def check_name(folder: str, module: str) -> None:
    """Raise WorkUnusable where a module can't be had by its name, or would stand before one that pools need."""
    top = module.partition(".")[0]
    if top == "__main__":
        raise WorkUnusable("__main__ is the program itself; name the module as another one would import it.")
    path = Path(folder) / top
    if not path.is_dir() and not path.with_suffix(".py").exists():
        return
    if top in sys.stdlib_module_names:
        raise WorkUnusable(
            f"{module} in {folder} has the name of a module of the standard library, which pools themselves need. "
            "Rename it to measure it."
        )
    if top == PACKAGE.name and not (path.is_dir() and path.samefile(PACKAGE)):
        raise WorkUnusable(f"{module} in {folder} has the name of the program that measures. Rename it to measure it.")


def callable_at(place: tuple[str, str], folder: str | None) -> Callable[..., Any]:
    found: Callable[..., Any] = found_at(place, folder)
    if not callable(found):
        raise WorkUnusable(f"{':'.join(place)} is {short(found)} ({type(found).__qualname__}), which can't be called.")
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
            raise WorkUnusable(f"{name} ({getattr(sys.modules[name], '__file__', '')}) has no {path}{meant}") from None
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
            raise WorkUnusable(f"There is no module {missing.name} {where}among the packages of {python}.") from None


def listed(source: Any, name: str, count: int) -> tuple[list[Any], bool]:
    """The items as a list, and whether there would be more."""
    if callable(source):
        with explained(f"Making the items by {name}() failed"):
            source = source()
    try:
        left = iter(source)
    except TypeError:
        kind = type(source).__qualname__
        raise WorkUnusable(f"The items {name} are {short(source)} ({kind}), which can't be gone through.") from None
    most = min(count, MOST_ITEMS) if count else MOST_ITEMS
    items: list[Any] = []
    while len(items) <= most:
        with explained(f"Item {len(items)} of {name} could not be made"):
            more = list(islice(left, 1))
        if not more:
            break
        items += more
    if not items:
        raise WorkUnusable(f"{name} gives no items, so there is nothing to do.")
    return items[:most], len(items) > most


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what a user's code raises into a sentence; the whole traceback goes to stderr, which the run captures."""
    try:
        yield
    except WorkUnusable:
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        raise WorkUnusable(f"{what}: {error_in_words(error)}.", code=None) from None
