"""What processes tell each other to do: the server its runner, and a run's body the hosts of other Pythons.

    server ── BeginRun, StopRun … ──▶ runner ── records ──▶ server
    body ── OpenWork, MeasureOnce … ──▶ host ── StepAnnounced …, then one answer ──▶ body

Every message is one line: its tag as `name`, its fields as `value`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from poolscope.protocol.arguments import Arguments
from poolscope.protocol.codec import Tagged
from poolscope.protocol.payloads import MachineFacts


class Command(Tagged):
    """Family of what the server tells a runner."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class BeginRun(Command):
    """The first command, and for a prewarmed runner the end of waiting: import `body` and run it with `arguments`."""

    tag: ClassVar[str] = "begin"
    run: str
    experiment: str
    body: str
    arguments: Arguments
    machine: MachineFacts | None


@dataclass(frozen=True, slots=True)
class StopRun(Command):
    """The user wants the run to end; what it has found so far counts."""

    tag: ClassVar[str] = "stop"


@dataclass(frozen=True, slots=True)
class ChangeControls(Command):
    """New values of a live run's controls; None leaves a control as it is."""

    tag: ClassVar[str] = "change"
    delay_min: float | None = None
    delay_max: float | None = None
    paused: bool | None = None


@dataclass(frozen=True, slots=True)
class KillWorkerProcess(Command):
    """Kill worker `worker`, counted from 1. A `Fault` record with the same `request` tells what came of it."""

    tag: ClassVar[str] = "kill"
    worker: int
    request: int


class HostOrder(Tagged):
    """Family of what a host is told. It works for one order at a time, and each gets exactly one answer."""

    __slots__ = ()


class HostAnswer(Tagged):
    """Family of what a host says: any number of `StepAnnounced`, then what came of the order."""

    __slots__ = ()
