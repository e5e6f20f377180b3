"""Loads work that was handed over by pickle: what has no name that a module could be asked for, and lists of items.

`poolscope.measure` writes a folder with two pickles and two small modules, which hold what these functions return. So a
function of a notebook's cell has a module after all, `as_given`, and every worker imports it by that name.
"""

from __future__ import annotations

import functools
import pickle
import platform
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

MODULE = "as_given"
ITEMS_MODULE = "as_given_items"
DEFINITIONS = "definitions.pickle"
ITEMS = "items.pickle"

# What the two modules consist of.
SOURCE = """from poolscope.protocol import given_work

globals().update(given_work.definitions(__file__))
"""
ITEMS_SOURCE = """from poolscope.protocol import given_work


def items():
    return given_work.items(__file__)
"""


class NotLoadable(ImportError):
    """This Python can't load what was sent; the message is a sentence that says why."""


def definitions(module_file: str) -> dict[str, Any]:
    """What the module is to hold, by name.

    Functions and classes that were sent by value then belong to it, so that pickle sends them to workers by name.
    Raises NotLoadable.
    """
    with Path(module_file).with_name(DEFINITIONS).open("rb") as file:
        made_by = pickle.load(file)  # noqa: S301  (the caller's own)
        if made_by is not None and made_by != sys.version_info[:2]:
            raise NotLoadable(
                f"What was defined in a session of Python {made_by[0]}.{made_by[1]} can't be loaded by Python "
                f"{platform.python_version()}. Write it into a file to measure it there."
            )
        try:
            defined, others = pickle.load(file)  # noqa: S301
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != "cloudpickle":
                raise
            raise NotLoadable(
                f"The package cloudpickle, by which the function was sent, is not there for {sys.executable}. Install "
                "it, or write the function into a file."
            ) from None
    for name, thing in defined.items():
        thing.__module__ = MODULE
        thing.__qualname__ = name
    # A method is found by its class.
    return {**{name: thing for name, thing in defined.items() if "." not in name}, **others}


def with_cache(function: Callable[..., Any], parameters: Mapping[str, Any]) -> Any:
    """A function that `functools.lru_cache` had wrapped, with an empty cache."""
    return functools.lru_cache(**parameters)(function)


def items(module_file: str) -> Any:
    """The items, made anew with every call."""
    with Path(module_file).with_name(ITEMS).open("rb") as file:
        return ItemsUnpickler(file).load()


class ItemsUnpickler(pickle.Unpickler):
    """Finds what the function's own pickle has defined there, by name."""

    def persistent_load(self, name: Any) -> Any:
        return attrgetter(name)(import_module(MODULE))
