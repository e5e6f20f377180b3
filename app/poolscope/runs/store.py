"""The runs at hand: live and recent ones in memory, all others folded again from the journal when asked for."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from poolscope.errors import UnknownRun
from poolscope.experiments.experiment import Experiments
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.machine import memory
from poolscope.runs.journal import LIVE, Journal, StoredRun
from poolscope.runs.monitor import decode_lines
from poolscope.runs.process_tree import is_alive
from poolscope.runs.recovery import recover
from poolscope.runs.run import ChangeNotifier, Run, Status, Visitor

RECENT = 12  # ended runs kept in memory, with their records; others are read from the journal again
RECENT_BYTES = 64 * 1024 * 1024
LARGE_BYTES = 16 * 1024 * 1024
MOST_VISITORS = 5_000  # remembered; those without a run are let go of first
OTHERS_S = 1.0  # at most so often is looked for what other processes ran
RECENT_UNKEPT = 50  # of those that the journal could not keep, more stay: they are nowhere else


@dataclass(slots=True)
class OwnRuns:
    """What one visitor has, or all together: the newest run of each experiment, by id.

    `changes` counts with every run that begins, ends, or goes; `activity` notifies with anything that happens to one.
    """

    activity: ChangeNotifier
    latest: dict[str, str] = field(default_factory=dict)
    changes: int = 0


class RunStore:
    """All runs that somebody may ask for, by id, and the newest of each experiment; `activity` is that of them all.

    `elsewhere` are the live runs of other processes that share the journal, newest first.
    """

    def __init__(
        self, journal: Journal, activity: ChangeNotifier | None = None, experiments: Experiments = EXPERIMENTS
    ) -> None:
        self._journal = journal
        self._experiments = experiments
        self._runs: dict[str, Run] = {}
        self._owned = {"": OwnRuns(activity or ChangeNotifier())}
        self.elsewhere: list[StoredRun] = []
        self._looked = 0.0  # for runs of other processes, on the monotonic clock

    async def open(self) -> None:
        """Look up the newest runs."""
        await self._look_at_others()
        for own in self._owned.values():
            own.changes = 0  # none of them begins or ends now

    async def notice_others(self) -> None:
        """Take note of runs in other processes, as those of `measure` beside a server."""
        if time.monotonic() >= self._looked + OTHERS_S:
            await self._look_at_others()

    async def _look_at_others(self) -> None:
        self._looked = time.monotonic()
        await self._take_in_ended()
        await self._take_in_live()

    async def _take_in_ended(self) -> None:
        """Note the newest ended runs of the journal. A run that another process still performs is left out until it
        ends, for it would stay as it was found."""
        for (experiment, visitor), run_id in (await self._journal.latest(ended=True)).items():
            for own in map(self.of, {visitor, ""}):
                # Of runs that began here we know, and a later one, even a live one, stays the newest.
                if _number(run_id) > _number(own.latest.get(experiment, "")):
                    own.latest[experiment] = run_id
                    own.changes += 1
                    own.activity.notify()

    async def _take_in_live(self) -> None:
        """Note what other processes run now; one that crashed runs nothing, whatever it has left in the journal."""
        owners = [(row, row.owner.get("server", {})) for row in await self._journal.live()]
        others = [row for row, server in owners if server.get("pid") != os.getpid() and is_alive(server)]
        before, now = ({(row.id, row.status): row.visitor for row in rows} for rows in (self.elsewhere, others))
        self.elsewhere = others
        for visitor in {visitor for key, visitor in (before | now).items() if not (key in before and key in now)}:
            self._begun_or_ended(visitor)

    def of(self, visitor: str = "") -> OwnRuns:
        """The runs of a visitor, of all for ''."""
        if visitor not in self._owned:
            if len(self._owned) > MOST_VISITORS:
                # Who has no run and still looks is served by the looks that a quiet page gets anyway.
                self._owned = {name: own for name, own in self._owned.items() if own.latest or not name}
            self._owned[visitor] = OwnRuns(ChangeNotifier(self._owned[""].activity))
        return self._owned[visitor]

    def wake(self) -> None:
        """Wake all who wait for anybody's runs."""
        for own in self._owned.values():
            own.activity.notify()

    def changed(self, run: Run) -> None:
        """Note that a run has begun, ended, or gone."""
        self._begun_or_ended(run.visitor.id)

    def _begun_or_ended(self, visitor: str) -> None:
        for own in map(self.of, {visitor, ""}):
            own.changes += 1
            own.activity.notify()

    def put(self, run: Run) -> None:
        """Add a new run, the newest of its experiment and of its visitor's."""
        self._runs[run.id] = run
        for visitor in ("", run.visitor.id):
            self.of(visitor).latest[run.experiment.name] = run.id

    async def remove(self, run: Run) -> None:
        """Forget a run that was deleted."""
        self._runs.pop(run.id, None)
        for visitor in ("", run.visitor.id):
            if self.of(visitor).latest.get(run.experiment.name) == run.id:
                await self._find_latest(run.experiment.name, visitor)

    def forget(self, pruned: Collection[str]) -> None:
        """Forget runs that the journal has let go of."""
        if pruned:
            for own in self._owned.values():
                own.latest = {name: run_id for name, run_id in own.latest.items() if run_id not in pruned}

    async def run(self, run_id: str) -> Run:
        """A run by its id, from memory or folded again from the journal. Raises UnknownRun."""
        run = self._runs.get(run_id)
        if run is None:
            row = await self._journal.run(run_id)
            if row is not None and row.status in LIVE and not is_alive(row.owner.get("server", {})):
                await recover(self._journal, self._experiments)  # another server shared the journal, and crashed
                row = await self._journal.run(run_id)
            if row is None:
                raise UnknownRun(run_id)
            run = await self._recall(row)
        return run

    async def latest(self, experiment: str, visitor: str = "") -> Run | None:
        """The newest run of an experiment, of anybody for ''."""
        own = self._owned.get(visitor)
        run_id = own.latest.get(experiment) if own else None
        try:
            return await self.run(run_id) if run_id else None
        except UnknownRun:  # pruned meanwhile
            return None

    def in_memory(self) -> list[Run]:
        """Live and recent runs, oldest first."""
        return sorted(self._runs.values(), key=lambda run: run.created)

    async def _find_latest(self, experiment: str, visitor: str) -> None:
        rows = await self._journal.runs(experiment=experiment, visitor=visitor, limit=RECENT)
        latest = self.of(visitor).latest
        latest.pop(experiment, None)
        # As in `_take_in_ended`, none that another process still performs.
        for row in [row for row in rows if row.ended or row.id in self._runs][:1]:
            latest[experiment] = row.id

    async def _recall(self, row: StoredRun) -> Run:
        """An ended run, folded again from its records; it joins the recent ones."""
        experiment = self._experiments[row.experiment]
        lines = await self._journal.lines(row.id)
        # They were valid when the run was made; a bound that is narrower today must not hide an old run.
        params = experiment.params.model_construct(**row.params)
        run = Run(row.id, experiment, params, visitor=Visitor(row.visitor))
        await asyncio.to_thread(lambda: run.take(decode_lines(lines)[0]))
        run.created, run.started, run.ended, run.error = row.created, row.started, row.ended, row.error
        run.status, run.summary = Status(row.status), row.summary
        run.conditions = {**run.conditions, **row.conditions}
        if run.started and run.end is None and not run.status.live:
            run.unkept = f"Only its first {len(run.record_log.lines)} records could be kept."
        run.record_log.close()
        run.elsewhere = run.status.live  # it goes on without us
        if not run.elsewhere:
            self._runs[run.id] = run
            await self.forget_old()
        return run

    async def forget_old(self) -> None:
        """Let go of ended runs beyond the recent ones, and of such whose records are too large together for the memory;
        the journal has them. The newest stays, whatever its size."""
        if self._forget_old() > LARGE_BYTES:
            # The C library would keep what they held, as it is not at the end of what it has from the system.
            await asyncio.to_thread(memory.give_back)

    def _forget_old(self) -> int:
        """Returns how many bytes of records were let go of."""
        before = self._held()
        ended = [run for run in self._runs.values() if not run.status.live]
        held = 0
        for number, run in enumerate([run for run in reversed(ended) if not run.unkept]):
            held += run.record_log.bytes
            if number and held > RECENT_BYTES:
                ended.remove(run)
                del self._runs[run.id]
        for some, most in (
            ([run for run in ended if not run.unkept], RECENT),
            ([run for run in ended if run.unkept], RECENT_UNKEPT),
        ):
            for run in some[: max(len(some) - most, 0)]:
                del self._runs[run.id]
        return before - self._held()

    def _held(self) -> int:
        return sum(run.record_log.bytes for run in self._runs.values() if not run.status.live)


def _number(run_id: str) -> int:
    """The place of a run among all that the journal keeps; after all of them for one that it could not keep."""
    number = run_id.partition("-")[2]
    return int(number) if number.isdecimal() else sys.maxsize if run_id else 0
