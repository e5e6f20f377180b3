"""Dataclasses come back from their JSON by their type hints; data of another shape is refused with the path to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given, settings
from poolscope.errors import MalformedMessage
from poolscope.protocol.arguments import Arguments
from poolscope.protocol.codec import Tagged, WrongShape, from_json, from_line, to_json, to_line
from poolscope.protocol.commands import Command, HostAnswer, HostOrder
from poolscope.protocol.payloads import Payload

from tests.protocol.strategies import instances, members


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: float = 0.5


class Shape(Tagged):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Dot(Shape):
    tag: ClassVar[str] = "dot"
    at: Point


@dataclass(frozen=True, slots=True)
class Path(Shape):
    tag: ClassVar[str] = "path"
    points: tuple[Point, ...]
    ends: tuple[Point, Colour] | None = None


@dataclass(frozen=True, slots=True)
class Everything:
    number: int
    share: float | None
    words: tuple[str, ...]
    pair: tuple[int, str]
    colour: Colour
    choice: Literal["a", "b"]
    count: int | str
    points: list[Point]
    named: Mapping[str, Point]
    counts: Mapping[str, int] = field(default_factory=dict)
    near: Point | None = None
    either: Point | Dot | None = None
    shape: Shape | None = None
    nested: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)


EVERYTHING = Everything(
    number=-(2**70),
    share=0.25,
    words=("naïve", ""),
    pair=(1, "one"),
    colour=Colour.BLUE,
    choice="b",
    count="many",
    points=[Point(1), Point(2, -1.5)],
    named={"origin": Point(0, 0.0)},
    counts={"span": 3},
    near=Point(9),
    either=Point(4),
    shape=Path((Point(1), Point(2)), (Point(1), Colour.RED)),
    nested={"line": (Point(1), Point(2))},
)


def through_json(value: object) -> Any:
    return from_json(type(value), json.loads(json.dumps(to_json(value))))


def test_every_kind_of_field_comes_back_as_it_went() -> None:
    assert through_json(EVERYTHING) == EVERYTHING
    assert to_json(EVERYTHING) == json.loads(json.dumps(to_json(EVERYTHING)))


def test_absence_stays_absence() -> None:
    bare = Everything(1, None, (), (1, ""), Colour.RED, "a", 2, [], {})
    assert through_json(bare) == bare


def test_unknown_fields_are_dropped_and_missing_ones_get_their_default() -> None:
    assert from_json(Point, {"x": 1, "z": 3}) == Point(1, 0.5)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"number": 1.5}, "number"),
        ({"number": True}, "number"),
        ({"number": None}, "number"),
        ({"share": "0.2"}, "share"),
        ({"words": "abc"}, "words"),
        ({"words": ["a", 1]}, "words"),
        ({"pair": [1]}, "pair"),
        ({"colour": "green"}, "colour"),
        ({"colour": ["red"]}, "colour"),
        ({"choice": "c"}, "choice"),
        ({"count": 1.5}, "count"),
        ({"points": [{"x": "1"}]}, "points: x"),
        ({"points": [7]}, "points"),
        ({"named": []}, "named"),
        ({"counts": {"a": "b"}}, "counts"),
        ({"near": {"y": 1.0}}, "near"),
        ({"shape": {"name": "circle", "value": {}}}, "shape"),
        ({"shape": {"name": "dot"}}, "shape"),
        ({"shape": {"name": "dot", "value": {"at": {"x": None}}}}, "shape: at: x"),
    ],
)
def test_data_of_another_shape_is_refused_with_the_path_to_it(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(WrongShape) as refused:
        from_json(Everything, {**to_json(EVERYTHING), **changes})
    assert str(refused.value).startswith(f"{path}: ")


def test_a_missing_field_is_refused_by_its_name() -> None:
    with pytest.raises(WrongShape, match="Point lacks 'x'"):
        from_json(Point, {})


def test_a_hint_that_json_can_not_hold_is_a_mistake_in_the_class() -> None:
    @dataclass
    class Odd:
        when: complex

    with pytest.raises(TypeError, match="complex"):
        from_json(Odd, {"when": 1})


def test_a_message_says_its_tag_and_comes_back_as_its_class() -> None:
    line = to_line(Dot(Point(1)))
    assert json.loads(line) == {"name": "dot", "value": {"at": {"x": 1, "y": 0.5}}}
    assert from_line(Shape, line) == Dot(Point(1))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"7",
        b"{}",
        b'{"name":"dot"}',
        b'{"name":"circle","value":{}}',
        b'{"name":"dot","value":{}}',
        b"\xff",
    ],
)
def test_what_is_no_message_of_the_family_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedMessage, match="no Shape"):
        from_line(Shape, line)


@pytest.mark.parametrize("family", [Payload, Arguments, Command, HostOrder, HostAnswer])
def test_every_message_of_the_protocol_is_frozen_and_comes_back_from_its_line(family: type[Tagged]) -> None:
    for member in members(family):
        assert member.__dataclass_params__.frozen  # type: ignore[attr-defined]

        @given(instances(member))
        @settings(max_examples=10)
        def comes_back(message: Tagged) -> None:
            assert from_line(family, to_line(message)) == message

        comes_back()


def test_two_members_of_a_family_can_not_share_a_tag() -> None:
    with pytest.raises(TypeError, match="same tag 'dot'"):

        class Spot(Shape):
            tag: ClassVar[str] = "dot"
