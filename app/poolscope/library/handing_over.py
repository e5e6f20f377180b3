"""Hands a function and its items over to the process that measures: by name where it can import them, else by pickle.

What another process can't import, such as a function of a notebook's cell, a lambda or a closure, is sent by value, by
cloudpickle. Everything is written into a folder that comes first on that process's path; `protocol.given_work` is
the other end.
"""

from __future__ import annotations

import functools
import importlib
import io
import pickle
import re
import site
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.parameters import quoted
from poolscope.experiments.pool_benchmark.params import MOST_ITEMS
from poolscope.protocol import given_work
from poolscope.protocol.work_names import NAME, quoted_path

DEFINED = (FunctionType, type, functools._lru_cache_wrapper)
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that was made at run time


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A work by its name, module:function@items+setup, with the path to import it from, behind the folder.

    `by_value` says that the function was sent as it is, though a process pool of the caller's own would not find it.
    """

    name: str
    path: tuple[str, ...]
    by_value: bool


def hand_over(
    function: Callable[..., Any],
    items: Iterable[Any] | Callable[[], Iterable[Any]],
    setup: Callable[[], Any] | None,
    folder: Path,
) -> HandedOver:
    """Write what has no name into `folder`. Raises BadParameters for what can't be called, gone through or sent."""
    values: list[Any] | None = None
    wanted: dict[str, Any] = {"function": function, "setup": setup}
    if isinstance(items, Iterable):
        values = list(islice(items, MOST_ITEMS + 1))  # one more than is taken: the run then says that it took fewer
    else:
        wanted["items"] = items
    check(wanted, values)
    try:
        names, left, named = place(wanted, values, folder, by_value=cloudpickle() is not None)
    except BadParameters:
        # What a script holds may be such that it can only be made again, as a lock is: by importing its file.
        if cloudpickle() is None or all(name_of(value, in_main=True) is None for value in wanted.values()):
            raise
        names, left, named = place(wanted, values, folder, by_value=False)
    names |= {part: f"{given_work.MODULE}:{name}" for part, name in named.items()}
    if values is not None:
        names["items"] = f"{given_work.ITEMS_MODULE}:items"
    setup_name = f"+{names['setup']}" if "setup" in names else ""
    lost = (
        isinstance(function, DEFINED) and "function" in left and not (stands_under_its_name(function) and in_script())
    )
    return HandedOver(f"{names['function']}@{names['items']}{setup_name}", tuple(own_path()), lost)


def place(
    wanted: Mapping[str, Any], values: list[Any] | None, folder: Path, *, by_value: bool
) -> tuple[dict[str, str], dict[str, Any], dict[str, str]]:
    """The names of the parts that have one, the others, and the names that these got in `given_work.MODULE`.

    Without `by_value` a script's own definitions are taken from its file. Raises BadParameters.
    """
    names = {part: name for part, value in wanted.items() if (name := name_of(value, in_main=not by_value))}
    left = {part: value for part, value in wanted.items() if value is not None and part not in names}
    return names, left, write(left, values, folder, may_send_values=by_value)


def check(wanted: Mapping[str, Any], values: list[Any] | None) -> None:
    """Raise BadParameters for what makes no sense whatever it is."""
    wrong = [
        ParameterError(part, f"{part} must be callable; {quoted(value)} is not.")
        for part, value in wanted.items()
        if part != "items" and not callable(value) and not (part == "setup" and value is None)
    ]
    if values is None and not callable(wanted["items"]):
        wrong.append(
            ParameterError(
                "items", f"items must be an iterable, or a callable that returns one; {wanted['items']!r:.80} is not."
            )
        )
    if values == []:
        wrong.append(ParameterError("items", "items must not be empty: there would be nothing to do."))
    if wrong:
        raise BadParameters(tuple(wrong))


# By name


def name_of(thing: Any, *, in_main: bool) -> str | None:
    """'module:function' for what another process can import by that name; None for all else.

    With `in_main` a script's own functions have one as well, in the module that its file would be.
    """
    module, path = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str) or not re.fullmatch(NAME, path):
        return None
    if module == "__main__" and in_main:
        named = name_of_main()
        return f"{named}:{path}" if named and found_at(sys.modules[module], path) is thing else None
    return f"{module}:{path}" if is_importable(thing) and re.fullmatch(NAME, module) else None


