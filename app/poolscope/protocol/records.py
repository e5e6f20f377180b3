"""What a runner can say: one frozen dataclass a record, one JSON object a line; both sides of the pipe use it.

Stamps (`t`, `t0`, `t1`) are nanoseconds of the host's `time.perf_counter_ns`, on Linux and macOS one clock for all
processes; `Opening` ties it to UTC. Everything else is in seconds and bytes. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from poolscope.protocol import codec
from poolscope.protocol.arguments import Arguments
from poolscope.protocol.frozen import frozen
from poolscope.protocol.payloads import FailureCode, MachineFacts, Payload, PythonFacts

PROTOCOL = 2


@frozen
class Opening:
    """The first record: the runner took the run. `machine` is what it found there; None from one that does not look."""

    kind: ClassVar[str] = "run"
    t: int
    utc: str
    run: str
    experiment: str
    arguments: Arguments
    machine: MachineFacts | None
    python: PythonFacts
    pid: int
    protocol: int = PROTOCOL


@frozen
class Actor:
    """A thread, process or interpreter appears (`event` 'started') or ends ('ended'). `pid` is None for a thread.

    `host` is where an engine's worker is, '' for all that can be on this host alone.
    """

    kind: ClassVar[str] = "actor"
    t: int
    actor: str
    event: str
    what: str = "thread"
    role: str = ""
    pid: int | None = None
    host: str = ""


@frozen
class Span:
    """An actor was in `state` from t0 to t1; t1 None: it still is, until a later span of the actor says otherwise.

    States: sleeping, waiting, holding, blocked, running, done, failed, killed. `item` names what it worked on, `lane`
    groups actors into one picture (the pool size, say). Of many short ones that are told as one, `busy` is how many ns
    of it the actor really was in that state; None: all of it.
    """

    kind: ClassVar[str] = "span"
    actor: str
    state: str
    t0: int
    t1: int | None = None
    item: str = ""
    lane: str = ""
    busy: int | None = None

    @property
    def t(self) -> int:
        return self.t0 if self.t1 is None else self.t1


@frozen
class Contents:
    """The shared list right after one step on it: `number` was added or removed, None for the other changes.

    'empty' and 'full' are polls that found nothing to take or no room, 'lost' is a pop from a list that another thread
    had emptied since the check, and 'end' is no step but the list after the last one. `items` are the newest, `length`
    counts all.
    """

    kind: ClassVar[str] = "list"
    t: int
    actor: str
    change: Literal["added", "removed", "empty", "full", "lost", "end"]
    number: int | None
    items: list[int]
    length: int


@frozen
class Count:
    """Exact counters at one moment, by name, under one heading; a later count of the same heading replaces it.

    The heading 'left_out' says how many records of each kind were not sent, so that a gap is never silent.
    """

    kind: ClassVar[str] = "count"
    t: int
    name: str
    values: dict[str, int]


@frozen
class TaskFailure:
    """Why a task has no result. `factors` is how far it came in its time, `message` what an unforeseen error says."""

    code: Literal["negative number", "time limit", "exception"]
    factors: int | None = None
    message: str = ""


@frozen
class TaskOutcome:
    """How a task ended. `seconds` is its time in the worker and `cpu_s` on a CPU, `queue_wait` that before its start.

    `order` is its place among the completed ones, from 1, as they were handed over. None: it never started.
    """

    status: Literal["done", "failed", "cancelled"]
    seconds: float | None = None
    cpu_s: float | None = None
    queue_wait: float | None = None
    order: int | None = None
    failure: TaskFailure | None = None


@frozen
class TaskEvent:
    """One task of a pool changed. `actor` is '' while nobody has it; `outcome` comes with its end."""

    kind: ClassVar[str] = "task"
    t: int
    task: str
    event: Literal["submitted", "started", "ended"]
    actor: str = ""
    outcome: TaskOutcome | None = None


@frozen
class Sample:
    """One measured time in seconds: `name` is the quantity, `config` the configuration, `repetition` counts from 1.

    Repetition 0 is the warm-up and counts for nothing.
    """

    kind: ClassVar[str] = "sample"
    t: int
    name: str
    config: str
    repetition: int
    seconds: float


@frozen
class Result:
    """The run found something out: `payload` says what; `config` is the configuration that it is about, '' for all.

    A line holds the payload's tag as `name` and its fields as `value`.
    """

    kind: ClassVar[str] = "result"
    t: int
    payload: Payload
    config: str = ""


@frozen
class Failure:
    """An exception or a death: `surfaced_in` is where it was noticed, `task` what was lost by it ('' if nothing)."""

    kind: ClassVar[str] = "error"
    t: int
    type: str
    message: str
    traceback: str = ""
    surfaced_in: str = ""
    task: str = ""


@frozen
class SamplerFailed:
    """A sampler of the recorder raised and was switched off; the run goes on, and what it showed stays as it was.

    `sampler` is the function's qualified name, the rest is of the exception.
    """

    kind: ClassVar[str] = "sampler"
    t: int
    sampler: str
    type: str
    message: str
    traceback: str


@frozen
class Fault:
    """Somebody asked to harm the run: `what` is 'kill', `worker` the number of a worker process among the `of` there.

    `pid` is the process that got SIGKILL; None: no such worker came in time, and nothing was done. `request` counts
    those of the run, so that who asked finds the answer.
    """

    kind: ClassVar[str] = "fault"
    t: int
    what: str
    worker: int
    of: int
    pid: int | None
    request: int


@frozen
class Printed:
    """What the run wrote on 'stdout' or 'stderr'; `left_out` counts bytes not kept just before this text."""

    kind: ClassVar[str] = "print"
    t: int
    stream: str
    text: str
    left_out: int = 0


@frozen
class Progress:
    """How far the run is; `seconds_left` is an estimate from this run's own pace, None while there is no ground.

    `note` says what is done now, and `config` of which configuration ('' for none of them).
    """

    kind: ClassVar[str] = "progress"
    t: int
    done: float
    total: float
    seconds_left: float | None = None
    note: str = ""
    config: str = ""


@frozen
class End:
    """The last record: `outcome` is finished, stopped, failed or interrupted; `reason` a sentence or ''.

    `code` is the kind of a failure, None for all that nobody tells apart.
    """

    kind: ClassVar[str] = "end"
    t: int
    outcome: str
    reason: str = ""
    code: FailureCode | None = None


Record = (
    Opening
    | Actor
    | Span
    | Contents
    | Count
    | TaskEvent
    | Sample
    | Result
    | Failure
    | SamplerFailed
    | Fault
    | Printed
    | Progress
    | End
)
CLASSES: tuple[type[Record], ...] = (
    Opening,
    Actor,
    Span,
    Contents,
    Count,
    TaskEvent,
    Sample,
    Result,
    Failure,
    SamplerFailed,
    Fault,
    Printed,
    Progress,
    End,
)
KINDS: Mapping[str, type[Record]] = {record.kind: record for record in CLASSES}

_LINES = codec.RecordLines[Record](KINDS, Result)
to_line, from_line = _LINES.write, _LINES.read
