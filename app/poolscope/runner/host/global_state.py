"""The data among the globals that a user's function reads, by itself or through functions of its own."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from functools import partial
from typing import Any

from poolscope.runner.host.equality import digest
from poolscope.workloads.spreading import spread

MOST_FUNCTIONS = 200  # through which globals are looked for


def global_data(function: Any) -> dict[str, Any]:
    """The values by name: 'LIMIT', and 'settings.LIMIT' for that of a module of the user's own."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    left = [function]
    while left and len(seen) < MOST_FUNCTIONS:
        one = python_function(left.pop())
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        names = {name for code in nested_code(one.__code__) for name in code.co_names}
        for name in sorted(names & one.__globals__.keys()):
            value = one.__globals__[name]
            inner = vars(value) if isinstance(value, types.ModuleType) and is_users(value) else {}
            for place, part in [
                (name, value),
                *((f"{name}.{key}", inner[key]) for key in sorted(names & inner.keys())),
            ]:
                if is_data(part):
                    found[place] = part
                else:
                    left.append(part)
    return found


def global_digests_of(function: Any) -> dict[str, str]:
    """The digests of those that have one."""
    digests = {name: digest(value) for name, value in global_data(function).items()}
    return {name: found.text for name, found in digests.items() if found is not None}


def random_states(function: Any) -> dict[str, str]:
    """Digests of the states of the random generators that calls may draw from: the modules' own, and globals."""
    states: dict[str, Any] = {}
    random, numpy = sys.modules.get("random"), sys.modules.get("numpy.random")
    if random is not None:
        states["random"] = random.getstate()
    if numpy is not None:
        states["numpy.random"] = numpy.get_state()
    for name, value in global_data(function).items():
        if random is not None and isinstance(value, random.Random):
            states[name] = value.getstate()
        elif numpy is not None and isinstance(value, numpy.Generator | numpy.RandomState):
            states[name] = getattr(value, "bit_generator", value._bit_generator).state
    digests = {name: digest(state) for name, state in states.items()}
    return {name: found.text for name, found in digests.items() if found is not None}


def python_function(value: Any) -> types.FunctionType | None:
    """The function in Python that a callable comes down to, if it is one of the user's."""
    while isinstance(value, partial):
        value = value.args[0] if value.func is spread else value.func
    value = getattr(value, "__wrapped__", value)
    value = getattr(value, "__func__", value)
    if not isinstance(value, types.FunctionType | type):
        value = getattr(type(value).__call__, "__func__", type(value).__call__) if callable(value) else None
    if not isinstance(value, types.FunctionType):
        return None
    module = sys.modules.get(value.__module__ or "")
    return value if module is not None and is_users(module) else None


def is_users(module: types.ModuleType) -> bool:
    """Whether a module may be the user's own: of no installed package, nor of the standard library."""
    path = getattr(module, "__file__", None) or ""
    top = module.__name__.partition(".")[0]
    return top not in sys.stdlib_module_names and top != "poolscope" and "site-packages" not in path


def is_data(value: Any) -> bool:
    return not isinstance(value, type | types.ModuleType) and not callable(value)


def nested_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of all functions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested_code(constant)
