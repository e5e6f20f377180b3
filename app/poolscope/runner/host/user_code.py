"""Loads a user's function, items and set-up by name, `place:function@items[+setup]`, and says clearly where it can't.

Nothing of ours is imported there; `user_modules` says where the modules come from.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from poolscope.machine import memory
from poolscope.protocol.arguments import BenchmarkWork
from poolscope.protocol.frozen import frozen
from poolscope.protocol.given_work import ITEMS_MODULE, MODULE
from poolscope.protocol.kinds import Calling
from poolscope.protocol.payloads import ImportedPlace, ItemsMade
from poolscope.protocol.work_names import WorkNames, path_of
from poolscope.runner.host.errors import WorkUnusable
from poolscope.runner.host.pickling import error_in_words, short
from poolscope.runner.host.raised_by_work import RAISED_BY_WORK
from poolscope.runner.host.user_modules import UserModules, name_meant

MOST_ITEMS = 100_000  # an endless generator is cut here …
MOST_OF_FREE = 0.5  # … or where its items fill so much of the free memory, which is looked at every
LOOK_EVERY_S = 0.1


@frozen
class UserCode:
    """What was loaded. `cut`: there are more items than were taken. `is_async`: a call gives a coroutine.

    `imports`, `found_in` and `made` are as in `TrialReport`.
    """

    function: Callable[..., Any]
    items: list[Any]
    setup: Callable[[], Any] | None
    cut: bool
    is_async: bool
    imports: tuple[ImportedPlace, ...]
    found_in: str | None
    calling: Calling
    import_s: float
    made: ItemsMade


def load(asked: BenchmarkWork, scratch: Path, announce: Callable[[str], None]) -> UserCode:
    """Import the function and make its items (`asked.items` of 0: all, up to a limit).

    `scratch` is a folder for what has to be imported by another name than its own; `announce` hears beforehand what may
    take long. Raises WorkUnusable.
    """
    try:
        names = WorkNames.of(asked.name)
    except ValueError as error:
        raise WorkUnusable(str(error)) from None
    modules = UserModules(asked.folder, asked.path, scratch)
    modules.locate(names.places)
    announce(f"importing {path_of(names.function[0])}")
    began = perf_counter()
    function = callable_at(names.function, modules)
    setup = callable_at(names.setup, modules) if names.setup else None
    import_s = perf_counter() - began
    source = in_words(names.items)
    announce(f"making the items {source}")
    items, cut, made = listed(found_at(names.items, modules), source, asked.items)
    calling = calling_of(items, source) if asked.star else "item"
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
    imports = modules.imports(names.places)
    return UserCode(function, items, setup, cut, is_async, imports, modules.found_in, calling, import_s, made)


def in_words(place: tuple[str, str]) -> str:
    """A place and a name as their user writes them; the module that stands for what was given as it is has no name."""
    return place[1] if place[0] in (MODULE, ITEMS_MODULE) else f"{path_of(place[0])}:{place[1]}"


def callable_at(place: tuple[str, str], modules: UserModules) -> Callable[..., Any]:
    found: Callable[..., Any] = found_at(place, modules)
    if not callable(found):
        raise WorkUnusable(f"{in_words(place)} is {short(found)} ({type(found).__qualname__}), which can't be called.")
    return found


def found_at(place: tuple[str, str], modules: UserModules) -> Any:
    where, path = place
    module: Any = modules.imported(where)
    found = module
    for step in path.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            near = name_meant(step, dir(found))
            meant = f"; is {near} meant?" if near else "."
            file = getattr(module, "__file__", None) or "a package without a file"
            raise WorkUnusable(f"{module.__name__} ({file}) has no {path}{meant}") from None
    return found


def listed(source: Any, name: str, count: int) -> tuple[list[Any], bool, ItemsMade]:
    """The items as a list, whether there would be more, and what making them took."""
    lazy = not isinstance(source, list | tuple | Set | Mapping)
    free, before = memory.available(), memory.of_self()
    began = perf_counter()
    if callable(source):
        with explained(f"Making the items by {name}() failed"):
            source = source()
    try:
        left = iter(source)
    except TypeError:
        kind = type(source).__qualname__
        raise WorkUnusable(f"The items {name} are {short(source)} ({kind}), which can't be gone through.") from None
    most = min(count, MOST_ITEMS) if count else MOST_ITEMS
    items, full, look_at = [], False, began + LOOK_EVERY_S
    try:
        for item in islice(left, most + 1):
            items.append(item)
            if perf_counter() > look_at:
                full = free is not None and memory.of_self() - before > MOST_OF_FREE * free
                look_at = perf_counter() + LOOK_EVERY_S
            if full:
                break
    except RAISED_BY_WORK as error:
        raise unusable(f"Item {len(items)} of {name} could not be made", error) from None
    seconds = perf_counter() - began
    if not items:
        raise WorkUnusable(f"{name} gives no items, so there is nothing to do.")
    made = ItemsMade(lazy, seconds, max(0, memory.of_self() - before), full)
    return items[:most], full or len(items) > most, made


def calling_of(items: Sequence[Any], name: str) -> Calling:
    """How the function is called with the entries of all items. Raises WorkUnusable for an item that has none."""
    mappings, lengths = 0, set()
    for number, item in enumerate(items):
        if isinstance(item, str | bytes | Set) or not isinstance(item, Collection):
            raise WorkUnusable(
                f"Item {number} of {name} is {short(item)} ({type(item).__qualname__}); to be spread, each must be a "
                "sequence of arguments or a mapping of keywords. Leave --star out where the function takes the item."
            )
        if isinstance(item, Mapping):
            mappings += 1
        else:
            lengths.add(len(item))
    if mappings:
        return "mixed" if lengths else "keywords"
    return "ragged" if len(lengths) > 1 else "positional"


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what a user's code raises into a sentence."""
    try:
        yield
    except WorkUnusable:
        raise
    except RAISED_BY_WORK as error:
        raise unusable(what, error) from None


def unusable(what: str, error: BaseException) -> WorkUnusable:
    """What a user's code raised, as a sentence; the whole traceback goes to stderr, which the run captures."""
    traceback.print_exception(error)
    return WorkUnusable(f"{what}: {error_in_words(error)}.", code=None)
