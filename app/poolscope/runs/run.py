"""One run: its status, its records and the state that they fold to; it changes in two methods, `take` and `become`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from poolscope.errors import IllegalChange
from poolscope.experiments.demand import Demand
from poolscope.experiments.experiment import Experiment
from poolscope.protocol import codec
from poolscope.protocol.arguments import Arguments
from poolscope.protocol.commands import BeginRun
from poolscope.protocol.records import End, Failure, Fault, Opening, Printed, Progress, Record, SamplerFailed
from poolscope.runs.budget import Breach, Shortage

PRINTED_SHOWN = 20_000  # characters


class Status(StrEnum):
    """What a run may be; ALLOWED has the changes."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def live(self) -> bool:
        return self in (Status.QUEUED, Status.RUNNING)


ALLOWED: dict[tuple[Status, Status], str] = {
    (Status.QUEUED, Status.RUNNING): "its turn has come",
    (Status.QUEUED, Status.STOPPED): "cancelled by the user while it waited, or given up when he was gone",
    (Status.QUEUED, Status.FAILED): "no runner could be started for it",
    (Status.QUEUED, Status.INTERRUPTED): "the server ended while it waited",
    (Status.RUNNING, Status.FINISHED): "the runner said so",
    (Status.RUNNING, Status.STOPPED): "the user asked for it",
    (Status.RUNNING, Status.FAILED): "the runner said so, died, or sent what is no record",
    (Status.RUNNING, Status.INTERRUPTED): "the server ended or crashed meanwhile",
}


def now() -> str:
    """The present as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def later(seconds: float, start: str | None = None) -> str:
    """So many seconds after a start, by default the present, as `now` has it."""
    since = datetime.fromisoformat(start) if start else datetime.now(UTC)
    return (since + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


class ChangeNotifier:
    """A version number that rises, and a way to wait for it, for any number of waiters.

    A slow waiter skips versions; nothing piles up for it. With every change the version of `parent` rises too.
    """

    def __init__(self, parent: ChangeNotifier | None = None) -> None:
        self.version = 0
        self._event = asyncio.Event()
        self._parent = parent

    def notify(self) -> None:
        """Raise the version and wake all waiters."""
        self.version += 1
        # A new event for the next change: one that is cleared at once might not be seen by a waiter that runs later.
        self._event.set()
        self._event = asyncio.Event()
        if self._parent is not None:
            self._parent.notify()

    async def newer_than(self, version: int) -> int:
        """Wait until the version exceeds `version`; returns the one that is current then."""
        while self.version <= version:
            await self._event.wait()
        return self.version


class RecordLog:
    """Append-only while the run is live, then closed. Sequence numbers begin at 1; readers start anywhere, and miss and
    repeat nothing."""

    def __init__(self, lines: Sequence[bytes] = (), *, closed: bool = False) -> None:
        self.lines = list(lines)
        self.bytes = sum(map(len, self.lines))
        self.closed = closed
        self._notifier = ChangeNotifier()

    def append(self, lines: Sequence[bytes]) -> None:
        self.lines.extend(lines)
        self.bytes += sum(map(len, lines))
        self._notifier.notify()

    def close(self) -> None:
        """No more lines will come; readers end once they have all."""
        self.closed = True
        self._notifier.notify()

    async def after(self, sequence: int) -> AsyncIterator[tuple[int, list[bytes]]]:
        """Yield (sequence number of the first line, lines) in batches, from the one after `sequence` to the end."""
        while True:
            version = self._notifier.version
            batch = self.lines[sequence : sequence + 500]
            if batch:
                yield sequence + 1, batch
                sequence += len(batch)
            elif self.closed:
                return
            else:
                await self._notifier.newer_than(version)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a run belongs to, as far as the server needs to know it: two keys, neither of which names a person.

    Whose runs are whose goes by `id`; many visitors may share one `address`. Whoever keeps no cookie is known by the
    address: then both are the same. Both are '' for the command line, which no limit of visitors applies to.
    """

    id: str = ""
    address: str = ""


NOBODY = Visitor()


