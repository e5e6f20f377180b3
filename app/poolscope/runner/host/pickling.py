"""What of the work can't be sent to a worker process, which part of it and why; how large it is and what it costs."""

from __future__ import annotations

import pickle
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from multiprocessing.reduction import ForkingPickler
from time import perf_counter_ns
from typing import Any

from poolscope.protocol.payloads import Parcel

DEEPEST = 6
MOST_PARTS = 1000
TIMES = 3
ENOUGH_NS = 500_000_000


def parcel(value: Any) -> Parcel:
    """Send a value as a pool would. Raises whatever pickle and the value's own methods raise."""
    written: list[int] = []
    read: list[int] = []
    while len(written) < TIMES and sum(written) + sum(read) < ENOUGH_NS:
        began = perf_counter_ns()
        data = ForkingPickler.dumps(value)
        between = perf_counter_ns()
        pickle.loads(data)  # noqa: S301  (it was made two lines above)
        written.append(between - began)
        read.append(perf_counter_ns() - between)
    return Parcel(len(data), min(written) / 1e9, min(read) / 1e9)


def unsendable(value: Any, name: str) -> str | None:
    """Say which part of a value can't be pickled and why, as a sentence; None when all of it can."""
    try:
        data = ForkingPickler.dumps(value)
    except Exception as error:
        where, part, error = culprit(value, name, error)
        return f"{capitalized(where)} {reason(part, error)}."
    try:
        pickle.loads(data)  # noqa: S301  (as above)
    except Exception as error:
        return f"{capitalized(name)} can be pickled, but not made from its pickle again: {error_in_words(error)}."
    return None


def first_unsendable(values: Sequence[Any], name: str) -> str | None:
    """As `unsendable` for the first of many of which that is so; looks for half a second at the most."""
    until = perf_counter_ns() + ENOUGH_NS
    for number, value in enumerate(values):
        sentence = unsendable(value, f"{name} {number}")
        if sentence or perf_counter_ns() > until:
            return sentence
    return None


def culprit(value: Any, where: str, error: Exception, depth: int = 0) -> tuple[str, Any, Exception]:
    """The innermost part that can't be pickled: what to call it, itself, and what pickle says of it."""
    for name, part in parts(value, where) if depth < DEEPEST else ():
        try:
            ForkingPickler.dumps(part)
        except Exception as inner:
            return culprit(part, name, inner, depth + 1)
    return where, value, error


def parts(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """What a value is made of as far as pickle would look into it, each with a name for it."""
    if isinstance(value, partial):
        yield f"what {where} calls", value.func
        for name, given in (*enumerate(value.args), *value.keywords.items()):
            yield f"the argument {name} of {where}", given
    elif isinstance(value, types.MethodType):
        yield f"the object of {where}", value.__self__
    elif isinstance(value, Mapping):
        for key, entry in list(value.items())[:MOST_PARTS]:
            yield f"the entry {short(key)} of {where}", entry
    elif isinstance(value, list | tuple | set | frozenset):
        for number, entry in enumerate(list(value)[:MOST_PARTS]):
            yield f"the entry {number} of {where}", entry
    elif not isinstance(value, type | types.FunctionType | types.ModuleType):
        for name, entry in getattr(value, "__dict__", {}).items():
            yield f"the attribute {name} of {where}", entry


def reason(part: Any, error: Exception) -> str:
    """Why a part can't be pickled, as the predicate of a sentence, with what to do about it where that is known."""
    if isinstance(part, types.FunctionType):
        named = f"{part.__module__}.{part.__qualname__}"
        if part.__name__ == "<lambda>":
            return "is a lambda, which has no name by which a worker could import it; write it as a def of its module"
        if "<locals>" in part.__qualname__:
            return f"is {named}, defined inside another function, where no worker finds it; move it out of there"
        return f"is a function that a worker would not find as {named}: {error_in_words(error)}"
    if isinstance(part, types.ModuleType):
        return f"is the module {part.__name__}, and modules can't be pickled"
    return f"is a {type(part).__qualname__}, which can't be pickled: {error_in_words(error)}"


def message_of(error: BaseException) -> str:
    """What an error says, in one line and without the addresses of objects."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(str(error).split()))


def error_in_words(error: BaseException) -> str:
    """'ValueError: no seven'."""
    text = message_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def raised_where(error: BaseException, where: str) -> str:
    """'raised ValueError on item 3 (7): no seven': what happened, where, and what the error says of it."""
    what, text = f"raised {type(error).__name__} {where}", message_of(error)
    return f"{what}: {text}" if text else what


def short(value: Any, longest: int = 60) -> str:
    """A value's repr as it fits into a sentence; a repr that raises must not hurt."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"a {type(value).__qualname__} without a repr"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
