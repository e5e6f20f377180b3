"""What a case of a failure tells about itself, and what its runner sees of it from outside."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

from poolscope.protocol.frozen import frozen
from poolscope.protocol.payloads import Payload


class CaseEnding(StrEnum):
    """How a case ended; the last four are seen from outside, where the case could not say so itself."""

    NOTHING_FAILED = "nothing failed"
    HANDLED = "handled"
    RAISED = "raised"
    SILENT = "silent"
    NEVER_ANSWERED = "never answered"
    NO_ANSWER_IN_TIME = "no answer in time"
    POOL_BROKEN = "pool broken"
    NOT_IN_THIS_PYTHON = "not in this Python"
    RELEASED = "released"
    WAITS_FOR_EVER = "waits for ever"
    DEADLOCK = "deadlock"
    NO_DEADLOCK = "no deadlock"
    TIMED_OUT = "timed out"
    CANT_BE_ENDED = "can't be ended"
    INTERRUPTED = "interrupted"
    CONTAINED = "contained"
    BLOCKED = "blocked"
    LOGGED = "logged"
    PROCESS_DIED = "process died"
    RUNNING = "running"
    STOPPED = "stopped"
    BROKEN = "broken"
    ENDED_FROM_OUTSIDE = "ended by us"


@frozen
class CaseBegan(Payload):
    """A case of a scenario begins; all that follows until the next one is about it."""

    tag: ClassVar[str] = "case"
    scenario: str
    case: str


@frozen
class CaseMoment(Payload):
    """One moment of a case's story, and who it happened to; `state` is the mark beside it."""

    tag: ClassVar[str] = "moment"
    text: str
    state: Literal["running", "holding", "waiting", "blocked", "sleeping", "failed", "done", "killed"]
    actor: str


@frozen
class CaseOutcome(Payload):
    """How the case ended as it saw it, and a sentence with its numbers."""

    tag: ClassVar[str] = "outcome"
    ending: CaseEnding
    sentence: str


@frozen
class CaseBroken(Payload):
    """The case itself failed, which no case should: the traceback."""

    tag: ClassVar[str] = "case broken"
    traceback: str


@frozen
class CaseExited(Payload):
    """The case's interpreter ended: its exit code and that in words, and whether it had to be ended from outside."""

    tag: ClassVar[str] = "exit"
    code: int | None
    manner: str
    ended_by_us: bool
    seconds: float


@frozen
class CaseLeftovers(Payload):
    """What the runner had after a case and not before it."""

    tag: ClassVar[str] = "left"
    processes: tuple[str, ...] = ()
    zombies: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    semaphores: tuple[str, ...] = ()
    threads: tuple[str, ...] = ()
    descriptors: tuple[str, ...] = ()


@frozen
class LeftInside(Payload):
    """Children and threads that the case's own interpreter still had at its end."""

    tag: ClassVar[str] = "left inside"
    children: tuple[str, ...]
    threads: tuple[str, ...]


@frozen
class CaseStderr(Payload):
    """What the case and its workers wrote to stderr, its end."""

    tag: ClassVar[str] = "stderr"
    text: str


@frozen
class TasksKept(Payload):
    """The results that somebody has."""

    tag: ClassVar[str] = "kept"
    tasks: tuple[str, ...]


@frozen
class TasksLost(Payload):
    """The tasks without a result."""

    tag: ClassVar[str] = "lost"
    tasks: tuple[str, ...]


@frozen
class CleanedUp(Payload):
    """What ending the case's threads, processes and pools did, in a sentence, and how many of them are left."""

    tag: ClassVar[str] = "cleaned"
    sentence: str
    left: int = 0


@frozen
class FaultMade(Payload):
    """The fault that the case is about happens now, in this actor; the first one counts for the time to notice."""

    tag: ClassVar[str] = "fault made"
    actor: str


@frozen
class TaskComputed(Payload):
    """A worker computed this; said by the worker, whatever becomes of the result."""

    tag: ClassVar[str] = "computed"
    task: str


@frozen
class PoolUsable(Payload):
    """Whether the pool still does a task after the fault."""

    tag: ClassVar[str] = "usable"
    usable: bool


@frozen
class WorkerExited(Payload):
    """A worker process's exit code; None while it has none."""

    tag: ClassVar[str] = "exit code"
    code: int | None


@frozen
class WorkerFramesShown(Payload):
    """Whether the traceback of an exception that was handed over shows the worker's own frames."""

    tag: ClassVar[str] = "worker frames"
    shown: bool


@frozen
class ErrorCallbacks(Payload):
    """The exceptions that a pool's error_callback got, as repr shows them."""

    tag: ClassVar[str] = "error callbacks"
    errors: tuple[str, ...]


@frozen
class LockEdge:
    """Who waits for which lock, and who holds it."""

    waiter: str
    lock: str
    owner: str


@frozen
class LockGraph(Payload):
    """The wait-for graph of those that are stuck; `cycle` names the actors of a deadlock, none if there is none."""

    tag: ClassVar[str] = "graph"
    edges: tuple[LockEdge, ...]
    cycle: tuple[str, ...]


@frozen
class StuckStacks(Payload):
    """Where each thread or process that is stuck is, by its name."""

    tag: ClassVar[str] = "stacks"
    by_actor: Mapping[str, str]


@frozen
class MemoryGrown(Payload):
    """The bytes by which a worker grew, until its limit if it reached that."""

    tag: ClassVar[str] = "grown"
    bytes: int


@frozen
class OutputRead(Payload):
    """How much of a worker's output was kept, and how much there was, in bytes."""

    tag: ClassVar[str] = "output read"
    kept: int
    counted: int


@frozen
class InterruptsPrinted(Payload):
    """How often stderr names KeyboardInterrupt."""

    tag: ClassVar[str] = "interrupts printed"
    count: int


@frozen
class InitializerTries(Payload):
    """In how many workers the initializer has raised so far."""

    tag: ClassVar[str] = "initializer tries"
    count: int


@frozen
class LoggedError(Payload):
    """A log record as it arrived at the listener."""

    tag: ClassVar[str] = "logged"
    name: str
    process: int | None
    thread: str | None
    level: str
    message: str
    traceback: str
