"""What processes tell each other to do: the server its runner, and a run's body the hosts of other Pythons.

    server ── BeginRun, StopRun … ──▶ runner ── records ──▶ server
    body ── OpenWork, MeasureOnce … ──▶ host ── StepAnnounced …, then one answer; records ──▶ body

Every message is one line: its tag as `name`, its fields as `value`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from poolscope.protocol.arguments import Arguments, BenchmarkWork
from poolscope.protocol.codec import Tagged
from poolscope.protocol.frozen import frozen
from poolscope.protocol.kinds import PoolUse
from poolscope.protocol.payloads import (
    Breakage,
    Calibration,
    FailureCode,
    ImportedPlace,
    InterpreterFacts,
    ItemsMade,
    MeasurementReport,
    SlowItem,
    TrialReport,
)


class Command(Tagged):
    """Family of what the server tells a runner."""

    __slots__ = ()


@frozen
class ProcessLimits:
    """What each process of a run may take, by setrlimit: open files, bytes of one file, CPU seconds (None: any).

    Not the address space or data: stacks of threads and arenas of a free-threaded build reserve far more than they
    use. Not the number of processes, which counts all of a user's.
    """

    open_files: int = 4096
    file_bytes: int = 1024 * 1024 * 1024
    cpu_s: int | None = None


@frozen
class BeginRun(Command):
    """The first command, and for a prewarmed runner the end of waiting: import `body` and run it with `arguments`.

    Without `limits` it has those of the server, as one's own function needs them. `server` is the process whose other
    children are other runs; None where there are none, as in a script that measures.
    """

    tag: ClassVar[str] = "begin"
    run: str
    experiment: str
    body: str
    arguments: Arguments
    limits: ProcessLimits | None = None
    server: int | None = None


@frozen
class StopRun(Command):
    """The user wants the run to end; what it has found so far counts."""

    tag: ClassVar[str] = "stop"


@frozen
class ChangeControls(Command):
    """New values of a live run's controls; None leaves a control as it is."""

    tag: ClassVar[str] = "change"
    delay_min: float | None = None
    delay_max: float | None = None
    paused: bool | None = None


@frozen
class KillWorkerProcess(Command):
    """Kill worker `worker`, counted from 1. A `Fault` record with the same `request` tells what came of it."""

    tag: ClassVar[str] = "kill"
    worker: int
    request: int


@frozen
class ContinueRounds(Command):
    """The answer to a `RoundEnded` of `round`: which configurations get no more rounds, each with the key of the one
    that it lost to or, with more workers than CPUs, is not far ahead of; and whether the recommendation is settled."""

    tag: ClassVar[str] = "rounds"
    round: int
    dropped: Mapping[str, str]
    enough: bool
    not_ahead: Mapping[str, str] = field(default_factory=dict)


class HostOrder(Tagged):
    """Family of what a host is told. It works for one order at a time, and each but the last two gets one answer."""

    __slots__ = ()


@frozen
class DescribeHost(HostOrder):
    """Say what this Python is and has."""

    tag: ClassVar[str] = "describe"


@frozen
class OpenWork(HostOrder):
    """Make a work ready to be mapped. `scratch` is a folder of this host alone.

    With the `rounds` of another Python's calibration the length of a call is not calibrated again. What a trial has
    found in an earlier host: `is_async` calls give coroutines, `fresh` every pass needs copies of the items.
    """

    tag: ClassVar[str] = "open"
    work: BenchmarkWork
    scratch: str
    rounds: int | None = None
    is_async: bool = False
    fresh: bool = False


@frozen
class SiftItems(HostOrder):
    """Call every item of the opened work once, from number `first` on, and find those that take longer than `limit_s`.

    Every call is written down in the file `calls`.
    """

    tag: ClassVar[str] = "sift"
    limit_s: float
    calls: str
    first: int = 0


@frozen
class TryWork(HostOrder):
    """Look at the opened work and call it a few times; what that prints goes into the file `output`."""

    tag: ClassVar[str] = "try"
    output: str


@frozen
class MeasureOnce(HostOrder):
    """Do one repetition. `lane` names the picture in which a worker is shown that is killed on request.

    A traced one is answered with at most `spans` spans, in all lanes together. So many of the `results` are wanted as
    a page can show them. The map is timed `passes` times in a row; with `fill_s` it is looked beyond that how many
    passes last so long.
    """

    tag: ClassVar[str] = "measure"
    use: PoolUse
    traced: bool = False
    spans: int = 0
    results: int = 0
    lane: str = ""
    passes: int = 1
    fill_s: float = 0.0


@frozen
class ExplainBreakage(HostOrder):
    """Repeat a repetition that broke, one item a message, and find out on what and where it breaks; nothing is timed.

    Every call is written down in the file `calls`. Workers that do nothing for `patience_s` are taken to hang. With
    `warm` the first item is called in the main process before, as the plain loop did in the one that broke.
    """

    tag: ClassVar[str] = "explain"
    use: PoolUse
    calls: str
    patience_s: float
    warm: bool


@frozen
class KillHostWorker(HostOrder):
    """Kill a worker of the repetition that is being measured; sent while another order is worked for.

    It has no answer. A `Fault` record with this `request` stands among the answers, as soon as nothing is being timed.
    """

    tag: ClassVar[str] = "kill"
    worker: int
    request: int


@frozen
class CloseHost(HostOrder):
    """Let go of what the work has opened, and end."""

    tag: ClassVar[str] = "close"


class HostAnswer(Tagged):
    """Family of what a host says: any number of `StepAnnounced`, then what came of the order."""

    __slots__ = ()


@frozen
class StepAnnounced(HostAnswer):
    """What is done next may take long, and may end the process; a time limit counts from here."""

    tag: ClassVar[str] = "step"
    step: str


@frozen
class OrderFailed(HostAnswer):
    """The order can't be done, for a reason in a sentence. `spoiled`: something of it is left, so use another host.

    `code` is as in `End`; `breakage` is what broke a repetition.
    """

    tag: ClassVar[str] = "failed"
    why: str
    spoiled: bool = False
    code: FailureCode | None = None
    breakage: Breakage | None = None


@frozen
class HostDescription(HostAnswer):
    """Answer to `DescribeHost`."""

    tag: ClassVar[str] = "description"
    facts: InterpreterFacts


@frozen
class WorkOpened(HostAnswer):
    """Answer to `OpenWork`: how many items there are, `cut` if more than were taken, and how a call got its length.

    `imports`, `found_in` and `made` are as in `TrialReport`.
    """

    tag: ClassVar[str] = "opened"
    count: int
    cut: bool = False
    calibration: Calibration | None = None
    imports: tuple[ImportedPlace, ...] = ()
    found_in: str | None = None
    made: ItemsMade | None = None


@frozen
class ItemsSifted(HostAnswer):
    """Answer to `SiftItems`."""

    tag: ClassVar[str] = "sifted"
    slow: tuple[SlowItem, ...]


@frozen
class WorkTried(HostAnswer):
    """Answer to `TryWork`."""

    tag: ClassVar[str] = "tried"
    report: TrialReport


@frozen
class BreakageExplained(HostAnswer):
    """Answer to `ExplainBreakage`: how it broke again, None where it did not."""

    tag: ClassVar[str] = "explained"
    breakage: Breakage | None


@frozen
class WorkMeasured(HostAnswer):
    """Answer to `MeasureOnce`."""

    tag: ClassVar[str] = "measured"
    report: MeasurementReport
