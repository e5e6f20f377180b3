"""Whether two results are the same: by ==, or else by what they are made of; also across Pythons, by a digest."""

from __future__ import annotations

import copyreg
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from poolscope.protocol.frozen import frozen

MOST_PARTS = 200_000  # beyond, finding out would take longer than a second
PLAIN = (type(None), bool, int, float, complex, str, bytes)


class Unknown(Exception):
    """What the value is made of can't be seen, or it is too much."""


@frozen
class Digest:
    """`plain`: made of built-in types alone, so that another Python's digest of the same value is the same."""

    text: str
    plain: bool


def same(one: Any, other: Any) -> bool | None:
    """Whether two values are the same; None when that can't be told.

    == decides where it says yes. Where it says no, as objects without an __eq__, NaN and arrays do of their copies,
    the parts decide.
    """
    with suppress(Exception):  # an array's == has no single answer
        if one == other:
            return True
    ours, theirs = digest(one), digest(other)
    return None if ours is None or theirs is None else ours == theirs


def same_in_any_order(ours: Sequence[Any], theirs: Sequence[Any]) -> bool | None:
    """Whether two sequences have the same values, each as often; None when that can't be told."""
    if len(ours) != len(theirs):
        return False
    found = [[digest(value) for value in values] for values in (ours, theirs)]
    if any(one is None for values in found for one in values):
        return None
    first, second = (Counter(one.text for one in values if one) for values in found)
    return first == second


def digest(value: Any) -> Digest | None:
    """A digest of all parts of a value, the same in every process; None when they can't be seen or are too many."""
    walk = Walk()
    try:
        text = walk.digest(value)
    except (Unknown, RecursionError):
        return None
    return Digest(text, walk.plain)


class Walk:
    """One walk over a value's parts."""

    def __init__(self) -> None:
        self.plain = True
        self.parts = 0
        self.within: set[int] = set()  # the values that we are inside of

    def digest(self, value: Any) -> str:
        self.parts += 1
        if self.parts > MOST_PARTS or id(value) in self.within:
            raise Unknown
        self.within.add(id(value))
        try:
            total = hashlib.sha256()
            for part in self.of(value):
                total.update(part.encode("utf-8", "surrogatepass"))
                total.update(b"\0")
            return total.hexdigest()
        finally:
            self.within.discard(id(value))

    def of(self, value: Any) -> Iterator[str]:
        kind = type(value)
        yield f"{kind.__module__}.{kind.__qualname__}"
        if kind in PLAIN:
            # Not repr for int: beyond 4,300 digits it refuses.
            yield hex(value) if kind is int else value.hex() if kind is bytes else repr(value)
        elif kind in (list, tuple):
            yield from map(self.digest, value)
        elif kind in (set, frozenset):
            yield from sorted(map(self.digest, value))
        elif kind is dict:
            yield from sorted(self.digest(key) + self.digest(entry) for key, entry in value.items())
        elif isinstance(value, type) or kind.__name__ in ("function", "builtin_function_or_method"):
            self.plain = False
            yield f"{value.__module__}.{value.__qualname__}"
        else:
            self.plain = False
            yield from map(self.digest, reduction(value))


def reduction(value: Any) -> tuple[Any, ...]:
    """What pickle would send in the value's place: how to make it, from what, its state and entries."""
    reduce = copyreg.dispatch_table.get(type(value))
    try:
        parts = reduce(value) if reduce else value.__reduce_ex__(4)
    except Exception:
        raise Unknown from None
    if isinstance(parts, str):
        return (parts,)
    # The entries of a list's or a dict's subclass come as iterators.
    return tuple(list(part) if isinstance(part, Iterator) else part for part in parts)
