"""What the commands print, progress and errors on stderr and results on stdout, and how they exit."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from poolscope.errors import BadParameters, PoolscopeError, UnknownExperiment
from poolscope.library.answer import Again, answer_of, print_answer
from poolscope.runs.run import Run
from poolscope.settings import Settings, variable
from poolscope.text.numbers import duration

LINE_EVERY_S = 10.0  # between two lines of progress where no terminal can draw a bar
DATA_HELP = f"{Settings.model_fields['data'].description} ({variable('data')})"
WIDE = 400  # columns of a table that goes into a file or a pipe, where no window limits it


FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130  # exit statuses


def say(*sentences: str) -> None:
    """Print sentences for the user, a line each, on stderr: stdout is for results."""
    for sentence in sentences:
        typer.echo(sentence, err=True)


@contextmanager
def error_exits(word: Callable[[str], str] = str) -> Iterator[None]:
    """Turn an error raised on purpose into its sentence and an exit status; others are bugs and show where they are.

    `word` gives the option of a parameter that is wrong.
    """
    try:
        yield
    except BadParameters as bad:
        say(*(error.worded(word) for error in bad.errors))
        raise typer.Exit(BAD_USAGE) from None
    except UnknownExperiment as error:
        say(str(error))
        raise typer.Exit(BAD_USAGE) from None
    except PoolscopeError as error:
        say(str(error))
        raise typer.Exit(FAILED) from None


def result_console() -> Console:
    """What results are printed by, on stdout; as wide as they need where no window limits them."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDE)


class ProgressDisplay:
    """Shows a run on stderr until it ends. `quiet` leaves stdout to the JSON that comes after."""

    def __init__(self, run: Run, *, quiet: bool = False) -> None:
        self._run = run
        self._quiet = quiet
        self._said_why = False
        self._printed = 0  # the stamp of the newest line of the log that was printed
        # Of a measured run the time that is left is printed as soon as it is known.
        self._due = 0.0 if run.experiment.measured else time.monotonic() + LINE_EVERY_S
        self._console = Console(stderr=True)

    async def follow(self) -> None:
        """Show every change until the run has ended."""
        run, version = self._run, self._run.notifier.version
        if not self._console.is_terminal:
            self._console.print(f"{run.id}: {run.experiment.title}; press Ctrl-C to stop", highlight=False)
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
            # A log line belongs above the bar, but only where both are in the same window.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=False,
        ) as bar:
            task = bar.add_task(f"{run.id} {run.experiment.title}", total=None, left="")
            while True:
                self._print_waiting()
                self._print_log()
                if run.progress is not None:
                    bar.update(task, completed=run.progress.done, total=run.progress.total, left=self._left())
                    self._print_progress()
                if not run.status.live:
                    return
                version = await run.notifier.newer_than(version)

    def _print_waiting(self) -> None:
        """Why it has not begun, once."""
        if self._run.place and not self._said_why:
            self._said_why = True
            shortage = self._run.shortage
            why = shortage.sentence if shortage else "Another program is measuring; measurements take turns."
            self._console.print(f"{self._run.id} is waiting. {why}", highlight=False)

    def _print_log(self) -> None:
        """What the experiment's own program would have printed since the last time."""
        if self._quiet:
            return
        for stamp, text in self._run.experiment.meaning.log(self._run.state):
            if stamp > self._printed:
                self._printed = stamp
                print(text, flush=True)

    def _print_progress(self) -> None:
        progress, now = self._run.progress, time.monotonic()
        if progress is None or self._console.is_terminal or now < self._due:
            return
        if not self._due and progress.seconds_left is None:
            return
        self._due = now + LINE_EVERY_S
        share = progress.done / progress.total if progress.total else 0
        self._console.print(f"{self._run.id}: {share:.0%} {self._left()}", highlight=False)

    def _left(self) -> str:
        seconds = self._run.progress.seconds_left if self._run.progress else None
        return "" if seconds is None else f"about {duration(seconds)} left"


def print_result(run: Run, again: Again) -> None:
    """Print what the run has to say, the answer first; `again` words how to run it with a remedy."""
    print_answer(result_console(), answer_of(run, again), where_more="--json")
