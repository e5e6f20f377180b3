"""`--fail-if`: conditions on the result of a run under which a command exits with 1, for a build to stop at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolscope.cli.output import FAILED, say
from poolscope.errors import BadParameters, ParameterError, UnknownRun
from poolscope.experiments.pool_benchmark.conditions import (
    FORMS,
    Condition,
    EarlierRun,
    conditions,
    earlier_run,
    judge,
)
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run, Status
from poolscope.runs.store import RunStore

JUDGED_EXPERIMENTS = ("which-pool", "pool-sizes")
HELP = (
    "Exit with 1 if this condition is shown to hold, and print its figures. One that can't be decided, as in a "
    f"disturbed run, doesn't fail. {FORMS}. May be repeated."
)


@dataclass(frozen=True, slots=True)
class FailIf:
    """The conditions of one command, each as it was written and with the saved run that it compares with."""

    conditions: tuple[tuple[str, Condition, EarlierRun | None], ...] = ()

    @classmethod
    def of(cls, texts: Sequence[str], experiment: str, journal: Path) -> FailIf:
        """Read the conditions and the runs that they name. Raises BadParameters, before anything is started."""
        if texts and experiment not in JUDGED_EXPERIMENTS:
            known = " and ".join(JUDGED_EXPERIMENTS)
            raise BadParameters((ParameterError("--fail-if", f"--fail-if is for {known}, not for {experiment}."),))
        return cls(tuple((text, asked, saved(asked.run, journal)) for text, asked in conditions(texts)))

    def exit_status(self, run: Run) -> int:
        """Say what became of each condition; 1 where one holds, else 0. A run that did not finish is not judged."""
        if not self.conditions:
            return 0
        if run.status is not Status.FINISHED:
            say(f"--fail-if was not checked: the run was {run.status}.")
            return 0
        results = [judge(text, asked, run.state, run.usable_cpus, earlier) for text, asked, earlier in self.conditions]
        say(*(f"--fail-if {result.sentence}" for result in results))
        return FAILED if any(result.holds for result in results) else 0


def saved(name: str, journal: Path) -> EarlierRun | None:
    """A run out of a file with its JSON, or by its id out of the journal. Raises BadParameters."""
    if not name:
        return None
    try:
        document: Any = json.loads(Path(name).read_text("utf-8")) if Path(name).is_file() else None
    except (OSError, ValueError) as error:
        raise BadParameters((ParameterError("--fail-if", f"{name} can't be read as JSON: {error}."),)) from None
    return earlier_run(name, asyncio.run(kept(name, journal)) if document is None else document)


async def kept(name: str, path: Path) -> dict[str, Any]:
    """The JSON of a run in the journal. Raises BadParameters."""
    journal = Journal(path)
    try:
        return (await RunStore(journal).run(name)).as_json()
    except UnknownRun:
        raise BadParameters(
            (ParameterError("--fail-if", f"There is no run {name} in {path}, and no file of that name."),)
        ) from None
    finally:
        await journal.close()
