"""The first screen: three ways in, and every experiment folded by its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from poolscope.experiments.failures.catalogue import BY_HAND
from poolscope.experiments.pool_benchmark.measure_command import in_terminal
from poolscope.web.app_state import AppState
from poolscope.web.context import takes
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
