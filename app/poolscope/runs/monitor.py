"""Follows runs to their end: reads a runner, journals its records, leaves nothing of it, and names how the run ended.

A run that holds too much is ended. It may hold more than was estimated as long as there is enough for all: nobody is
hurt by that. So live runs are looked at together, once a second. `usage_of` is the look, `find_breach` the judgement,
which is pure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from poolscope.errors import MalformedRecord
from poolscope.experiments.demand import Demand
from poolscope.machine import memory
from poolscope.protocol.payloads import FailureCode, RoundEnded
from poolscope.protocol.records import End, Record, Result, from_line, to_line
from poolscope.runs.budget import Breach, ResourceBudget
from poolscope.runs.journal import Journal
from poolscope.runs.redaction import Redaction
from poolscope.runs.run import Run, Status
from poolscope.runs.runner_process import RunnerProcess, death_of_runner
from poolscope.text.numbers import duration, size

# Records are folded in the event loop, some milliseconds at a time: a busy run sends thousands at once, and everybody
# else is to be answered in between.
AT_A_TIME = 100
RECORDS_LIMIT = 256 * 1024 * 1024
LOOK_S = 1.0
# A runner that a signal has stopped goes on where that was a moment's business; after so many looks it won't.
SUSPENDED_LOOKS = 5
PROC = Path("/proc")
RUNNER_OUTCOMES = ("finished", "stopped", "failed")
CUT_OFF = "The server ended while this run was live. Its records are kept."

log = logging.getLogger(__name__)


class RunMonitor:
    """Follows running runs, journals them, and has them watched. `closing` says whether the server is ending meanwhile.

    `redact` takes out of all that a runner says what nobody may see; None is for nothing. A run whose records are more
    than `records_limit` bytes is ended: the server holds them in memory while it is live.
    """

    def __init__(
        self,
        journal: Journal,
        closing: Callable[[], bool],
        watch: RunWatch,
        records_limit: int = RECORDS_LIMIT,
        redact: Redaction | None = None,
    ) -> None:
        self._journal = journal
        self._records_limit = records_limit
        self._closing = closing
        self._watch = watch
        self._redact = redact

    async def follow(self, run: Run, runner: RunnerProcess) -> None:
        """Read a run that was begun to its end, leave nothing of its runner, and put that end into a status."""
        opened = asyncio.Event()
        prints = asyncio.create_task(self._read_prints(run, runner, opened))
        malformed, patience = "", 0.0
        self._watch.add(run, runner)
        try:
            async with contextlib.aclosing(runner.lines()) as batches:
                async for lines in batches:
                    for first in range(0, len(lines), AT_A_TIME):
                        some = lines[first : first + AT_A_TIME]
                        if self._redact is not None:
                            some = [self._redact(line) for line in some]
                        await self._take(run, runner, some)
                        await asyncio.sleep(0)
                    opened.set()
                    if run.end is not None:
                        break
                    if run.record_log.bytes > self._records_limit:
                        run.breach = run.breach or too_many_records(self._records_limit)
                        break
            patience = 0.0 if run.breach else 2.0
        except MalformedRecord as error:
            malformed = str(error)
        finally:
            opened.set()
            try:
                code = await runner.reap(patience)
                await asyncio.wait({prints}, timeout=1)
            finally:  # cancelled, too, where a server that ends waits no longer
                self._watch.remove(run)
                prints.cancel()
                await asyncio.gather(prints, return_exceptions=True)
        await self._conclude(run, runner, code, malformed)

    def redacted(self, text: str) -> str:
        """A text as everybody may see it."""
        if self._redact is None:
            return text
        return self._redact(text.encode(errors="replace")).decode(errors="replace")

    async def _take(self, run: Run, runner: RunnerProcess, lines: list[bytes]) -> None:
        """Fold record lines, answer what asks for an answer, and journal them all.

        Raises MalformedRecord, once all that came before that line is kept.
        """
        first = len(run.record_log.lines) + 1
        records, malformed = decode_lines(lines)
        if records and isinstance(records[-1][0], End):
            records[-1] = _with_reason(*records[-1], run.breach or runner.breach)
        try:
            run.take(records)
        except Exception as error:  # well-formed, but no fold can make sense of it: the runner's fault, not ours
            malformed = MalformedRecord(lines[len(run.record_log.lines) + 1 - first], repr(error))
        if any(isinstance(record, Result) and isinstance(record.payload, RoundEnded) for record, _ in records):
            await self._steer(run, runner)
        await self._keep(run, first, run.record_log.lines[first - 1 :])
        if malformed is not None:
            raise malformed

    async def _steer(self, run: Run, runner: RunnerProcess) -> None:
        """Tell the runner, which waits for it, what its experiment makes of the round that has ended."""
        if run.experiment.steer is None:
            return
        try:
            command = await asyncio.to_thread(run.experiment.steer, run.state)
        except Exception:  # the run goes on by itself, as one whose server is slow
            log.exception("Run %s could not be steered.", run.id)
            return
        if command is not None:
            runner.send(command)

    async def _read_prints(self, run: Run, runner: RunnerProcess, opened: asyncio.Event) -> None:
        async with contextlib.aclosing(runner.prints()) as prints:
            async for printed in prints:
                await opened.wait()  # the opening comes first in every log; what is printed meanwhile stays in the pipe
                await self._add(run, replace(printed, text=self.redacted(printed.text)))

    async def _add(self, run: Run, record: Record) -> None:
        """Add a record of our own."""
        first, line = len(run.record_log.lines) + 1, to_line(record)
        run.take([(record, line)])
        await self._keep(run, first, [line])

    async def _keep(self, run: Run, first: int, lines: Sequence[bytes]) -> None:
        if lines and not run.unkept and not await self._journal.append(run.id, first, lines):
            run.unkept = self._journal.trouble
            run.notifier.notify()

    async def _conclude(self, run: Run, runner: RunnerProcess, exit_code: int, malformed: str) -> None:
        """Give the run the status that its end deserves. A log without an end gets one, so that every log has it."""
        end = run.end
        error: str | None = None
        code: FailureCode | None = None
        if self._closing() and not run.stopping and (end is None or end.outcome == "stopped"):
            outcome, error = Status.INTERRUPTED, CUT_OFF
        elif end is not None and end.outcome in RUNNER_OUTCOMES:
            outcome, error = Status(end.outcome), end.reason or None
        elif run.stopping:
            outcome = Status.STOPPED
        else:
            death = self._death(run, runner, exit_code, malformed)
            outcome, error, code = Status.FAILED, death.sentence, death.code
        if end is None:
            await self._add(run, End(time.perf_counter_ns(), outcome.value, error or "", code))
        run.summary = run.verdict or ""
        run.become(outcome, error)

    def _death(self, run: Run, runner: RunnerProcess, exit_code: int, malformed: str) -> Breach:
        """Why there was no end: the runner wrote what is no record, was ended for a limit, or died."""
        if malformed:
            return Breach(None, self.redacted(malformed))
        last_words = self.redacted(runner.last_words)
        return run.breach or runner.breach or death_of_runner(exit_code, last_words, runner.memory_kills.happened)

    async def save(self, run: Run, owner: Mapping[str, Any] | None = None) -> None:
        columns: dict[str, Any] = {
            "status": run.status.value,
            "started": run.started,
            "ended": run.ended,
            "conditions": run.conditions,
            "error": run.error,
            "summary": run.summary,
        }
        if owner is not None:
            columns["owner"] = dict(owner)
        if not await self._journal.save(run.id, **columns) and not run.unkept:
            run.unkept = self._journal.trouble


def _with_reason(record: Record, line: bytes, breach: Breach | None) -> tuple[Record, bytes]:
    """A failed end as the runner told it, with the limit before it that the runner could not know of."""
    if breach is None or not isinstance(record, End) or record.outcome != "failed":
        return record, line
    # That the kernel had no memory for it the runner knows as well, but not that this was for a limit of its own.
    if record.code == breach.code or record.code not in (None, "out-of-memory"):
        return record, line
    told = replace(record, reason=f"{breach.sentence} {record.reason}".strip(), code=breach.code)
    return told, to_line(told)


def too_many_records(limit: int) -> Breach:
    return Breach(
        "record-limit", f"It was ended because its records are more than the {size(limit)} that a run may send."
    )


def decode_lines(lines: Sequence[bytes]) -> tuple[list[tuple[Record, bytes]], MalformedRecord | None]:
    """The records in lines, up to the first line that is none, and what is wrong with that one."""
    records = []
    for line in lines:
        try:
            records.append((from_line(line), line))
        except MalformedRecord as malformed:
            return records, malformed
    return records, None


# What live runs hold


class RunWatch:
    """Watches the runs that it was given, as long as there are any. What all may hold is the `budget`.

    `limit_s` is the time that one run may last, `cpu_limit_s` its CPU time, None for any.
    """

    def __init__(self, budget: ResourceBudget, limit_s: float | None, cpu_limit_s: float | None) -> None:
        self._budget = budget
        self._limit_s, self._cpu_limit_s = limit_s, cpu_limit_s
        self._live: dict[str, tuple[Run, RunnerProcess]] = {}
        self._suspended: dict[str, int] = {}
        self._loop: asyncio.Task[None] | None = None

    def add(self, run: Run, runner: RunnerProcess) -> None:
        """Watch a run that has begun, until it is removed."""
        self._live[run.id] = (run, runner)
        if self._loop is None or self._loop.done():
            # Without the context of whose run begins: a log line must not name another's request.
            self._loop = asyncio.create_task(self._follow(), context=Context())

    def remove(self, run: Run) -> None:
        self._live.pop(run.id, None)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.cancel()

    async def _follow(self) -> None:
        while self._live:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except Exception:  # one look that fails must not end the watch
                log.exception("The live runs could not be looked at.")
        self._suspended = {}

    async def look(self) -> None:
        """Look once, and end at most one run."""
        live = {run_id: each for run_id, each in self._live.items() if each[0].status is Status.RUNNING}
        found = await asyncio.to_thread(usage_of, [runner.pid for _, runner in live.values()])
        usages = {run_id: found[runner.pid] for run_id, (_, runner) in live.items()}
        self._suspended = {
            run_id: self._suspended.get(run_id, 0) + 1 for run_id, usage in usages.items() if usage.suspended
        }
        looked_at = {
            run_id: LookedAt(run.demand, usages[run_id], self._suspended.get(run_id, 0), run.lasted_s)
            for run_id, (run, _) in live.items()
            if run.breach is None
        }
        breach = await asyncio.to_thread(find_breach, looked_at, self._budget, self._cpu_limit_s, self._limit_s)
        if breach is not None:
            run, runner = live[breach[0]]
            run.breach = breach[1]
            await runner.kill()


@dataclass(frozen=True, slots=True)
class SessionUsage:
    """One session: its processes and threads, and what they hold.

    `resident` counts what several processes share in each of them, so it is too much rather than too little. `cpu_s`
    are the seconds of all that live, and of those that they have waited for. `suspended`: its leader was stopped by a
    signal, and does nothing.
    """

    pids: tuple[int, ...] = ()
    tasks: int = 0
    resident: int = 0
    cpu_s: float = 0.0
    suspended: bool = False

    def with_process(self, pid: int, tasks: int, resident: int, cpu_s: float, suspended: bool) -> SessionUsage:
        return SessionUsage(
            (*self.pids, pid),
            self.tasks + tasks,
            self.resident + resident,
            self.cpu_s + cpu_s,
            self.suspended or suspended,
        )

    @property
    def shared_once(self) -> int:
        """Bytes, what is shared counted once; takes about a millisecond a process. What has ended counts as nothing."""
        total = 0
        for pid in self.pids:
            with contextlib.suppress(OSError):
                total += memory.held([pid])[1][0]
        return total


def usage_of(leaders: Collection[int], proc: Path = PROC) -> Mapping[int, SessionUsage]:
    """The usage of each session by its leader's process id. Blocks, for about 20 µs a process of the machine."""
    found = dict.fromkeys(leaders, SessionUsage())
    for process in _from_proc(proc) if proc.joinpath("self", "stat").exists() else _from_psutil(leaders):
        session, pid, tasks, resident, cpu_s, suspended = process
        if session in found:
            found[session] = found[session].with_process(pid, tasks, resident, cpu_s, suspended and pid == session)
    return found