@dataclass(eq=False)
class Run:
    """A run as the server knows it. `state` is the fold of all records so far; `notifier` notifies with every batch.

    `arguments` are what the body is given: the parameters, and of this installation what they name; None for a run that
    is not to be started here.
    `unkept` is '' while the journal keeps it, else the reason why not. `stopping` says that somebody asked it to stop.
    """

    id: str
    experiment: Experiment
    params: Any
    arguments: Arguments | None = None
    visitor: Visitor = NOBODY  # who started it
    created: str = field(default_factory=now)
    status: Status = Status.QUEUED
    started: str | None = None
    ended: str | None = None
    conditions: dict[str, Any] = field(default_factory=dict)
    controls: dict[str, Any] = field(default_factory=dict)  # those that were changed while it ran
    error: str | None = None
    summary: str = ""
    unkept: str = ""
    entered: float = field(default_factory=time.monotonic)  # the queue
    place: int = 0  # in the order in which those that wait are likely to start, from 1; 0 when it does not wait
    told_place: int = 0  # that those who look at it were last woken for
    expected_start: str | None = None  # of a run that waits, as far as that can be told
    behind: tuple[str, ...] = ()  # the runs that it waits for
    shortage: Shortage | None = None  # what it waits for, where that is room beside the others
    spares: frozenset[str] = frozenset()  # the measurements that it waits for so as not to disturb them
    began: float = 0.0  # on the monotonic clock
    stopping: bool = False
    breach: Breach | None = None  # why we end it, where nobody asked for that
    elsewhere: bool = False  # another process performs it: here it stays as the journal had it
    requests: int = 0  # to kill a worker, so far
    state: Any = None
    end: End | None = None
    progress: Progress | None = None
    failure: Failure | None = None
    opened: int = 0  # perf_counter ns of its first record
    faults: list[Fault] = field(default_factory=list)  # what came of those requests
    failed_samplers: list[SamplerFailed] = field(default_factory=list)
    printed: str = ""  # the beginning of its output; the records hold all that was kept
    record_log: RecordLog = field(default_factory=RecordLog)
    notifier: ChangeNotifier = field(default_factory=ChangeNotifier)

    def __post_init__(self) -> None:
        if self.state is None:
            self.state = self.experiment.meaning.initial(self.params)

    def take(self, records: Sequence[tuple[Record, bytes]]) -> None:
        """Fold a batch of records into the state. An End is only kept: the monitor ends the run."""
        folded = []
        try:
            for record, line in records:
                self.state = self.experiment.meaning.fold(self.state, record)
                folded.append(line)
                self._note(record)
        finally:  # log and state never differ, not even when a fold fails in the middle
            self.record_log.append(folded)
            self.notifier.notify()

    def _note(self, record: Record) -> None:
        """Keep what pages say of any run, whatever its experiment."""
        match record:
            case Opening():
                machine = codec.to_json(record.machine) if record.machine else {}
                self.conditions = {**machine, **codec.to_json(record.python), **self.conditions}
                self.opened = record.t
            case Progress():
                self.progress = record
            case Failure():
                self.failure = record
            case Fault():
                self.faults.append(record)
            case SamplerFailed():
                self.failed_samplers.append(record)
            case Printed() if len(self.printed) < PRINTED_SHOWN:
                left_out = f"\n… {record.left_out} bytes left out …\n" if record.left_out else ""
                self.printed += record.text + left_out
            case End():
                self.end = record
            case _:
                pass

    def become(self, status: Status, error: str | None = None) -> None:
        """Change the status. Raises IllegalChange for what the table does not hold."""
        if (self.status, status) not in ALLOWED:
            last = tuple(line.decode(errors="replace")[:200] for line in self.record_log.lines[-5:])
            raise IllegalChange(self.id, self.status, status, last)
        self.status = status
        self.error = error
        if status is Status.RUNNING:
            self.started, self.began = now(), time.monotonic()
        elif not status.live:
            self.ended = max(now(), self.started or "")  # somebody may have set the clock back
            self.record_log.close()
        self.notifier.notify()

    @property
    def lasted_s(self) -> float:
        """Seconds since it began, whatever the wall clock says; 0 before."""
        return time.monotonic() - self.began if self.started else 0.0

    def moment(self, recorded: int) -> int:
        """The stamp up to which a picture of it is drawn: now while it runs, else `recorded`, that of its last record.

        Until the first record has come there is no stamp to count from, and an axis would begin when the machine did.
        """
        return time.perf_counter_ns() if self.status is Status.RUNNING and self.opened else recorded

    # Both come from the parameters, which may be odd in a run of an earlier version: they are read only while it runs.

    @cached_property
    def worker_processes(self) -> int:
        """At a time, at most; 0 where none can be killed."""
        most: int = self.params.worker_processes
        return most

    @cached_property
    def demand(self) -> Demand:
        """What it was expected to take of the machine."""
        expected: Demand = self.params.demand
        return expected

    @property
    def begin_command(self) -> BeginRun:
        """The first command to its runner, without limits."""
        assert self.arguments is not None, f"run {self.id} was read from the journal, and is not started again"
        return BeginRun(self.id, self.experiment.name, self.experiment.body, self.arguments)

    @property
    def usable_cpus(self) -> int:
        return int(self.conditions.get("usable_cpus") or 1)

    @property
    def verdict(self) -> str | None:
        verdict = self.experiment.meaning.verdict(self.state, self.usable_cpus)
        return str(verdict) if verdict else None

    def as_json(self, *, whole: bool = True) -> dict[str, Any]:
        """The contract's run; without `whole`, as in a list, the state is left out."""
        answer: dict[str, Any] = {
            "id": self.id,
            "experiment": self.experiment.name,
            "params": self.params.model_dump(mode="json"),
            "status": self.status.value,
            "created": self.created,
            "started": self.started,
            "ended": self.ended,
            "conditions": self.conditions,
            "verdict": self.verdict if whole else self.summary or None,
            "error": self.error,
            "kept": not self.unkept,
            "queue": {"place": self.place, "expected_start": self.expected_start, "behind": list(self.behind)}
            if self.place
            else None,
            "shortage": self.shortage and self.shortage.as_json(),
        }
        if whole:
            answer["error_code"] = self.end.code if self.end else None
            answer["state"] = self.experiment.meaning.as_json(self.state)
            answer["faults"] = [
                {"worker": fault.worker, "of": fault.of, "pid": fault.pid, "at_s": (fault.t - self.opened) / 1e9}
                for fault in self.faults
            ]
            answer["findings"] = [
                finding.as_json() for finding in self.experiment.meaning.findings(self.state, self.usable_cpus)
            ]
        return answer
