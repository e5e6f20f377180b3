"""The first screen: three ways in, what runs now and what came last, and every experiment folded by its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from poolscope.experiments.pool_benchmark.measure_command import in_terminal
from poolscope.runs.run import Run, Status
from poolscope.text.numbers import clock, count
from poolscope.web.app_state import AppState
from poolscope.web.context import MARKS, takes, title
from poolscope.web.forms import Option
from poolscope.web.table import Button, alone
from poolscope.web.views import VIEWS

# They are shown side by side, each for what it shows of threads and pools at work.
TOGETHER = ("shared-list", "factorials", "pool-sizes")
BREAKING = (
    ("failures", "scenarios", "worker-killed", "A worker dies"),
    ("sharing", "tools", "none", "A race: updates get lost"),
    ("failures", "scenarios", "deadlock", "Two locks deadlock"),
    ("failures", "scenarios", "thread-uncaught", "A thread raises"),
    ("failures", "scenarios", "side-by-side", "One fault, every kind of pool"),
    ("pool-sizes", "workload", "square-sleep", "Kill a worker yourself"),  # its panel has the button for that
)
MEASURING = "A measurement is running: what you start beside it disturbs it."
SHOWN = 3  # live runs that are named
BUSY_CPUS = 0.5  # from here on a measurement would suffer


@dataclass(frozen=True, slots=True)
class Ways:
    """The three ways in. `works` are one's own functions, if there are any (`own`), and shapes of work to choose from;
    `measure` is the command for a function that is not among them.

    `together` names experiments to start at once, `takes` is about how long a run of Which pool? takes, and `breaking`
    are faults that a click brings about, each with the time that it takes.
    """

    works: tuple[Option, ...]
    own: bool
    measure: str
    takes: str
    together: tuple[str, ...]
    together_takes: str
    breaking: tuple[tuple[Button, str], ...]


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in one line; `found` is the finding itself, '' while it is live."""

    title: str
    href: str
    state: str
    word: str
    found: str


@dataclass(frozen=True, slots=True)
class Now:
    """What runs now, `more` beside those shown, and what came last; `neighbours` says what other programs use of the
    CPUs, or that somebody measures, and `busy` whether a measurement would be disturbed."""

    running: tuple[RunLine, ...]
    more: int
    last: RunLine | None
    neighbours: str
    busy: bool


@dataclass(frozen=True, slots=True)
class PanelGroup:
    """The panels of one question, closed until somebody opens it, or one of its experiments is what ran last."""

    anchor: str
    question: str
    open: bool
    panels: tuple[Markup, ...]


def ways(app_state: AppState) -> Ways:
    """As far as this installation has their experiments."""
    known, installation = app_state.scheduler.experiments, app_state.scheduler.installation
    together = tuple(name for name in TOGETHER if name in known)
    lengths = [takes(known[name], {}) for name in together]
    return Ways(
        works=tuple(Option(each.value, each.title) for each in VIEWS["which-pool"].offered(installation.workloads)),
        own=bool(installation.workloads),
        measure=in_terminal(installation, "measure", "mymodule:function", "--items", "mymodule:items"),
        takes=takes(known["which-pool"], {}) if "which-pool" in known else "",
        together=together,
        together_takes=lengths[-1] if lengths else "",
        breaking=tuple(
            # Its words say all that it does.
            (replace(alone(name, parameter, value, "", words), label=""), takes(known[name], {parameter: value}))
            for name, parameter, value, words in BREAKING
            if name in known
        ),
    )


def now(app_state: AppState, owner: str, last: Run | None) -> Now:
    """With an `owner`, of his runs alone."""
    live = [run for run in app_state.scheduler.in_memory() if run.status.live]
    cpus = app_state.neighbours.cpus(quiet=not live)
    measuring = any(run.experiment.measured and run.status is Status.RUNNING for run in live)
    running = [run for run in live if owner in ("", run.visitor.id)]
    return Now(
        running=tuple(_line(run) for run in running[:SHOWN]),
        more=len(running[SHOWN:]),
        last=_line(last) if last else None,
        neighbours=MEASURING if measuring else _neighbours(cpus, app_state.facts.logical_cpus),
        busy=measuring or (cpus is not None and cpus >= BUSY_CPUS),
    )


async def last_run(app_state: AppState, owner: str) -> Run | None:
    """The run that ended last, of those in memory or the newest of each experiment."""
    scheduler = app_state.scheduler
    newest = [await scheduler.latest(name, owner) for name in scheduler.experiments]
    own = [run for run in scheduler.in_memory() if owner in ("", run.visitor.id)]
    ended = [run for run in (*own, *newest) if run is not None and run.ended]
    return max(ended, key=lambda run: run.ended or "", default=None)


def groups(panels: Sequence[tuple[str, Markup]], shown: Sequence[str]) -> tuple[PanelGroup, ...]:
    """The panels, by experiment, under the questions of their views; those with an experiment that is `shown` open."""
    questions = dict.fromkeys(VIEWS[name].group for name, _ in panels)
    return tuple(
        PanelGroup(
            anchor=f"about-{'-'.join(name for name, _ in panels if VIEWS[name].group == question)}",
            question=question,
            open=any(VIEWS[name].group == question for name in shown),
            panels=tuple(panel for name, panel in panels if VIEWS[name].group == question),
        )
        for question in sorted(questions, key=lambda question: VIEWS["which-pool"].group != question)
    )


def _line(run: Run) -> RunLine:
    verdict = None if run.status.live else run.experiment.meaning.verdict(run.state, run.usable_cpus)
    broken = run.status in (Status.FAILED, Status.INTERRUPTED)
    found = (run.error or "") if broken else verdict.headline if verdict else ""
    word = run.status.value if run.status.live else f"{run.status.value} {clock(run.ended)}"
    return RunLine(title(run), f"/runs/{run.id}", MARKS[run.status], word, found)


def _neighbours(cpus: float | None, host_cpus: int) -> str:
    if cpus is None:
        return ""
    used = f"Other programs are using {cpus:.1f} of {count(host_cpus, 'CPU')}"
    return f"{used}, so what is measured now will be disturbed." if cpus >= BUSY_CPUS else f"{used}."
