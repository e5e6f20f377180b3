"""`poolscope run`: one experiment in the terminal, through the same scheduler and journal as in the browser."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, NoReturn

import typer

from poolscope.cli.output import BAD_USAGE, FAILED, INTERRUPTED, ProgressDisplay, error_exits, print_result, say
from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.installation import Installation
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.validation import offered_installation
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.machine import interpreters
from poolscope.runs import earlier_journals
from poolscope.runs.journal import Journal, in_words
from poolscope.runs.run import Run, Status
from poolscope.runs.scheduler import Scheduler
from poolscope.settings import Settings, read_settings
from poolscope.stats import intervals

EXIT_STATUS = {Status.FINISHED: 0, Status.FAILED: FAILED, Status.STOPPED: INTERRUPTED, Status.INTERRUPTED: INTERRUPTED}


def command(
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="One of those that `poolscope list` names.")],
    param: Annotated[
        list[str] | None, typer.Option("-p", "--param", metavar="NAME=VALUE", help="A parameter; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run as JSON instead of a table.")] = False,
) -> None:
    """Run one experiment here: progress on stderr, the result on stdout.

    Exits with 0 when it finished, 1 when it failed, 2 when a parameter is wrong, 130 when it was interrupted.
    """
    with error_exits():
        raw = parse_pairs(param or ())
        settings = read_settings()
        installation = offered_installation(settings.workloads)
        if raw.get("pythons"):
            found = asyncio.run(interpreters.find(*interpreters.parse_setting(settings.pythons)))
            installation = replace(installation, pythons=interpreters.by_label(found))
        run = perform(settings, installation, experiment, raw, quiet=as_json)
    print_and_exit(run, as_json)


def perform(
    settings: Settings, installation: Installation, experiment: str, raw: Mapping[str, Any], *, quiet: bool
) -> Run:
    """Run an experiment to its end. Raises BadParameters before anything is started."""
    about = EXPERIMENTS[experiment]
    about.arguments(parse(about.params, raw), installation)
    return asyncio.run(_perform(settings, installation, experiment, raw, quiet))


def print_and_exit(run: Run, as_json: bool, footer: str = "") -> NoReturn:
    """Print the result of an ended run, as a table with `footer` below it or as JSON, and exit as it ended."""
    if as_json:
        typer.echo(json.dumps(run.as_json(), ensure_ascii=False, allow_nan=False, indent=2))
    else:
        print_result(run)
        if footer:
            typer.echo(footer)
    if run.error:
        say(run.error)
    if run.unkept:
        say(f"This run is not kept: {run.unkept}")
    misnamed = run.end is not None and run.end.code == "bad-reference"
    raise typer.Exit(BAD_USAGE if misnamed else EXIT_STATUS[run.status])


def parse_pairs(params: Sequence[str]) -> dict[str, str]:
    """The parameters by name. Raises BadParameters for what is no NAME=VALUE."""
    wrong = [each for each in params if "=" not in each]
    if wrong:
        raise BadParameters(
            tuple(ParameterError("", f"A parameter is given as NAME=VALUE; {each!r} is not.") for each in wrong)
        )
    pairs = (each.split("=", 1) for each in params)
    return {name.strip(): value for name, value in pairs}


async def _perform(
    settings: Settings, installation: Installation, experiment: str, raw: Mapping[str, Any], quiet: bool
) -> Run:
    """Run it in a scheduler of its own; SIGINT and SIGTERM stop it and keep what it has. No child is left."""
    interrupted = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, interrupted.set)
    journal = Journal(settings.journal_path, limit_mib=settings.journal_mib)
    scheduler = Scheduler(journal, installation=installation, keep_runs=settings.keep_runs)
    # A run is judged between its rounds; loading what that takes would else be waited for then, or disturb it.
    warming = asyncio.create_task(asyncio.to_thread(intervals.warm)) if EXPERIMENTS[experiment].steer else None
    try:
        await scheduler.open()
    except (OSError, sqlite3.Error) as error:
        say(f"Runs can't be kept in {settings.journal_path}: {in_words(error)}.")
    if journal.set_aside:
        say(earlier_journals.in_words(str(journal.path), [str(journal.set_aside)]))
    try:
        if warming is not None:
            await warming
        run = await scheduler.start(experiment, raw)
        follow = asyncio.create_task(ProgressDisplay(run, quiet=quiet).follow())
        signalled = asyncio.create_task(interrupted.wait())
        await asyncio.wait((follow, signalled), return_when=asyncio.FIRST_COMPLETED)
        if not follow.done():
            await scheduler.stop(run.id)
        signalled.cancel()
        await follow
    finally:
        await scheduler.close()
    return run
