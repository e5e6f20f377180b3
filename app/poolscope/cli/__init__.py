"""The command line, a module a command; exit status 0 done, 1 failed, 2 bad usage, 130 interrupted."""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from poolscope import __version__

MODULES = {
    "serve": "serve",
    "run": "run",
    "measure": "measure",
    "list": "listing",
    "doctor": "doctor",
    "schema": "schema",
}
# In 80 columns rich's boxes cut names off, and its tracebacks hide where a bug is.
PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}


class Commands(TyperGroup):
    """Imports a command's module when that command is used: `measure` needs no web server."""

    def list_commands(self, _: Any) -> list[str]:
        return list(MODULES)

    def get_command(self, _: Any, name: str) -> Any:
        if name not in MODULES:
            return None
        module = import_command(MODULES[name])
        app = typer.Typer(**PLAIN)
        # The options of `serve` are made from the settings.
        app.command(name)(module.make_command() if name == "serve" else module.command)
        return typer.main.get_command(app)


def main() -> None:
    """The console entry. `poolscope` alone serves."""
    # typer, and not the command line of pydantic-settings: that makes options of settings, but neither repeated
    # NAME=VALUE nor exit statuses of our own.
    app = typer.Typer(name="poolscope", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, **PLAIN)
    app.callback(invoke_without_command=True)(without_command)
    app()


def without_command(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Watch real threads and process pools at work, and measure which pool suits your own.

    Without a command, it serves the dashboard, just like `poolscope serve`.
    """
    if show_version:
        typer.echo(f"poolscope {__version__}")
    elif context.invoked_subcommand is None:
        import_command("serve").make_command()()


def import_command(module: str) -> ModuleType:
    """Import a command's module without garbage collections.

    Nothing of what an import makes is garbage, and looking through it again and again took a fifth of a server's start.
    """
    gc.disable()
    try:
        return import_module(f"{__name__}.{module}")
    finally:
        gc.enable()
