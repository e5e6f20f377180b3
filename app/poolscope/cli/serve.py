"""The command that serves: an option for every setting."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer

from poolscope.cli import options
from poolscope.cli.first import step_aside
from poolscope.cli.speech import spoken


def command() -> Callable[..., None]:
    """The command's function, with an option for every setting."""

    def serve(**given: Any) -> None:
        """Serve the dashboard, and print its address once it answers.

        Settings come from POOLSCOPE_* in the environment, then a .env file, then these options; the last one counts.
        """
        browser = bool(given.pop("browser", False))
        step_aside()
        # Here and not above: every other command starts in half the time without the server.
        from poolscope.cli.server import serve_until_told

        with spoken():
            serve_until_told(options.read(given), browser)

    browser: Any = typer.Option(False, "--open/--no-open", help="Open a browser once it answers.", show_default=False)
    parameters = [*options.parameters()]
    parameters.append(inspect.Parameter("browser", inspect.Parameter.KEYWORD_ONLY, default=browser, annotation=bool))
    serve.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    return serve
