"""The runs at hand: live and recent ones in memory, all others folded again from the journal when asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from poolscope.errors import UnknownRun
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.journal import LIVE, Journal, StoredRun
from poolscope.runs.monitor import decode_lines
from poolscope.runs.process_tree import is_alive
from poolscope.runs.recovery import recover
from poolscope.runs.run import Run, Status

RECENT = 12  # ended runs kept in memory, with their records; others are read from the journal again
RECENT_UNKEPT = 50  # of those that the journal could not keep, more stay: they are nowhere else


class RunStore:
    """All runs that somebody may ask for, by id, and the newest of each experiment."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._runs: dict[str, Run] = {}
        self._latest: dict[str, str] = {}

    async def open(self, experiments: Iterable[str]) -> None:
        """Look up the newest run of each experiment."""
        for name in experiments:
            await self._find_latest(name)

    def put(self, run: Run) -> None:
        """Add a new run, the newest of its experiment."""
        self._runs[run.id] = run
        self._latest[run.experiment.name] = run.id

    async def remove(self, run: Run) -> None:
        """Forget a run that was deleted."""
        self._runs.pop(run.id, None)
        if self._latest.get(run.experiment.name) == run.id:
            await self._find_latest(run.experiment.name)

    async def run(self, run_id: str) -> Run:
        """A run by its id, from memory or folded again from the journal. Raises UnknownRun."""
        run = self._runs.get(run_id)
        if run is None:
            row = await self._journal.run(run_id)
            if row is not None and row.status in LIVE and not is_alive(row.owner.get("server", {})):
                await recover(self._journal)  # another server shared the journal, and crashed
                row = await self._journal.run(run_id)
            if row is None:
                raise UnknownRun(run_id)
            run = await self._recall(row)
        return run

    async def latest(self, experiment: str) -> Run | None:
        """The newest run of an experiment."""
        run_id = self._latest.get(experiment)
        try:
            return await self.run(run_id) if run_id else None
        except UnknownRun:  # pruned meanwhile
            return None

    def in_memory(self) -> list[Run]:
        """Live and recent runs, oldest first."""
        return sorted(self._runs.values(), key=lambda run: run.created)

    async def _find_latest(self, experiment: str) -> None:
        rows = await self._journal.runs(experiment=experiment, limit=1)
        if rows:
            self._latest[experiment] = rows[0].id
        else:
            self._latest.pop(experiment, None)

    async def _recall(self, row: StoredRun) -> Run:
        """An ended run, folded again from its records; it joins the recent ones."""
        experiment = EXPERIMENTS[row.experiment]
        lines = await self._journal.lines(row.id)
        # They were valid when the run was made; a bound that is narrower today must not hide an old run.
        run = Run(row.id, experiment, experiment.params.model_construct(**row.params))
        await asyncio.to_thread(lambda: run.take(decode_lines(lines)[0]))
        run.created, run.started, run.ended, run.error = row.created, row.started, row.ended, row.error
        run.status, run.summary = Status(row.status), row.summary
        run.conditions = {**run.conditions, **row.conditions}
        if run.started and run.end is None and not run.status.live:
            run.unkept = f"Only its first {len(run.record_log.lines)} records could be kept."
        run.record_log.close()
        if not run.status.live:  # another server's run goes on without us
            self._runs[run.id] = run
            self.forget_old()
        return run

    def forget_old(self) -> None:
        """Let go of ended runs beyond the recent ones; the journal has them."""
        ended = [run for run in self._runs.values() if not run.status.live]
        for some, most in (
            ([run for run in ended if not run.unkept], RECENT),
            ([run for run in ended if run.unkept], RECENT_UNKEPT),
        ):
            for run in some[: max(len(some) - most, 0)]:
                del self._runs[run.id]
