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

from app.cli import options
from app.cli.screen import Screen, result
from app.cli.speech import FAILED, INTERRUPTED, say, spoken
from app.errors import BadParameters, Complaint
from app.experiments.asking import parse
from app.experiments.offers import Offers
from app.experiments.registry import find
from app.main import offered
from app.runs.bench import Bench
from app.runs.journal import Journal, in_words
from app.runs.pythons import by_label, wished
from app.runs.pythons import find as find_pythons
from app.runs.run import Run
from app.runs.status import Status
from app.settings import Settings
from app.web.site import look

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
        offers = offered(settings)
        if raw.get("pythons"):
            offers = replace(offers, pythons=by_label(asyncio.run(find_pythons(*wished(settings.pythons)))))
        run = ran(settings, offers, experiment, raw, as_json)
    tell(run, as_json)


def ran(settings: Settings, offers: Offers, experiment: str, raw: Mapping[str, Any], quiet: bool) -> Run:
    """The run, ended. Raises BadParameters before anything is started."""
    about = find(experiment)
    about.order(parse(about.params, raw), offers)
    return asyncio.run(perform(settings, offers, experiment, raw, quiet))


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
            tuple(Complaint("", f"A parameter is given as NAME=VALUE; {each!r} is not.") for each in wrong)
        )
    pairs = (each.split("=", 1) for each in params)
    return {name.strip(): value for name, value in pairs}


async def perform(settings: Settings, offers: Offers, experiment: str, raw: Mapping[str, Any], quiet: bool) -> Run:
    """The run, ended; SIGINT and SIGTERM stop it and keep what it has. No child is left."""
    interrupted = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, interrupted.set)
    journal = Journal(settings.journal_path, limit_mib=settings.journal_mib)
    bench = Bench(journal, offers=offers, look=look, keep_runs=settings.keep_runs)
    try:
        await bench.open()
    except (OSError, sqlite3.Error) as error:
        say(f"Runs can't be kept in {settings.journal_path}: {in_words(error)}.")
    try:
        run = await bench.start(experiment, raw)
        follow = asyncio.create_task(Screen(run, quiet=quiet).follow())
        asked = asyncio.create_task(interrupted.wait())
        await asyncio.wait((follow, asked), return_when=asyncio.FIRST_COMPLETED)
        if not follow.done():
            await bench.stop(run.id)
        asked.cancel()
        await follow
    finally:
        await bench.close()
    return run