def is_importable(thing: Any) -> bool:
    """Whether another process with our path would find this very thing by its module and name."""
    module, path = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str) or module == "__main__":
        return False
    there = sys.modules.get(module)
    return there is not None and found_at(there, path) is thing and has_a_file(module)


def found_at(module: ModuleType, path: str) -> Any:
    found: Any = module
    for step in path.split("."):
        found = getattr(found, step, None)
    return found


def has_a_file(module: str) -> bool:
    """Whether a module that is loaded here would be found again by its name, and be the same one."""
    if module.partition(".")[0] in sys.stdlib_module_names:
        return True
    parent = sys.modules.get(module.rpartition(".")[0]) if "." in module else None
    folders = getattr(parent, "__path__", None)
    here = getattr(sys.modules[module], "__file__", None)
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(module, folders) if find else None
        if spec is not None:
            return spec.origin == here if here else spec.origin is None or spec.origin == "frozen"
    return False


def name_of_main() -> str | None:
    """The name or the file by which the running script can be imported as a module; None in a notebook."""
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name)
    if not file:
        return None
    return quoted_path(str(Path(file).resolve()))


def in_script() -> bool:
    """Whether the program is a script, whose functions multiprocessing finds in every worker."""
    return hasattr(sys.modules["__main__"], "__file__")


def own_path() -> Iterator[str]:
    """What was added to the path here: all but what any process of this Python has by itself."""
    paths = sysconfig.get_paths()
    standard = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")} | set(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        standard.add(site.getusersitepackages())
    for entry in map(str, sys.path):
        inside = any(Path(entry).is_relative_to(folder) for folder in standard)
        if not inside and not entry.endswith(f"python{sys.version_info.major}{sys.version_info.minor}.zip"):
            yield str(Path(entry).resolve())


# By pickle


def write(left: Mapping[str, Any], values: list[Any] | None, folder: Path, *, may_send_values: bool) -> dict[str, str]:
    """Write the modules and their pickles; returns the names in `given_work.MODULE` of what is `left` without one.

    Raises BadParameters.
    """
    made_by, named = None, {part: part for part in left}
    try:
        work, items = dumped(NamesOnly, ({}, dict(left))), dumped(NamesOnly, values)
    except Exception as error:  # whatever pickle and the values' own methods raise
        if not may_send_values:
            raise refusal(left, values, NamesOnly, error) from None
        made_by = sys.version_info[:2]
        try:
            work, items, named = by_value(left, values)
        except Exception as again:
            raise refusal(left, values, sender(), again) from None
    if left or made_by is not None:
        (folder / f"{given_work.MODULE}.py").write_text(given_work.SOURCE, encoding="utf-8")
        (folder / given_work.DEFINITIONS).write_bytes(pickle.dumps(made_by) + work)
    if values is not None:
        (folder / f"{given_work.ITEMS_MODULE}.py").write_text(given_work.ITEMS_SOURCE, encoding="utf-8")
        (folder / given_work.ITEMS).write_bytes(items)
    return named


class NotImportable(Exception):
    """Plain pickle would send this by a name that another process does not find."""

    def __init__(self, thing: Any) -> None:
        super().__init__(f"{thing.__qualname__} is defined in {thing.__module__}, where no other process finds it")


class NamesOnly(pickle.Pickler):
    """Plain pickle. Raises NotImportable for what it can't send by a name that holds elsewhere."""

    def reducer_override(self, thing: Any) -> Any:
        if is_defined_here(thing):
            raise NotImportable(thing)
        return NotImplemented


def is_defined_here(thing: Any) -> bool:
    """Whether it is a function or class that no other process would find by its name."""
    return isinstance(thing, DEFINED) and not is_built_in(thing) and not is_importable(thing)


def is_built_in(thing: Any) -> bool:
    """Whether it is a class of the interpreter's own, such as that of None, which pickle knows."""
    return isinstance(thing, type) and not thing.__flags__ & HEAP_TYPE


def dumped(pickler: Callable[..., Any], value: Any) -> bytes:
    file = io.BytesIO()
    pickler(file, pickle.HIGHEST_PROTOCOL).dump(value)
    return file.getvalue()


