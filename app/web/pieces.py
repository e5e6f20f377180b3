"""The pieces that a page is made of and the stream replaces."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.experiments.registry import Experiment
from app.runs.run import Run
from app.runs.status import Status
from app.web.faces import FACES
from app.web.panels import panel_facts, paused, replay, run_facts, title
from app.web.site import Site


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a page that the stream replaces: the element `target` is made by a template's macro.

    As long as `key` stays the same there is nothing new to render, so what it shows is asked for only when it does not.
    """

    target: str
    template: str
    macro: str
    key: Hashable
    context: Callable[[], Mapping[str, Any]]


def bench_pieces(site: Site, experiment: Experiment, run: Run | None) -> list[Piece]:
    """The pieces of one experiment's panel on the bench: heading, form, progress, live view."""
    place = site.bench.place(run) if run else 0
    moment: Hashable = (run.id, run.signal.version, place) if run else None
    asked: Hashable = (
        (run.id, run.status, run.stopping, place, tuple(run.controls.items()), paused(run)) if run else None
    )

    @cache
    def context() -> Mapping[str, Any]:
        panel = panel_facts(site, experiment, run)
        return {"panel": panel, "run": panel.run}

    def shown() -> Mapping[str, Any]:
        return {**context(), "face": FACES[experiment.name].face(run)} if run else context()

    live = ("partials/panel.html", "idle")
    if run is not None and has_something(run):
        live = (f"experiments/{experiment.slug}.html", "panel")
    return [
        Piece(f"{experiment.name}-head", "partials/panel.html", "head", moment, context),
        Piece(f"{experiment.name}-ask", "partials/panel.html", "ask", asked, context),
        Piece(f"{experiment.name}-progress", "partials/panel.html", "progress", moment, context),
        Piece(f"{experiment.name}-live", *live, moment, shown if live[1] == "panel" else context),
    ]


def run_pieces(site: Site, run: Run, state: Any = None) -> list[Piece]:
    """The pieces of a run's own page: heading, then what its experiment shows, of the present or an earlier `state`."""

    @cache
    def context() -> Mapping[str, Any]:
        return {
            "run": run_facts(site, run),
            "face": FACES[run.experiment.name].face(run, state),
            "title": title(run),
            "playing": replay(run, state),
        }

    moment = (run.signal.version, site.bench.place(run))
    template = f"experiments/{run.experiment.slug}.html"
    return [
        Piece("run-head", "partials/run.html", "head", moment, context),
        fault_piece(site, run),
        *(Piece(f"run-{name}", template, name, moment, context) for name in FACES[run.experiment.name].PIECES),
        Piece("run-replay", "partials/run.html", "replay", moment, context),
        Piece("run-more", "partials/run.html", "more", moment, context),
    ]


def fault_piece(site: Site, run: Run, complaint: str = "") -> Piece:
    """The form that kills a worker of a live run. Seldom rendered, so that what was typed stays."""
    key = None if complaint else (run.id, run.status, run.stopping)
    context = {"complaint": complaint}
    return Piece("run-fault", "partials/run.html", "fault", key, lambda: {**context, "run": run_facts(site, run)})


def has_something(run: Run) -> bool:
    """Whether there is anything to show but that it waits."""
    return run.status is not Status.QUEUED and len(run.tape.lines) > 0
