"""Drives one run to its end: reads its runner, keeps what it says, leaves nothing of it, and names how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from poolscope.errors import MalformedRecord
from poolscope.protocol.records import End, Record, from_line, to_line
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run
from poolscope.runs.runner_process import Runner, death
from poolscope.runs.status import Status

SAID_BY_RUNNERS = ("finished", "stopped", "failed")


class RunMonitor:
    """Follows running runs and journals them. `closing` tells whether the server is ending meanwhile."""

    def __init__(self, journal: Journal, closing: Callable[[], bool]) -> None:
        self._journal = journal
        self._closing = closing

    async def follow(self, run: Run, runner: Runner) -> None:
        """Read a run that was ordered to its end, leave nothing of the runner, and put that end into a status."""
        heard = asyncio.Event()
        prints = asyncio.create_task(self._read_prints(run, runner, heard))
        nonsense, patience = "", 0.0
        try:
            async with contextlib.aclosing(runner.lines()) as batches:
                async for lines in batches:
                    await self._take(run, lines)
                    heard.set()
                    if run.end is not None:
                        break
            patience = 2.0
        except MalformedRecord as malformed:
            nonsense = str(malformed)
        finally:
            heard.set()
            code = await runner.reap(patience)
            await asyncio.wait({prints}, timeout=1)
            prints.cancel()
            await asyncio.gather(prints, return_exceptions=True)
        await self._conclude(run, nonsense or death(code, runner.last_words))

    async def _take(self, run: Run, lines: list[bytes]) -> None:
        """Fold and keep what a runner said. Raises MalformedRecord for nonsense, after all that came before it."""
        first = len(run.record_log.lines) + 1
        records, nonsense = readable(lines)
        try:
            run.take(records)
        except Exception as broken:  # well-formed, but no fold can make sense of it: the runner's fault, not ours
            nonsense = MalformedRecord(lines[len(run.record_log.lines) + 1 - first], repr(broken))
        await self._keep(run, first, run.record_log.lines[first - 1 :])
        if nonsense is not None:
            raise nonsense

    async def _read_prints(self, run: Run, runner: Runner, heard: asyncio.Event) -> None:
        async with contextlib.aclosing(runner.prints()) as prints:
            async for printed in prints:
                await heard.wait()  # the opening comes first on every tape; what is printed meanwhile is not lost
                await self._add(run, printed)

    async def _add(self, run: Run, record: Record) -> None:
        """Put a record of our own on the tape."""
        first, line = len(run.record_log.lines) + 1, to_line(record)
        run.take([(record, line)])
        await self._keep(run, first, [line])

    async def _keep(self, run: Run, first: int, lines: Sequence[bytes]) -> None:
        if lines and not run.unkept and not await self._journal.append(run.id, first, lines):
            run.unkept = self._journal.trouble
            run.notifier.notify()

    async def _conclude(self, run: Run, death_reason: str) -> None:
        """Give the run the status that its end deserves. A run that said no end gets one, so that every tape has it."""
        end = run.end
        error: str | None = None
        if self._closing() and not run.stopping and (end is None or end.outcome == "stopped"):
            outcome, error = Status.INTERRUPTED, "The server ended while this run was live. Its records are kept."
        elif end is not None and end.outcome in SAID_BY_RUNNERS:
            outcome, error = Status(end.outcome), end.reason or None
        elif run.stopping:
            outcome = Status.STOPPED
        else:
            outcome, error = Status.FAILED, death_reason
        if end is None:
            await self._add(run, End(time.perf_counter_ns(), outcome.value, error or ""))
        run.summary = run.verdict or ""
        run.become(outcome, error)

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


def readable(lines: Sequence[bytes]) -> tuple[list[tuple[Record, bytes]], MalformedRecord | None]:
    """The records that lines hold, up to the first that holds none, and what is wrong with that one."""
    records = []
    for line in lines:
        try:
            records.append((from_line(line), line))
        except MalformedRecord as nonsense:
            return records, nonsense
    return records, None
