"""Any instance of a dataclass of the protocol, made from its type hints."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from poolscope.experiments import registry  # noqa: F401 (with it come the payloads of every experiment)
from poolscope.protocol.codec import Tagged

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(),
    float: NUMBER,
    str: TEXT,
    bool: st.booleans(),
    type(None): st.none(),
    Any: JSON,
}


def instances(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type hint, for the hints that the codec knows."""
    if hint in SCALARS:
        return SCALARS[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(parts)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(instances, parts))
    if origin is list:
        return st.lists(instances(parts[0]), max_size=3)
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(instances(parts[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(instances, parts))
    if origin in (dict, Mapping):
        return st.dictionaries(TEXT, instances(parts[1]), max_size=3)
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if issubclass(hint, Tagged) and not is_dataclass(hint):
        return st.one_of(*map(instances, members(hint)))
    hints = get_type_hints(hint)
    return st.builds(hint, **{name: instances(hints[name]) for name in (field.name for field in fields(hint))})


def members(family: type[Tagged]) -> list[type[Tagged]]:
    """The members of a family that the package itself has."""
    return [member for member in family.members.values() if member.__module__.startswith("poolscope.")]
