"""Classes that are quickly made are for their users what dataclass makes of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any, ClassVar

import pytest
from poolscope.protocol.frozen import frozen


@frozen
class Quick:
    kind: ClassVar[str] = "quick"
    one: int
    two: tuple[float, ...] = ()
    three: str = "x"
    four: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slow:
    kind: ClassVar[str] = "slow"
    one: int
    two: tuple[float, ...] = ()
    three: str = "x"
    four: dict[str, int] = field(default_factory=dict)


@frozen
class Single:
    value: float


@frozen
class Empty:
    pass


def test_it_is_made_compared_and_shown_as_a_dataclass() -> None:
    assert repr(Quick(1, three="y")) == repr(Slow(1, three="y")).replace("Slow", "Quick")
    assert [(each.name, each.default) for each in fields(Quick)] == [(each.name, each.default) for each in fields(Slow)]
    assert Quick(1) == replace(Quick(2), one=1) == Quick(1, (), "x", {}) != Quick(2)
    assert Quick(1).__eq__((1, (), "x", {})) is NotImplemented
    assert Quick(1).four is not Quick(1).four
    assert hash(Single(1.5)) == hash((1.5,))
    assert (Single(1.5), Empty()) == (Single(1.5), Empty())
    assert Single(nan := float("nan")) == Single(nan)
    assert not hasattr(Quick(1), "__dict__")
    with pytest.raises(TypeError, match="one"):
        Quick()  # type: ignore[call-arg]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_its_copies_are_equal(again: Callable[[Any], Any]) -> None:
    for each in (Quick(1, (2.0,)), Single(0.5), Empty()):
        assert again(each) == each


def test_nothing_of_it_is_changed() -> None:
    quick = Quick(1)
    for name in ("one", "new"):
        with pytest.raises(FrozenInstanceError):
            setattr(quick, name, 2)
    with pytest.raises(FrozenInstanceError):
        del quick.one
    assert quick == Quick(1)
