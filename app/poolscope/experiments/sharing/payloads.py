"""What a sharing run tells about each tool that it demonstrates and times."""

from __future__ import annotations

from typing import ClassVar

from poolscope.protocol.frozen import frozen
from poolscope.protocol.payloads import Payload


@frozen
class DemonstrationBegan(Payload):
    """A tool is being shown at work."""

    tag: ClassVar[str] = "demonstration"


@frozen
class LockTotals:
    """What one thread or process had of a lock: waits that took longer than a free lock, holds, and their seconds."""

    name: str
    waits: int
    wait_s: float
    holds: int
    hold_s: float


@frozen
class ToolOutcome(Payload):
    """How a tool's demonstration came out; what was expected and what is are numbers or short descriptions.

    `facts` are (name, value) pairs to be listed; `threads` are there where there is a lock. `lost` counts lost updates,
    None where none can be lost. `missing` says why this Python has no such tool, None where it has. `segment_gone` is
    whether the shared memory was gone afterwards, None where there was none. A timed round has `operations` of them.
    """

    tag: ClassVar[str] = "tool outcome"
    expected: int | str | None
    actual: int | str | None
    correct: bool
    facts: tuple[tuple[str, str], ...] = ()
    threads: tuple[LockTotals, ...] = ()
    lost: int | None = None
    missing: str | None = None
    segment_gone: bool | None = None
    operations: int = 0


@frozen
class ToolFailed(Payload):
    """A tool raised, which ends its own part of the run; `plain`: the message says it without the name of the type."""

    tag: ClassVar[str] = "tool failed"
    type: str
    message: str
    traceback: str
    plain: bool = False


@frozen
class StepLine(Payload):
    """A quantity over time, to be drawn below the lanes: (stamp, value) pairs in order."""

    tag: ClassVar[str] = "step line"
    label: str
    points: tuple[tuple[int, int], ...]
