"""One run in the terminal, from its parameters to the exit status; `--fail-if` names results that make that 1.

Conditions are for a build to stop at: they are read before anything is started, and judged by what the run has found.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import typer

from poolscope.cli.output import BAD_USAGE, FAILED, INTERRUPTED, ProgressDisplay, print_result, say
from poolscope.errors import BadParameters, ParameterError, UnknownRun
from poolscope.experiments.experiment import Installation
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.conditions import (
    FORMS,
    Condition,
    EarlierRun,
    conditions,
    earlier_run,
    judge,
)
from poolscope.experiments.pool_benchmark.verdict import every_pool_broke, whys_left_out
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.library.answer import Again
from poolscope.library.lone_run import LoneRun, is_misnamed
from poolscope.runs.budget import ResourceBudget
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run, Status
from poolscope.runs.store import RunStore
from poolscope.settings import Settings

UNBOUNDED = ResourceBudget()
EXIT_STATUS = {Status.FINISHED: 0, Status.FAILED: FAILED, Status.STOPPED: INTERRUPTED, Status.INTERRUPTED: INTERRUPTED}
JUDGED_EXPERIMENTS = ("which-pool", "pool-sizes")
FAIL_IF_HELP = (
    "Exit with 1 if this condition is shown to hold, and print its figures. One that can't be decided, as in a "
    f"disturbed run, doesn't fail. {FORMS}. May be repeated."
)


def perform(
    settings: Settings,
    installation: Installation,
    experiment: str,
    raw: Mapping[str, Any],
    *,
    quiet: bool,
    budget: ResourceBudget = UNBOUNDED,
) -> Run:
    """Run an experiment to its end, within a budget. Raises BadParameters before anything is started."""
    about = EXPERIMENTS[experiment]
    params = parse(about.params, raw)
    about.arguments(params, installation)
    budget.check(params)
    return asyncio.run(_perform(settings, installation, experiment, raw, quiet, budget))


async def _perform(
    settings: Settings,
    installation: Installation,
    experiment: str,
    raw: Mapping[str, Any],
    quiet: bool,
    budget: ResourceBudget,
) -> Run:
    """Run it in a scheduler of its own; SIGINT and SIGTERM stop it and keep what it has."""
    interrupted = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, interrupted.set)
    lone = LoneRun(
        experiment,
        raw,
        installation,
        journal=settings.journal_path,
        turns=settings.journal_path,
        keep_runs=settings.keep_runs,
        journal_mib=settings.journal_mib,
        budget=budget,
    )
    return await lone.perform(lambda run: ProgressDisplay(run, quiet=quiet).follow(), interrupted, say)


def print_and_exit(run: Run, as_json: bool, again: Again, failing: FailIf, footer: str = "") -> NoReturn:
    """Print the result of an ended run, as text with `footer` below it or as JSON, and exit as it ended.

    `again` words the command that runs it with a remedy; where a condition of `failing` holds, or every pool of the run
    broke, the exit status is 1.
    """
    if run.error:
        say(run.error)
    misnamed = is_misnamed(run)
    if as_json:
        typer.echo(json.dumps(run.as_json(), ensure_ascii=False, allow_nan=False, indent=2))
    elif not misnamed:  # the sentence says it all, and the same command would say it again
        print_result(run, again)
        if footer:
            typer.echo(footer)
    if run.unkept:
        say(f"This run is not kept: {run.unkept}")
    failed = failing.exit_status(run)
    if run.status is Status.FINISHED and run.experiment.name in JUDGED_EXPERIMENTS and every_pool_broke(run.state):
        failed = FAILED
        if as_json:
            say(*whys_left_out(run.state))
    raise typer.Exit(BAD_USAGE if misnamed else EXIT_STATUS[run.status] or failed)


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
