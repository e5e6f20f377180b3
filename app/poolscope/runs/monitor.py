"""Follows one run to its end: reads its runner, journals its records, leaves nothing of it, and names how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from poolscope.errors import MalformedRecord
from poolscope.protocol.payloads import FailureCode, RoundEnded
from poolscope.protocol.records import End, Record, Result, from_line, to_line
from poolscope.runs.budget import Breach
from poolscope.runs.journal import Journal
from poolscope.runs.redaction import Redaction
from poolscope.runs.run import Run, Status
from poolscope.runs.runner_process import RunnerProcess, death_of_runner
from poolscope.text.numbers import size

# Records are folded in the event loop, some milliseconds at a time: a busy run sends thousands at once, and everybody
# else is to be answered in between.
AT_A_TIME = 100
RECORDS_LIMIT = 256 * 1024 * 1024
RUNNER_OUTCOMES = ("finished", "stopped", "failed")
CUT_OFF = "The server ended while this run was live. Its records are kept."

log = logging.getLogger(__name__)


class RunMonitor:
    """Follows running runs and journals them. `closing` says whether the server is ending meanwhile.

    `redact` takes out of all that a runner says what nobody may see; None is for nothing. A run whose records are more
    than `records_limit` bytes is ended: the server holds them in memory while it is live.
    """

    def __init__(
        self,
        journal: Journal,
        closing: Callable[[], bool],
        records_limit: int = RECORDS_LIMIT,
        redact: Redaction | None = None,
    ) -> None:
        self._journal = journal
        self._records_limit = records_limit
        self._closing = closing
        self._redact = redact

    async def follow(self, run: Run, runner: RunnerProcess) -> None:
        """Read a run that was begun to its end, leave nothing of its runner, and put that end into a status."""
        opened = asyncio.Event()
        prints = asyncio.create_task(self._read_prints(run, runner, opened))
        malformed, patience = "", 0.0
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
