"""What is shown while a measurement runs: a line on a terminal, an output that changes in a notebook, or nothing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from poolscope.library.background import MeasureProgress
from poolscope.text.numbers import duration, percent

Show = Callable[[MeasureProgress], object]
CLEAR = "\r\x1b[2K"


@contextmanager
def shown(progress: bool | Show) -> Iterator[Show]:
    """What to call with every step; at the end of the block what was shown is gone."""
    if callable(progress):
        yield progress
    elif progress and in_notebook():
        with in_output() as show:
            yield show
    elif progress and sys.stderr is not None and sys.stderr.isatty():
        try:
            yield lambda step: print(CLEAR + in_line(step), end="", file=sys.stderr, flush=True)
        finally:
            print(CLEAR, end="", file=sys.stderr, flush=True)
    else:
        yield lambda _: None


def in_words(step: MeasureProgress) -> str:
    """'Measuring: 40%, about 2.10 s left, repetition 2 of 5'."""
    parts = [f"{percent(step.share)}%"] if step.share is not None else []
    if step.seconds_left is not None:
        parts.append(f"about {duration(step.seconds_left)} left")
    return f"Measuring: {', '.join(filter(None, [*parts, step.note]))}"


def in_line(step: MeasureProgress) -> str:
    """As much of it as fits into the terminal's line."""
    return in_words(step)[: shutil.get_terminal_size().columns - 1]


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this program; IPython in a terminal has none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def in_output() -> Iterator[Show]:
    """An output of the notebook's cell that changes; empty in the end."""
    display: Any = sys.modules["IPython"].display

    def text(words: str) -> dict[str, str]:
        return {"text/plain": words}

    handle = display.display(text("Measuring"), raw=True, display_id=True)
    try:
        yield lambda step: handle.update(text(in_words(step)), raw=True)
    finally:
        handle.update(text(""), raw=True)
