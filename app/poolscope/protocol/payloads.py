"""What a `Result` record carries: one frozen dataclass for each thing that a run finds out, grouped by experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from poolscope.protocol.codec import Tagged


class Payload(Tagged):
    """Family of everything that a `Result` may carry."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Untyped(Payload):
    """A result that has no class of its own yet, by name."""

    tag: ClassVar[str] = "untyped"
    name: str
    value: Any
