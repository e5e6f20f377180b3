"""One run from start to end in a scheduler of its own, as on the command line and from Python."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poolscope.experiments.experiment import Installation
from poolscope.runs import earlier_journals
from poolscope.runs.budget import ResourceBudget
from poolscope.runs.journal import Journal, in_words
from poolscope.runs.measurement_lock import MeasurementLock
from poolscope.runs.run import Run
from poolscope.runs.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class LoneRun:
    """What to run and where to keep it. `turns` is the journal with whose users it takes turns in measuring.

    `budget` is what it may take of the machine.
    """

    experiment: str
    parameters: Mapping[str, Any]
    installation: Installation
    journal: Path
    turns: Path
    keep_runs: int = 500
    journal_mib: int = 1024
    budget: ResourceBudget = field(default_factory=ResourceBudget)

    async def perform(
        self, follow: Callable[[Run], Awaitable[None]], interrupted: asyncio.Event, say: Callable[[str], None]
    ) -> Run:
        """Run it to its end, or until it is `interrupted`: then it is stopped, and has what it has. No child is left.

        A run whose function or items are not there is not kept: there is nothing in it to look at. `follow` is
        given the run and returns once it has ended; what can't be kept is told to `say`. Raises BadParameters
        before anything is started.
        """
        journal = Journal(self.journal, limit_mib=self.journal_mib)
        scheduler = Scheduler(
            journal,
            installation=self.installation,
            keep_runs=self.keep_runs,
            budget=self.budget,
            measurement_lock=MeasurementLock(self.turns),
            lone=self.experiment,
        )
        try:
            await scheduler.open()
        except (OSError, sqlite3.Error) as error:
            say(f"Runs can't be kept in {self.journal}: {in_words(error)}.")
        if journal.set_aside:
            say(earlier_journals.in_words(str(journal.path), [str(journal.set_aside)]))
        try:
            run = await scheduler.start(self.experiment, self.parameters)
            following = asyncio.ensure_future(follow(run))
            signalled = asyncio.create_task(interrupted.wait())
            await asyncio.wait((following, signalled), return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                await scheduler.stop(run.id)
            signalled.cancel()
            await following
            if is_misnamed(run):
                await scheduler.delete(run.id)
        finally:
            await scheduler.close()
        return run


def is_misnamed(run: Run) -> bool:
    """Whether it ended since the user named a function or items that are not there, or can't be what they should."""
    return run.end is not None and run.end.code == "bad-reference"
