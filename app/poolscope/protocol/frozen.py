"""`@frozen`: what `dataclass(frozen=True, slots=True)` makes, in a third of its time; standard library only.

A child makes a hundred of them before it can begin, and `dataclass` compiles six methods for each. Here `__init__` is
compiled, which every record that is read calls; the others are shared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")

_VALUES: dict[type, Callable[[Any], tuple[Any, ...]]] = {}  # of each class, what gives all values of an instance


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a class a dataclass that is frozen and has slots. Fields may have defaults or factories, and no options."""
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    names = made.__match_args__
    made.__dataclass_params__.frozen = True
    made.__init__ = _initializer(made)
    made.__eq__, made.__hash__, made.__repr__, made.__reduce__ = _is_equal, _hash, _text, _reduce
    made.__setattr__ = made.__delattr__ = _refuse
    _VALUES[made] = attrgetter(*names) if len(names) > 1 else lambda each: tuple(getattr(each, name) for name in names)
    return made  # type: ignore[no-any-return]


def _initializer(cls: Any) -> Any:
    known: dict[str, Any] = {"put": object.__setattr__, "MISSING": MISSING}
    parameters, lines = ["self"], ["pass"]
    for each in fields(cls):
        known[f"default_{each.name}"], value = each.default, each.name
        if each.default_factory is not MISSING:
            known[f"make_{each.name}"] = each.default_factory
            value = f"make_{each.name}() if {each.name} is MISSING else {each.name}"
        required = each.default is MISSING and each.default_factory is MISSING
        parameters.append(each.name if required else f"{each.name}=default_{each.name}")
        lines.append(f"put(self, {each.name!r}, {value})")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines), known)  # noqa: S102  (as dataclass does)
    return known["__init__"]


def _is_equal(self: object, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    values = _VALUES[self.__class__]
    return values(self) == values(other)


def _hash(self: object) -> int:
    return hash(_VALUES[self.__class__](self))


def _text(self: Any) -> str:
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{self.__class__.__qualname__}({values})"


def _reduce(self: object) -> tuple[type, tuple[Any, ...]]:
    return self.__class__, _VALUES[self.__class__](self)


def _refuse(self: object, name: str, value: object = None) -> NoReturn:
    raise FrozenInstanceError(f"{name} of a {self.__class__.__qualname__} stays as it is")
