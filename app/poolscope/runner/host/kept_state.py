"""The data that a user's function finds again at its next call, by itself or through functions of its own: globals,
attributes of classes and functions, and what the function carries with it."""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import zip_longest
from typing import Any

from poolscope.runner.host.equality import digest
from poolscope.runner.host.stacks import is_of_library
from poolscope.workloads.spreading import spread

MOST_VISITED = 200  # functions and classes through which data is looked for


def kept_data(function: Any, *, carried: bool = True) -> dict[str, Any]:
    """The values by name: 'LIMIT', 'settings.LIMIT' of a module of the user's own, 'Reader.found' of a class or of the
    object that a method is bound to, 'parse.seen' of a function, 'seen' of a closure, an argument that is filled in
    beforehand or a default value.

    Without `carried`, only what a process that imports the modules anew would have, too.
    """
    found: dict[str, Any] = {}
    for one in callables_of(function, carried=carried):
        for name, value in named_values(one, carried):
            if is_data(value):
                found.setdefault(name, value)
    return found


def callables_of(function: Any, *, carried: bool = True) -> Iterator[Any]:
    """A function, and the functions and classes that its work may come to, each once."""
    seen: dict[int, Any] = {}  # the objects as well: another one could get the number of one that is gone
    left = [function]
    while left and len(seen) < MOST_VISITED:
        one = left.pop()
        if id(one) in seen:
            continue
        seen[id(one)] = one
        yield one
        for _, value in named_values(one, carried):
            if not is_data(value):
                left.append(value)
            elif is_users(type(value)):
                left.append(type(value))
        with suppress(Exception):  # attributes of a user's object may be code of theirs
            left.extend(parts_of(one))


def named_values(value: Any, carried: bool) -> list[tuple[str, Any]]:
    """What a callable names and, if asked for, carries; nothing of an object whose attributes raise."""
    found: list[tuple[str, Any]] = []
    with suppress(Exception):
        found += held_by(value) if carried else ()
        found += named_by(value)
    return found


def parts_of(value: Any) -> Iterator[Any]:
    """What a callable comes down to, step by step, where it is one of the user's."""
    if isinstance(value, partial):
        yield value.args[0] if value.func is spread else value.func
    elif isinstance(value, types.MethodType):
        yield value.__func__
        yield value.__self__ if isinstance(value.__self__, type) else type(value.__self__)
    elif isinstance(value, type):
        if is_users(value) and not issubclass(value, enum.Enum):
            for entry in vars(value).values():
                method = getattr(entry, "__func__", getattr(entry, "fget", entry))
                if isinstance(method, types.FunctionType) or hasattr(method, "__wrapped__"):
                    yield method
    elif not isinstance(value, types.FunctionType | types.ModuleType) and is_users(type(value)):
        yield type(value)
    if (wrapped := getattr(value, "__wrapped__", None)) is not None and not isinstance(value, type):
        yield wrapped


def named_by(value: Any) -> Iterator[tuple[str, Any]]:
    """What a function's code names, and what a function or a class has as attributes."""
    if isinstance(value, types.FunctionType) and is_users(value):
        yield from globals_of(value)
        yield from ((f"{value.__name__}.{name}", part) for name, part in vars(value).items() if name != "__wrapped__")
    elif isinstance(value, type) and is_users(value) and not issubclass(value, enum.Enum):
        for name, part in vars(value).items():
            if not name.startswith("__") and is_data(part) and not hasattr(type(part), "__get__"):
                yield f"{value.__name__}.{name}", part


def globals_of(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    names = {name for code in nested_code(function.__code__) for name in code.co_names}
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        yield name, value
        if issubclass(type(value), types.ModuleType) and is_users(value):  # a proxy raises where it is asked itself
            yield from ((f"{name}.{key}", vars(value)[key]) for key in sorted(names & vars(value).keys()))


def held_by(value: Any) -> Iterator[tuple[str, Any]]:
    """What a callable carries with it."""
    if isinstance(value, partial):
        function = value.func
        code = getattr(function, "__code__", None)
        yield from zip_longest(code.co_varnames[: len(value.args)] if code else (), value.args, fillvalue="an argument")
        yield from value.keywords.items()
    elif isinstance(value, types.MethodType) and not isinstance(value.__self__, type):
        yield from attributes_of(value.__self__)
    elif isinstance(value, types.FunctionType):
        if is_users(value):
            yield from cells_of(value)
            names = value.__code__.co_varnames[: value.__code__.co_argcount]
            defaults = value.__defaults__ or ()
            yield from zip(names[len(names) - len(defaults) :], defaults, strict=True)
            yield from (value.__kwdefaults__ or {}).items()
    elif not isinstance(value, type | types.ModuleType) and is_users(type(value)):
        yield from attributes_of(value)


def cells_of(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue


def attributes_of(value: Any) -> Iterator[tuple[str, Any]]:
    slots: Iterable[str] = getattr(type(value), "__slots__", ())
    slots = (slots,) if isinstance(slots, str) else slots
    attributes = getattr(value, "__dict__", {}) | {name: getattr(value, name) for name in slots if hasattr(value, name)}
    yield from ((f"{type(value).__name__}.{name}", part) for name, part in attributes.items())


def kept_digests(function: Any, *, carried: bool = True) -> dict[str, str]:
    """The digests of those that have one."""
    digests = {name: digest(value) for name, value in kept_data(function, carried=carried).items()}
    return {name: found.text for name, found in digests.items() if found is not None}


def cache_misses(function: Any) -> dict[str, int]:
    """Of those functions that functools caches, how many results were computed so far."""
    found = {}
    for one in callables_of(function):
        with suppress(Exception):  # most have no cache, and what a proxy raises is its own affair
            found[one.__name__] = int(one.cache_info().misses)
    return found


def random_states(function: Any) -> dict[str, str]:
    """Digests of the states of the random generators that calls may draw from: the modules' own, and kept ones."""
    states: dict[str, Any] = {}
    random, numpy = sys.modules.get("random"), sys.modules.get("numpy.random")
    if random is not None:
        states["random"] = random.getstate()
    if numpy is not None:
        states["numpy.random"] = numpy.get_state()
    for name, value in kept_data(function).items():
        if random is not None and isinstance(value, random.Random):
            states[name] = value.getstate()
        elif numpy is not None and isinstance(value, numpy.Generator | numpy.RandomState):
            states[name] = getattr(value, "bit_generator", value._bit_generator).state
    digests = {name: digest(state) for name, state in states.items()}
    return {name: found.text for name, found in digests.items() if found is not None}


def is_users(value: Any) -> bool:
    """Whether a module, a class or a function may be the user's own: of no installed package, nor of the standard
    library."""
    module = value if isinstance(value, types.ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None:
        return False
    path = getattr(module, "__file__", None) or ""
    top = module.__name__.partition(".")[0]
    standard = top in sys.stdlib_module_names and (not path or is_of_library(path))  # a user's may have such a name
    return not standard and top != "poolscope" and "site-packages" not in path


def is_data(value: Any) -> bool:
    """Whether it is no class, module or function; a proxy without what it stands for can't even be asked."""
    try:
        return not isinstance(value, type | types.ModuleType) and not callable(value)
    except Exception:
        return False


def nested_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of all functions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested_code(constant)
