"""`poolscope run`: one experiment in the terminal, through the same bench and journal as in the browser."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, NoReturn

import typer

from poolscope.cli import options
from poolscope.cli.output import Screen, result
from poolscope.cli.speech import FAILED, INTERRUPTED, say, spoken
from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.installation import Installation
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import find
from poolscope.machine import interpreters
from poolscope.machine.facts import read_machine
from poolscope.main import offered
from poolscope.runs import earlier_journals
from poolscope.runs.journal import Journal, in_words
from poolscope.runs.run import Run, Status
from poolscope.runs.scheduler import Scheduler
from poolscope.settings import Settings

EXIT = {Status.FINISHED: 0, Status.FAILED: FAILED, Status.STOPPED: INTERRUPTED, Status.INTERRUPTED: INTERRUPTED}


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
    with spoken():
        raw = named(param or ())
        settings = options.read()
        installation = offered(settings)
        if raw.get("pythons"):
            found = asyncio.run(interpreters.find(*interpreters.parse_setting(settings.pythons)))
            installation = replace(installation, pythons=interpreters.by_label(found))
        run = ran(settings, installation, experiment, raw, as_json)
    tell(run, as_json)


def ran(settings: Settings, installation: Installation, experiment: str, raw: Mapping[str, Any], quiet: bool) -> Run:
    """The run, ended. Raises BadParameters before anything is started."""
    about = find(experiment)
    about.arguments(parse(about.params, raw), installation)
    return asyncio.run(perform(settings, installation, experiment, raw, quiet))


def tell(run: Run, as_json: bool, again: str = "") -> NoReturn:
    """Print the result of an ended run, and `again`, which says how to do it once more; exit as it ended."""
    if as_json:
        typer.echo(json.dumps(run.as_json(), ensure_ascii=False, allow_nan=False, indent=2))
    else:
        result(run)
        if again:
            typer.echo(again)
    if run.error:
        say(run.error)
    if run.unkept:
        say(f"This run is not kept: {run.unkept}")
    raise typer.Exit(EXIT[run.status])


def named(params: Sequence[str]) -> dict[str, str]:
    """The parameters by name. Raises BadParameters for what is no NAME=VALUE."""
    wrong = [each for each in params if "=" not in each]
    if wrong:
        raise BadParameters(
            tuple(ParameterError("", f"A parameter is given as NAME=VALUE; {each!r} is not.") for each in wrong)
        )
    pairs = (each.split("=", 1) for each in params)
    return {name.strip(): value for name, value in pairs}


async def perform(
    settings: Settings, installation: Installation, experiment: str, raw: Mapping[str, Any], quiet: bool
) -> Run:
    """The run, ended; SIGINT and SIGTERM stop it and keep what it has. No child is left."""
    interrupted = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, interrupted.set)
    journal = Journal(settings.journal_path, limit_mib=settings.journal_mib)
    scheduler = Scheduler(journal, installation=installation, read_machine=read_machine, keep_runs=settings.keep_runs)
    try:
        await scheduler.open()
    except (OSError, sqlite3.Error) as error:
        say(f"Runs can't be kept in {settings.journal_path}: {in_words(error)}.")
    if journal.set_aside:
        say(earlier_journals.in_words(str(journal.path), [str(journal.set_aside)]))
    try:
        run = await scheduler.start(experiment, raw)
        follow = asyncio.create_task(Screen(run, quiet=quiet).follow())
        asked = asyncio.create_task(interrupted.wait())
        await asyncio.wait((follow, asked), return_when=asyncio.FIRST_COMPLETED)
        if not follow.done():
            await scheduler.stop(run.id)
        asked.cancel()
        await follow
    finally:
        await scheduler.close()
    return run
