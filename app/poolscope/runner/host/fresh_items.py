"""Tells whether calls change their items, and copies the items as they were, so that every pass does the same work."""

from __future__ import annotations

import copy
import pickle
import types
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from poolscope.runner.host.equality import PLAIN, digest, same
from poolscope.runner.host.pickling import short

MOST_BYTES = 256 * 1024 * 1024  # of pickled items: more are not kept twice just in case


class Original:
    """A value as it was when this was made: a pickle of it, or a deep copy where it has none.

    `can_copy`: neither is possible for generators, open files, locks and what holds one of them.
    """

    def __init__(self, value: Any) -> None:
        self._value = value
        self._parts: dict[str, Any] = {}  # what can be seen of a value that can't be copied
        self._pickled: bytes | None = None
        self._kept: Any = None
        self.can_copy = True
        self.size = 0  # of the pickle, in bytes
        if is_fixed(value):
            self._kept = value
            return
        # A pickle first: it tells quickly that nothing has changed, and it is how a worker gets the value.
        with suppress(Exception):
            self._pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
            pickle.loads(self._pickled)  # noqa: S301  (it was made in the line above)
            self.size = len(self._pickled)
            return
        self._pickled = None
        try:
            self._kept = copy.deepcopy(value)
        except Exception:
            self.can_copy = False
            self._parts = visible_parts(value)

    def copy(self) -> Any:
        """A new value that equals what the value was; itself where nobody can change it. Needs `can_copy`."""
        if self._pickled is not None:
            return pickle.loads(self._pickled)  # noqa: S301  (as above)
        return self._kept if is_fixed(self._kept) else copy.deepcopy(self._kept)

    def changed(self) -> bool | None:
        """Whether the value is another now; None when that can't be told."""
        value = self._value
        if is_fixed(value):
            return False
        if not self.can_copy:
            if visible_parts(value) != self._parts:
                return True
            return False if isinstance(value, types.GeneratorType) else None
        if self._pickled is not None:
            with suppress(Exception):
                if pickle.dumps(value, pickle.HIGHEST_PROTOCOL) == self._pickled:
                    return False
        # Equal values may have different pickles, as pickle notices which of their parts are one and the same.
        before, now = digest(self.copy()), digest(value)
        return None if before is None or now is None else before != now


def originals_of(items: Sequence[Any]) -> Original | None:
    """All items together, so that what they share stays shared; None where they can't be copied or are too large."""
    if not all(map(is_fixed, items)):
        with suppress(Exception):
            if len(pickle.dumps(items[0], pickle.HIGHEST_PROTOCOL)) * len(items) > MOST_BYTES:
                return None
    kept = Original(tuple(items))
    return kept if kept.can_copy else None


def first_changed(before: Sequence[Any], now: Sequence[Any]) -> int | None:
    """The number of the first item that is not what it was, None where there is none."""
    for number, (one, other) in enumerate(zip(before, now, strict=True)):
        if not is_fixed(one):
            ours, theirs = digest(one), digest(other)
            if ours is not None and theirs is not None and ours != theirs:
                return number
    return None


def changed_part(before: Any, now: Any) -> str | None:
    """The attribute of an object, or the entry of a dict, that is not what it was; None for what has neither."""
    ours, theirs = (value if isinstance(value, dict) else getattr(value, "__dict__", {}) for value in (before, now))
    for name in (*theirs, *(name for name in ours if name not in theirs)):
        if name not in ours or name not in theirs or same(ours[name], theirs[name]) is False:
            return short(name) if isinstance(now, dict) else f".{name}"
    return None


def grown(before: Any, now: Any) -> bool:
    """Whether an object has attributes, or a dict entries, that it had not or that were None, and is as it was in all
    else."""
    ours, theirs = (value if isinstance(value, dict) else getattr(value, "__dict__", {}) for value in (before, now))
    filled = {name for name, part in theirs.items() if part is not None and ours.get(name) is None}
    return bool(filled) and all(name in theirs and same(ours[name], theirs[name]) for name in ours.keys() - filled)


def is_fixed(value: Any) -> bool:
    """Whether a value is of built-in types that nobody can change."""
    kind = type(value)
    return kind in (*PLAIN, range) or (kind in (tuple, frozenset) and all(map(is_fixed, value)))


def visible_parts(value: Any) -> dict[str, Any]:
    """Digests of those parts of a value that can be seen, by name: all that there is to tell that it has changed."""
    if isinstance(value, types.GeneratorType):
        return {"frame": value.gi_frame and value.gi_frame.f_lasti}
    parts: dict[str, Any] = {}
    if hasattr(value, "tell") and hasattr(value, "read"):
        try:
            parts["place"] = value.tell()
        except Exception:
            parts["place"] = None  # it is being read line by line, or closed
    attributes = getattr(value, "__dict__", {})
    entries = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list | tuple) else {}
    for name, part in (*attributes.items(), *entries.items()):
        seen = digest(part)
        parts[short(name)] = seen and seen.text
    return parts
