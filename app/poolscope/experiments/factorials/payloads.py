"""What a factorials run tells beside its tasks."""

from __future__ import annotations

from typing import ClassVar

from poolscope.protocol.frozen import frozen
from poolscope.protocol.payloads import Payload


@frozen
class FactorialComputed(Payload):
    """n! in decimal digits: a JSON number of so many would be read as a float by others."""

    tag: ClassVar[str] = "factorial"
    n: int
    digits: str
