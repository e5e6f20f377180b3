"""What every route shares: templates, the scheduler, and what other programs use of this machine."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from poolscope.machine.facts import read_machine
from poolscope.machine.noise import host_busy_s
from poolscope.protocol.payloads import MachineFacts
from poolscope.runs.scheduler import Scheduler
from poolscope.text import numbers
from poolscope.web.assets import folder, static
from poolscope.web.costly import CostlyAnswers
from poolscope.web.drawings import Drawings
from poolscope.web.open_streams import OpenStreams
from poolscope.web.replay import Replays

if TYPE_CHECKING:
    from poolscope.web.access import Identification
    from poolscope.web.stream import Hub

LISTENED_S = 2.0  # it is read over so long at least


@cache
def start_methods() -> tuple[str, ...]:
    return tuple(multiprocessing.get_all_start_methods())


@dataclass(slots=True)
class StreamCounts:
    """What the live streams have done so far: frames drawn, fragments rendered for them, those that had changed, and
    frames that a viewer did not get because newer ones had come before it could read them."""

    frames: int = 0
    rendered: int = 0
    changed: int = 0
    skipped: int = 0


class Neighbours:
    """What other programs use of this machine's CPUs, read from one look to the next while nothing of ours runs."""

    def __init__(self) -> None:
        self._since, self._busy_s, self._changes = time.monotonic(), host_busy_s(), 0
        self._cpus: float | None = None

    def cpus(self, changes: int) -> float | None:
        """So many CPUs, None where that is not known.

        To be asked while no run of ours is live. `changes` counts how often one has begun or ended: where that is more
        than at the last look, what was used since was our own run's as well.
        """
        now, busy_s = time.monotonic(), host_busy_s()
        if busy_s is None or self._busy_s is None or changes != self._changes:
            self._cpus = None
        elif now - self._since < LISTENED_S:
            return self._cpus
        else:
            self._cpus = (busy_s - self._busy_s) / (now - self._since)
        self._since, self._busy_s, self._changes = now, busy_s, changes
        return self._cpus


class AppState:
    """The parts that routes use, kept on `app.state.app_state`.

    `scheduler` does with runs what users ask for, and `store` finds those that they want to see. `identification` tells
    who asks, `open_streams` counts what is open, and bounds it.
    """

    hub: Hub  # set by main: the hub needs the state

    def __init__(
        self, scheduler: Scheduler, identification: Identification, open_streams: OpenStreams | None = None
    ) -> None:
        self.scheduler = scheduler
        self.store = scheduler.store
        self.identification = identification
        self.open_streams = OpenStreams() if open_streams is None else open_streams  # an empty one is false
        self.streams = StreamCounts()
        self.refusals: Counter[tuple[int, str]] = Counter()  # by status and reason
        self.costly = CostlyAnswers()
        # Fragments are drawn one by one, and requests are read in between, however many pages are due at once.
        self.drawing = asyncio.Lock()
        self.bench_turn = asyncio.Lock()  # to draw the whole bench
        self.drawings = Drawings()
        self.neighbours = Neighbours()
        self.replays = Replays()
        self.templates = environment()
        self.scripts = scripts_environment()

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """A whole template."""
        return self.templates.get_template(template).render(context)

    @cached_property
    def facts(self) -> MachineFacts:
        return read_machine()


@cache  # a template is compiled once a process, however many applications there are
def environment() -> Environment:
    """The templates, with the filters of `text` and nothing that evaluates; an unknown name is an error."""
    templates = Environment(
        loader=FileSystemLoader(folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters.update(numbers.FILTERS | numbers.NOUN_FILTERS)
    templates.globals["static"] = static
    templates.globals["ui"] = templates.get_template("partials/_macros.html").module
    return templates


@cache
def scripts_environment() -> Environment:
    """The templates of scripts. They are Python, not HTML: nothing is escaped, every value comes as its repr."""
    return Environment(
        loader=FileSystemLoader(folder("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
