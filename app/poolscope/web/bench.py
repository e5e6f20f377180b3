"""The first screen: three ways in, what runs now and what came last, and every experiment folded by its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from poolscope.experiments.failures.catalogue import BY_HAND
from poolscope.experiments.pool_benchmark.measure_command import in_terminal
from poolscope.runs.journal import StoredRun
from poolscope.runs.run import Run, Status
from poolscope.text.numbers import clock, count
from poolscope.web.app_state import AppState
from poolscope.web.context import MARKS, takes, title
from poolscope.web.history import stored_title
from poolscope.web.table import Button, alone
from poolscope.web.views import VIEWS

MEASURE = "which-pool"  # its form is the first way in, and stands there alone
# They are shown side by side, each for what it shows of threads and pools at work.
TOGETHER = ("shared-list", "factorials", "pool-sizes")
BREAKING = (
    ("failures", "scenarios", "worker-killed", "A worker dies"),
    ("sharing", "tools", "none", "A race: updates get lost"),
    ("failures", "scenarios", "deadlock", "Two locks deadlock"),
    ("failures", "scenarios", "thread-uncaught", "A thread raises"),
    ("failures", "scenarios", "side-by-side", "One fault, every kind of pool"),
    ("failures", "scenarios", BY_HAND, "Kill a worker yourself"),
)
HOW = {BY_HAND: "press Kill now while it waits"}  # what somebody has to do
MEASURING = "A measurement is running: what you start beside it disturbs it."
UNDISTURBED = "A measurement is running. What you start here waits until it has ended, so as not to disturb it."
SHOWN = 3  # live runs that are named
BUSY_CPUS = 0.5  # from here on a measurement would suffer


@dataclass(frozen=True, slots=True)
class Ways:
    """The three ways in. The first is the form of Which pool?; `measure` is the command for a function that it does not
    list, and `own` says whether it lists one's own functions.

    `together` names experiments to start at once, and `breaking` are faults that a click brings about, each with the
    time that it takes, and what there is to do meanwhile.
    """

    own: bool
    measure: str
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
    """What runs now, here or in other processes on the same journal, `more` beside those shown, and what came last;
    `neighbours` says what other programs use of the CPUs, or that somebody measures, and `busy` whether a measurement
    would be disturbed."""

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
        own=bool(installation.workloads),
        measure=in_terminal(installation, "measure", "mymodule:function", "--items", "mymodule:items"),
        together=together,
        together_takes=lengths[-1] if lengths else "",
        breaking=tuple(
            # Its words say all that it does.
            (
                replace(alone(name, parameter, value, "", words), label=""),
                ": ".join(filter(None, (takes(known[name], {parameter: value}), HOW.get(value)))),
            )
            for name, parameter, value, words in BREAKING
            if name in known
        ),
    )


def now(app_state: AppState, owner: str, last: Run | None) -> Now:
    """With an `owner`, of his runs alone."""
    live = [run for run in app_state.store.in_memory() if run.status.live]
    elsewhere = app_state.store.elsewhere
    cpus = app_state.neighbours.cpus(quiet=not live and not elsewhere)
    measured = [run for run in live if run.experiment.measured and run.status is Status.RUNNING]
    known = app_state.scheduler.experiments
    others = [known[row.experiment] for row in elsewhere if row.status == Status.RUNNING and row.experiment in known]
    measuring = bool(measured) or any(other.measured for other in others)
    running = [_line(run) for run in live if owner in ("", run.visitor.id)]
    running += [_line_elsewhere(row) for row in elsewhere if owner in ("", row.visitor)]
    return Now(
        running=tuple(running[:SHOWN]),
        more=len(running[SHOWN:]),
        last=_line(last) if last else None,
        neighbours=_measuring(measured, owner) if measuring else _neighbours(cpus, app_state.facts.logical_cpus),
        busy=measuring or (cpus is not None and cpus >= BUSY_CPUS),
    )


async def last_run(app_state: AppState, owner: str) -> Run | None:
    """The run that ended last, of those in memory or the newest of each experiment."""
    newest = [await app_state.store.latest(name, owner) for name in app_state.scheduler.experiments]
    own = [run for run in app_state.store.in_memory() if owner in ("", run.visitor.id)]
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
        for question in sorted(questions, key=lambda question: VIEWS[MEASURE].group != question)
    )


def _line(run: Run) -> RunLine:
    verdict = None if run.status.live else run.experiment.meaning.verdict(run.state, run.usable_cpus)
    broken = run.status in (Status.FAILED, Status.INTERRUPTED)
    found = (run.error or "") if broken else verdict.headline if verdict else ""
    word = run.status.value if run.status.live else f"{run.status.value} {clock(run.ended)}"
    return RunLine(title(run), f"/runs/{run.id}", MARKS[run.status], word, found)


def _line_elsewhere(row: StoredRun) -> RunLine:
    status = Status(row.status)
    word = f"{row.status} in another process"
    return RunLine(stored_title(row.experiment, row.params), f"/runs/{row.id}", MARKS[status], word, "")


def _measuring(measured: Sequence[Run], owner: str) -> str:
    """What becomes of a run that is started while these are measured, or something is in another process."""
    own = [run for run in measured if owner in ("", run.visitor.id)]  # a visitor's runs wait for none of strangers
    return UNDISTURBED if any(run.experiment.undisturbed for run in own) else MEASURING


def _neighbours(cpus: float | None, host_cpus: int) -> str:
    if cpus is None:
        return ""
    used = f"Other programs are using {cpus:.1f} of {count(host_cpus, 'CPU')}"
    return f"{used}, so what is measured now will be disturbed." if cpus >= BUSY_CPUS else f"{used}."
