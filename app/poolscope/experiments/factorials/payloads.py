"""What a factorials run tells beside its tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from poolscope.protocol.payloads import Payload


@dataclass(frozen=True, slots=True)
class FactorialComputed(Payload):
    """n! in decimal digits: a JSON number of so many would be read as a float by others."""

    tag: ClassVar[str] = "factorial"
    n: int
    digits: str
