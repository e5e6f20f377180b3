"""The pieces that a page is made of and the stream replaces."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from poolscope.experiments.experiment import Experiment
from poolscope.runs.run import Run, Status
from poolscope.web.app_state import AppState
from poolscope.web.panels import panel_facts, paused, replay, run_facts, title
from poolscope.web.views import VIEWS


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a page that the stream replaces: the element `target` is made by a template's macro.

    As long as `key` stays the same there is nothing new to render, so what it shows is asked for only when it does not.
    """

    target: str
    template: str
    macro: str
    key: Hashable
    context: Callable[[], Mapping[str, Any]]


def bench_fragments(app_state: AppState, experiment: Experiment, run: Run | None) -> list[Fragment]:
    """The pieces of one experiment's panel on the bench: heading, form, progress, live view."""
    place = app_state.scheduler.place(run) if run else 0
    moment: Hashable = (run.id, run.notifier.version, place) if run else None
    asked: Hashable = (
        (run.id, run.status, run.stopping, place, tuple(run.controls.items()), paused(run)) if run else None
    )

    @cache
    def context() -> Mapping[str, Any]:
        panel = panel_facts(app_state, experiment, run)
        return {"panel": panel, "run": panel.run}

    def shown() -> Mapping[str, Any]:
        return {**context(), "face": VIEWS[experiment.name].face(run)} if run else context()

    live = ("partials/panel.html", "idle")
    if run is not None and has_something(run):
        live = (f"experiments/{experiment.slug}.html", "panel")
    return [
        Fragment(f"{experiment.name}-head", "partials/panel.html", "head", moment, context),
        Fragment(f"{experiment.name}-ask", "partials/panel.html", "ask", asked, context),
        Fragment(f"{experiment.name}-progress", "partials/panel.html", "progress", moment, context),
        Fragment(f"{experiment.name}-live", *live, moment, shown if live[1] == "panel" else context),
    ]


def run_fragments(app_state: AppState, run: Run, state: Any = None) -> list[Fragment]:
    """The pieces of a run's own page: heading, then what its experiment shows, of the present or an earlier `state`."""

    @cache
    def context() -> Mapping[str, Any]:
        return {
            "run": run_facts(app_state, run),
            "face": VIEWS[run.experiment.name].face(run, state),
            "title": title(run),
            "playing": replay(run, state),
        }

    moment = (run.notifier.version, app_state.scheduler.place(run))
    template = f"experiments/{run.experiment.slug}.html"
    return [
        Fragment("run-head", "partials/run.html", "head", moment, context),
        fault_fragment(app_state, run),
        *(Fragment(f"run-{name}", template, name, moment, context) for name in VIEWS[run.experiment.name].PIECES),
        Fragment("run-replay", "partials/run.html", "replay", moment, context),
        Fragment("run-more", "partials/run.html", "more", moment, context),
    ]


def fault_fragment(app_state: AppState, run: Run, complaint: str = "") -> Fragment:
    """The form that kills a worker of a live run. Seldom rendered, so that what was typed stays."""
    key = None if complaint else (run.id, run.status, run.stopping)
    context = {"complaint": complaint}
    return Fragment(
        "run-fault", "partials/run.html", "fault", key, lambda: {**context, "run": run_facts(app_state, run)}
    )


def has_something(run: Run) -> bool:
    """Whether there is anything to show but that it waits."""
    return run.status is not Status.QUEUED and len(run.record_log.lines) > 0