Process = tuple[int, int, int, int, float, bool]  # session, pid, tasks, resident, cpu_s, suspended


def _from_proc(proc: Path) -> list[Process]:
    """Not by psutil, which needs several files a process, and ten times as long."""
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            # proc(5): the fields after the command name, which may hold anything, from the third on.
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] != b"Z":
                cpu_s = sum(map(int, fields[11:15])) / tick
                resident = int(fields[21]) * page
                found.append((int(fields[3]), int(entry.name), int(fields[17]), resident, cpu_s, fields[0] == b"T"))
        except (OSError, ValueError, IndexError):
            continue  # it ended while we looked
    return found


def _from_psutil(leaders: Collection[int]) -> list[Process]:
    found = []
    for pid in psutil.pids():
        try:
            session = os.getsid(pid)
            if session in leaders:
                process = psutil.Process(pid)
                suspended = process.status() == psutil.STATUS_STOPPED
                cpu_s, held = sum(process.cpu_times()[:4]), process.memory_info().rss
                found.append((session, pid, process.num_threads(), held, cpu_s, suspended))
        except (OSError, psutil.Error):
            continue
    return found


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A live run at one look: what it was expected to take, what it holds, for how many looks it was suspended, and how
    many seconds it has lasted."""

    demand: Demand
    usage: SessionUsage
    suspended: int = 0
    lasted_s: float = 0.0


def find_breach(
    runs: Mapping[str, LookedAt], budget: ResourceBudget, cpu_limit_s: float | None, limit_s: float | None = None
) -> tuple[str, Breach] | None:
    """The run that must end, by its id, and why; None where all can go on."""
    for run_id, run in runs.items():
        if run.suspended >= SUSPENDED_LOOKS:
            return run_id, Breach(
                "suspended",
                f"It was ended because a signal had stopped its runner process, which did not go on within "
                f"{SUSPENDED_LOOKS} s.",
            )
        if limit_s is not None and run.lasted_s > limit_s:
            return run_id, Breach(
                "time-limit", f"It was ended after {duration(limit_s)}, which is as long as a run may last here."
            )
        if cpu_limit_s is not None and run.usage.cpu_s > cpu_limit_s:
            return run_id, Breach(
                "cpu-limit",
                f"It was ended after {duration(run.usage.cpu_s)} of CPU time, of which a run may take "
                f"{duration(cpu_limit_s)} here.",
            )
    tasks = sum(run.usage.tasks for run in runs.values())
    if budget.processes is not None and tasks > budget.processes:
        worst = max(runs, key=lambda run_id: runs[run_id].usage.tasks - runs[run_id].demand.processes)
        return worst, Breach(
            "process-limit",
            f"It was ended with {runs[worst].usage.tasks:,} processes and threads, where about "
            f"{runs[worst].demand.processes:,} were expected and all runs may have {budget.processes:,} here.",
        )
    if budget.memory is not None and sum(run.usage.resident for run in runs.values()) > budget.memory:
        held = {run_id: run.usage.shared_once for run_id, run in runs.items()}
        if sum(held.values()) > budget.memory:
            worst = max(runs, key=lambda run_id: held[run_id] - runs[run_id].demand.memory)
            return worst, Breach(
                "memory-limit",
                f"It was ended with {size(held[worst])} of memory, where about {size(runs[worst].demand.memory)} were "
                f"expected and all runs may have {size(budget.memory)} here.",
            )
    return None
