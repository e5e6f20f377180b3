"""The command line: serve, run, measure, list, doctor; exit status 0 done, 1 failed, 2 bad usage, 130 interrupted."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from poolscope.cli import doctor, listing, measure, run, serve


def main() -> None:
    """The console entry. `poolscope` alone serves."""
    commands()()


def commands() -> typer.Typer:
    made = typer.Typer(
        name="poolscope",
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # in 80 columns its boxes cut names off
    )
    made.callback(invoke_without_command=True)(alone)
    for name, command in (
        ("serve", serve.command()),
        ("run", run.command),
        ("measure", measure.command),
        ("list", listing.command),
        ("doctor", doctor.command),
    ):
        made.command(name)(command)
    return made


def alone(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Watch real threads and process pools at work, and measure them honestly.

    Without a command it serves the dashboard, as `poolscope serve` does.
    """
    if show_version:
        typer.echo(f"poolscope {version('poolscope')}")
    elif context.invoked_subcommand is None:
        serve.command()()
