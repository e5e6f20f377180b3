"""The log of a case, written by any of its processes: records appended to one file that outlives every crash.

The file is named by the environment, so that workers find it under every start method; one write a line, appended, so
that processes do not mix their lines. What a worker wrote stays, even if it is killed a moment later.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns
from typing import Literal

from poolscope.experiments.failures.payloads import CaseEnding, CaseMoment, CaseOutcome, FaultMade, TasksKept, TasksLost
from poolscope.protocol.payloads import Payload
from poolscope.protocol.records import Actor, Failure, Record, Result, Span, from_line, to_line

FILE, CASE = "FAILURES_LOG", "FAILURES_CASE"
MomentState = Literal["running", "holding", "waiting", "blocked", "sleeping", "failed", "done", "killed"]
_known: set[tuple[int, str]] = set()  # actors that this process introduced; with its pid, for fork copies it


def write(record: Record) -> None:
    fd = os.open(os.environ[FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, to_line(record) + b"\n")
    finally:
        os.close(fd)


def note(payload: Payload, at: int | None = None) -> None:
    """A fact that was observed; of most kinds a later one replaces an earlier one."""
    write(Result(perf_counter_ns() if at is None else at, payload, os.environ[CASE]))


def faults_so_far() -> int:
    """How many faults were made, by whichever process of the case."""
    records = map(from_line, Path(os.environ[FILE]).read_bytes().splitlines())
    return sum(isinstance(record, Result) and isinstance(record.payload, FaultMade) for record in records)


def moment(text: str, state: MomentState = "running", actor: str = "main", at: int | None = None) -> int:
    """One moment of the story, the present one by default; returns its stamp."""
    stamp = perf_counter_ns() if at is None else at
    note(CaseMoment(text, state, actor), stamp)
    return stamp


def surfaced(error: BaseException, where: str, task: str = "", at: int | None = None) -> None:
    """An exception was noticed here; its whole traceback goes with it, that of its cause in a worker too.

    `at` is the stamp of the moment that tells of it, where one does: writing a traceback down takes its time, and the
    story and what is said of it have to agree.
    """
    stamp = perf_counter_ns() if at is None else at
    trace = "".join(traceback.format_exception(error))
    surfaced_as(type(error).__name__, str(error), trace, where, task, stamp)


def surfaced_as(kind: str, message: str, trace: str, where: str, task: str = "", at: int | None = None) -> None:
    """The same for an exception that is known as text only."""
    write(Failure(perf_counter_ns() if at is None else at, kind, message, trace, where, task))


def outcome(ending: CaseEnding, sentence: str) -> None:
    """How the case ended, from what was seen."""
    note(CaseOutcome(ending, sentence))


def kept(results: Iterable[str]) -> None:
    note(TasksKept(tuple(results)))


def lost(tasks: Iterable[str]) -> None:
    note(TasksLost(tuple(tasks)))


def me() -> str:
    """This process in the lanes."""
    return f"worker {os.getpid()}"


def appear(actor: str, what: str = "process", pid: int | None = None) -> None:
    """Introduce an actor, once."""
    if (os.getpid(), actor) not in _known:
        _known.add((os.getpid(), actor))
        write(Actor(perf_counter_ns(), actor, "started", what, "worker", pid))


def dying(actor: str) -> None:
    """An actor is about to be killed, which lasts until it is seen dead; what it was in before is over."""
    stamp = perf_counter_ns()
    write(Actor(stamp, actor, "ended", "process", "worker"))
    write(Span(actor, "killed", stamp, None))


def died(actor: str, since: int | None = None, until: int | None = None) -> None:
    """An actor was seen dead, or was being killed from one stamp to another; what it was in before is over."""
    stamp = perf_counter_ns() if since is None else since
    write(Actor(stamp, actor, "ended", "process", "worker"))
    was(actor, "killed", stamp, until if until is not None else max(perf_counter_ns(), stamp + 1_000_000))


def was(actor: str, state: str, since: int, until: int | None = None, item: str = "") -> None:
    """An actor was in a state from one stamp to another, by default to now."""
    write(Span(actor, state, since, perf_counter_ns() if until is None else until, item))


@contextmanager
def doing(actor: str, state: str = "running", item: str = "", what: str = "process") -> Iterator[int]:
    """The actor is in this state within; an exception that leaves it makes it 'failed'. Open until it is left.

    Gives the stamp since when.
    """
    appear(actor, what, os.getpid() if what == "process" else None)
    since = perf_counter_ns()
    write(Span(actor, state, since, None, item))
    try:
        yield since
    except BaseException:  # a stop or an exit too: the span ends with whatever leaves it
        was(actor, "failed", since, item=item)
        raise
    was(actor, state, since, item=item)
