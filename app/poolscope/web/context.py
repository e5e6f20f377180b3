"""What each template is given: declared, frozen, and never a live object; a test compares these with the templates."""

from __future__ import annotations

from dataclasses import dataclass

from poolscope.experiments.findings import Finding, Verdict
from poolscope.web.forms import FormField


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run as pages word it. `state` names the colour and mark, `word` says it; `place` is its place in the queue.

    `facts` stand behind the state on the run's page; `progress` is (done, total, words) while it is live. `workers` are
    the processes that may be killed now, at most; 0 where nobody can be.
    """

    id: str
    href: str
    state: str
    word: str
    live: bool
    running: bool
    stopping: bool
    place: int
    progress: tuple[float, float, str] | None
    facts: tuple[str, ...]
    verdict: Verdict | None
    findings: tuple[Finding, ...]
    error: str
    traceback: str
    notices: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    printed: str
    paused: bool | None
    deletable: bool
    workers: int


@dataclass(frozen=True, slots=True)
class Replay:
    """Where a replay stands, in seconds of the run with one decimal, as a form's field takes them."""

    length: str
    at: str


@dataclass(frozen=True, slots=True)
class PanelFacts:
    """One experiment on the bench: its form and its latest run, if any. `idle` says what a run will show.

    `shortcuts` are parts that can be run alone, as (parameter, value, title), for a panel that has not been run yet.
    """

    name: str
    title: str
    question: str
    wide: bool
    idle: str
    fields: tuple[FormField, ...]
    control_fields: tuple[FormField, ...]
    run: RunFacts | None
    complaint: str = ""
    shortcuts: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RecentRun:
    """A row of the history."""

    id: str
    href: str
    title: str
    state: str
    word: str
    summary: str
    created: str
    seconds: float | None
    live: bool
    deletable: bool


@dataclass(frozen=True, slots=True)
class History:
    """A page of the history, newest first; `before` leads to the next page, '' on the last."""

    runs: tuple[RecentRun, ...]
    kept: int
    experiment: str
    status: str
    before: str
    trouble: str
    earlier: str  # where the runs of an earlier version are, '' if there are none
