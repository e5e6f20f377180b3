"""What crosses a process border has a shape that can be read off its class: frozen, slotted, and never Any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest
from poolscope.protocol.arguments import Arguments
from poolscope.protocol.codec import Tagged
from poolscope.protocol.commands import Command, HostAnswer, HostOrder
from poolscope.protocol.payloads import Payload
from poolscope.protocol.records import CLASSES

from tests.protocol.strategies import members


def shapes() -> Iterator[type]:
    yield from CLASSES
    for family in (Payload, Arguments, Command, HostOrder, HostAnswer):
        yield from members(family)


def parts(hint: Any) -> Iterator[Any]:
    """A hint and all that it is made of, through dataclasses too."""
    yield hint
    for part in get_args(hint):
        yield from parts(part)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        for field in fields(hint):
            yield from parts(hints[field.name])


def test_every_message_is_a_frozen_dataclass_of_typed_fields_with_a_docstring_of_its_own() -> None:
    for shape in shapes():
        for part in parts(shape):
            assert part not in (Any, object), shape
            if isinstance(part, type) and is_dataclass(part):
                assert part.__dataclass_params__.frozen, part  # type: ignore[attr-defined]
                assert "__slots__" in vars(part), part
                assert not (part.__doc__ or "").startswith(f"{part.__name__}("), f"{part} says nothing of itself"


@pytest.mark.parametrize("family", [Payload, Arguments, Command, HostOrder, HostAnswer])
def test_members_of_a_family_are_known_by_their_tag(family: type[Tagged]) -> None:
    assert [family.members[member.tag] for member in members(family)] == members(family)
