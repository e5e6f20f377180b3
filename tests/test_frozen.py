"""A class that is made quickly does all that one of the standard library does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import pytest
from poolscope.frozen import made_frozen

standard = dataclass(frozen=True, slots=True)
Maker = Callable[[type], Any]


def point(maker: Maker) -> Any:
    class Point:
        """A field of each kind that is used."""

        x: int
        y: float = 0.5
        marks: list[str] = field(default_factory=list)
        note: str = field(default="", compare=False)

        def norm(self) -> float:
            return abs(self.x) + abs(self.y)

    return maker(Point)


def single(maker: Maker) -> Any:
    class Single:
        """One field, whose values may not even equal themselves."""

        x: object

    return maker(Single)


def empty(maker: Maker) -> Any:
    class Empty:
        """Nothing."""

    return maker(Empty)


@made_frozen
class Kept:
    """At the top of its module, where pickle finds it."""

    x: int
    y: tuple[int, ...] = ()


BOTH = pytest.mark.parametrize("maker", [standard, made_frozen], ids=["standard", "ours"])


@BOTH
def test_it_is_made_by_place_name_and_default(maker: Maker) -> None:
    Point = point(maker)
    one, other = Point(1), Point(x=1, y=0.5, marks=[], note="another")
    assert (one.x, one.y, one.marks, one.note, one.norm()) == (1, 0.5, [], "", 1.5)
    assert one == other
    assert one != Point(1, 0.6)
    assert one != (1, 0.5, [], "")
    assert one.marks is not Point(1).marks
    assert Point(2, 3.0, ["a"], "b").marks == ["a"]


@BOTH
def test_it_reads_as_it_would_be_written(maker: Maker) -> None:
    name = point(maker).__qualname__
    assert repr(point(maker)(1, marks=["a"])) == f"{name}(x=1, y=0.5, marks=['a'], note='')"
    assert repr(empty(maker)()) == f"{empty(maker).__qualname__}()"


@BOTH
def test_arguments_that_do_not_fit_are_refused_by_name(maker: Maker) -> None:
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) missing 1 required positional argument: 'x'"):
        point(maker)()
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) got an unexpected keyword argument 'z'"):
        point(maker)(1, z=2)


@BOTH
def test_it_stays_as_it_was_made(maker: Maker) -> None:
    one = point(maker)(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        one.x = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del one.x
    assert (one.x, hasattr(one, "__dict__")) == (1, False)


@BOTH
def test_equal_ones_have_one_hash_and_an_unhashable_field_has_none(maker: Maker) -> None:
    Single, Empty = single(maker), empty(maker)
    assert len({Single(1), Single(1), Single(2)}) == 2
    assert len({Empty(), Empty()}) == 1
    nan = float("nan")
    assert (Single(nan) == Single(nan), Single(nan) == Single(float("nan"))) == (True, False)
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        hash(point(maker)(1))


@BOTH
def test_the_standard_librarys_functions_know_it(maker: Maker) -> None:
    one = point(maker)(1, marks=["a"])
    assert dataclasses.is_dataclass(point(maker))
    assert [field.name for field in dataclasses.fields(one)] == ["x", "y", "marks", "note"]
    assert dataclasses.asdict(one) == {"x": 1, "y": 0.5, "marks": ["a"], "note": ""}
    assert dataclasses.replace(one, y=2.0) == type(one)(1, 2.0, ["a"])
    assert point(maker).__match_args__ == ("x", "y", "marks", "note")


@BOTH
def test_fields_are_inherited(maker: Maker) -> None:
    class Further(point(maker)):  # type: ignore[misc]
        """With one field more."""

        z: int = 3

    further = maker(Further)(1, 2.0, [], "", 4)
    assert (further.x, further.y, further.z, further == point(maker)(1, 2.0)) == (1, 2.0, 4, False)


# Of these Python 3.11 makes a TypeError about its own `super`.


def test_it_gets_no_attribute_more() -> None:
    one = point(made_frozen)(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'other'"):
        one.other = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'other'"):
        del one.other


def test_a_plain_subclass_may_have_attributes_of_its_own() -> None:
    class Plain(point(made_frozen)):  # type: ignore[misc]
        """No dataclass itself."""

    plain = Plain(1)
    plain.other = 1
    assert plain.other == 1
    with pytest.raises(FrozenInstanceError):
        plain.x = 2
    del plain.other
    assert not hasattr(plain, "other")


def test_it_is_copied_and_pickled() -> None:
    one = Kept(1, (2, 3))  # type: ignore[call-arg]
    assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
