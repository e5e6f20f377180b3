"""How the commands end: an error of ours becomes its sentence on stderr and an exit status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from poolscope.errors import BadParameters, PoolscopeError, UnknownExperiment

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130


def say(*sentences: str) -> None:
    """Sentences for the user, a line each, on stderr: stdout is for results."""
    for sentence in sentences:
        typer.echo(sentence, err=True)


@contextmanager
def spoken() -> Iterator[None]:
    """Turn an error raised on purpose into its words and an exit status; others are bugs and show where they are."""
    try:
        yield
    except BadParameters as error:
        say(*(complaint.message for complaint in error.errors))
        raise typer.Exit(BAD_USAGE) from None
    except UnknownExperiment as error:
        say(str(error))
        raise typer.Exit(BAD_USAGE) from None
    except PoolscopeError as error:
        say(str(error))
        raise typer.Exit(FAILED) from None