def refusal(
    left: Mapping[str, Any], values: list[Any] | None, pickler: Callable[..., Any], error: Exception
) -> BadParameters:
    """Which of it can't be sent, why, and what to do."""
    part, error = first_unsendable(left, values, pickler) or ("items", error)
    if isinstance(error, NotImportable):
        why, advice = str(error), "Write it into a module, or install cloudpickle: pip install 'poolscope[notebook]'."
    else:
        why, advice = f"{type(error).__name__}: {error}", "Give a callable of a module that makes it there."
    return BadParameters((ParameterError(part, f"{part} can't be sent to the process that measures: {why}. {advice}"),))


def first_unsendable(
    left: Mapping[str, Any], values: list[Any] | None, pickler: Callable[..., Any]
) -> tuple[str, Exception] | None:
    for part, value in chain(left.items(), ((f"items[{number}]", value) for number, value in enumerate(values or ()))):
        try:
            dumped(pickler, value)
        except Exception as error:  # as in `write`
            return part, error
    return None


# By value


def cloudpickle() -> Any:
    """The package, None where it is not there."""
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:
        return None


def by_value(left: Mapping[str, Any], values: list[Any] | None) -> tuple[bytes, bytes, dict[str, str]]:
    """The pickles of the work and of the items, and the names in the work's module of what is `left`.

    Twice: the first time tells what has to be sent by value. All of that then has a place in the module, and the items
    name it there, so that a class of theirs is the function's own.
    """
    pickler = sender()
    sent: dict[int, Any] = {}
    with everything_sendable():
        for value in (dict(left), values):
            dumped(lambda *how: pickler(*how, sent=sent), value)
        defined = with_names(sent.values())
        places = {id(thing): name for name, thing in defined.items()}
        named = {part: places.get(id(value), "") for part, value in left.items()}
        named = {
            part: name if re.fullmatch(r"[^\W\d]\w*", name) else unused(part, defined) for part, name in named.items()
        }
        others = {named[part]: value for part, value in left.items() if named[part] not in defined}
        work = dumped(pickler, (defined, others))
        known = {key: name for key, name in places.items() if "." not in name}
        items = dumped(lambda *how: pickler(*how, known=known), values)
    return work, items, named


def sender() -> Any:
    """The class of a pickler that sends by value what no other process finds by its name."""
    package = cloudpickle()

    class Sender(package.Pickler):  # type: ignore[misc, name-defined]
        """Notes in `sent`, by id, what it sends by value; of what is `known` by its id it sends the name."""

        def __init__(
            self,
            file: io.BytesIO,
            protocol: int,
            sent: dict[int, Any] | None = None,
            known: Mapping[int, str] | None = None,
        ) -> None:
            super().__init__(file, protocol)
            self.sent = {} if sent is None else sent
            self.known = known or {}

        def persistent_id(self, thing: Any) -> str | None:
            return self.known.get(id(thing))

        def reducer_override(self, thing: Any) -> Any:
            if not is_defined_here(thing):
                return super().reducer_override(thing)
            self.sent[id(thing)] = thing
            if isinstance(thing, functools._lru_cache_wrapper):  # which pickle would send by its name
                return given_work.with_cache, (thing.__wrapped__, thing.cache_parameters())
            module = sys.modules.get(thing.__module__)
            if module is not None and module.__name__ != "__main__" and not has_a_file(module.__name__):
                package.register_pickle_by_value(module)
            return super().reducer_override(thing)

    return Sender


@contextmanager
def everything_sendable() -> Iterator[None]:
    """Let cloudpickle send the contents of other modules by value within the block, and no longer."""
    package = cloudpickle()
    before = package.list_registry_pickle_by_value()
    try:
        yield
    finally:
        for name in package.list_registry_pickle_by_value() - before:
            package.unregister_pickle_by_value(sys.modules[name])


def with_names(things: Iterable[Any]) -> dict[str, Any]:
    """Things by distinct names: the one that stands under its name in its module has that name, as a decorated function
    has and not the one within."""
    named: dict[str, Any] = {}
    for thing in sorted(things, key=lambda thing: not stands_under_its_name(thing)):
        name = thing.__qualname__.rpartition("<locals>.")[2]
        named[unused(f"sent{name}" if name.startswith("__") else name, named)] = thing
    return named


def stands_under_its_name(thing: Any) -> bool:
    module = sys.modules.get(thing.__module__)
    return module is not None and found_at(module, thing.__qualname__) is thing


def unused(name: str, taken: Mapping[str, Any]) -> str:
    """The name, with a number where it is taken."""
    numbered = (f"{name}_{number}" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)
