"""GET: the bench, the history, one run, the API's page. A page holds the very pieces that its stream replaces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from markupsafe import Markup

from poolscope.errors import ParameterError, UnknownRun
from poolscope.experiments.experiment import Experiment
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.records import Contents, from_line
from poolscope.runs.run import Run
from poolscope.runs.status import Status
from poolscope.web.app_state import AppState, app_state_of
from poolscope.web.fragments import Fragment, bench_fragments, run_fragments
from poolscope.web.history import RECENT, history
from poolscope.web.panels import panel_facts, replay, run_facts, title
from poolscope.web.views import VIEWS

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


def page(app_state: AppState, template: str, here: str, live: str = "", **context: Any) -> HTMLResponse:
    """A whole page; `here` is the entry of the main menu, `live` the address of the page's stream ('' for none)."""
    return HTMLResponse(
        app_state.render(template, {"here": here, "live": live, "machine": machine(app_state), **context}),
        headers={"Cache-Control": "no-store"},
    )


def machine(app_state: AppState) -> Markup:
    """The header's facts about this machine."""
    return app_state.part("partials/machine.html", "header", {"machine": app_state.machine()})


def rendered(app_state: AppState, fragments: Sequence[Fragment]) -> dict[str, Markup]:
    """Pieces as markup, by the last part of their target's name ('pool-sizes-head' is 'head')."""
    return {
        fragment.target.rsplit("-", 1)[1]: app_state.part(fragment.template, fragment.macro, fragment.context())
        for fragment in fragments
    }


def whole_panel(app_state: AppState, experiment: Experiment, run: Run | None, fragments: Sequence[Fragment]) -> Markup:
    """One experiment's panel of the bench with everything in it."""
    context = {"panel": panel_facts(app_state, experiment, run), "fragments": rendered(app_state, fragments)}
    return app_state.part("partials/panel.html", "whole", context)


@router.get("/")
async def bench(request: Request) -> Response:
    app_state = app_state_of(request)
    panels = []
    for experiment in EXPERIMENTS.values():
        run = await app_state.scheduler.latest(experiment.name)
        panels.append(whole_panel(app_state, experiment, run, bench_fragments(app_state, experiment, run)))
    recent = await history(app_state, limit=RECENT)
    markup = app_state.part("partials/recent.html", "recent", {"history": recent})
    return page(app_state, "pages/bench.html", "Bench", "/live", panels=panels, recent=markup)


@router.get("/runs")
async def runs(request: Request, experiment: str = "", status: str = "", before: str = "") -> Response:
    app_state = app_state_of(request)
    names = [(each.name, each.title) for each in EXPERIMENTS.values()]
    found = await history(app_state, experiment=experiment, status=status, before=before)
    return page(
        app_state,
        "pages/runs.html",
        "Runs",
        history=found,
        experiments=names,
        statuses=[status.value for status in Status],
    )


@router.get("/runs/{run_id}")
async def run(request: Request, run_id: str, t: float | None = None) -> Response:
    """One run; with `t`, as it was so many seconds after its start."""
    app_state = app_state_of(request)
    shown = await app_state.scheduler.run(run_id)
    fragments = run_fragments(app_state, shown, await moment(shown, t) if t is not None else None)
    markup = rendered(app_state, fragments)
    facts = run_facts(app_state, shown)
    own = {name: markup[name] for name in VIEWS[shown.experiment.name].PIECES}
    whole = app_state.part(f"experiments/{shown.experiment.slug}.html", "page", {"fragments": own, "run": facts})
    stream = f"/live?run={shown.id}" if shown.status.live else ""
    return page(
        app_state, "pages/run.html", "Runs", stream, run=facts, title=title(shown), fragments=markup, page=whole
    )


@router.get("/runs/{run_id}/at")
async def at(request: Request, run_id: str, t: float = 0.0) -> Response:
    """The pieces of a run's page as they were `t` seconds after its start, for the replay."""
    app_state = app_state_of(request)
    shown = await app_state.scheduler.run(run_id)
    fragments = run_fragments(app_state, shown, await moment(shown, t))
    return partials(
        app_state,
        [
            fragment
            for fragment in fragments
            if fragment.target not in ("run-head", "run-fault", "run-replay", "run-more")
        ],
    )


def partials(app_state: AppState, fragments: Sequence[Fragment], status: int = 200) -> HTMLResponse:
    """Pieces for htmx to put in their places."""
    return HTMLResponse(
        "".join(
            f'<hx-partial hx-target="#{fragment.target}" hx-swap="outerMorph">'
            f"{app_state.part(fragment.template, fragment.macro, fragment.context())}</hx-partial>"
            for fragment in fragments
        ),
        status,
    )


async def moment(run: Run, seconds: float) -> Any:
    """The state of an ended run so many seconds after its first record: its records, folded again up to there.

    None, which is the present, where there is nothing to play again.
    """
    if replay(run) is None:
        return None
    # In this order a NaN is 0 too; no run lasts for 30 years.
    until = run.state.t0 + int(min(max(0.0, seconds), 1e9) * 1e9)

    def fold_again() -> Any:
        state = run.experiment.meaning.initial(run.params)
        for line in run.record_log.lines:
            record = from_line(line)
            if record.t > until and record.kind not in ("run", "end"):
                continue
            if record.kind != "end" or run.state.t <= until:
                state = run.experiment.meaning.fold(state, record)
        return state

    return await asyncio.to_thread(fold_again)


@router.get("/runs/{run_id}/chart.json", response_class=JSONResponse)
async def chart(request: Request, run_id: str) -> Response:
    """The datasets of a run's charts, by name."""
    shown = await app_state_of(request).scheduler.run(run_id)
    datasets = shown.experiment.meaning.chart
    if datasets is None:
        raise UnknownRun(f"{run_id}/chart.json")
    return JSONResponse(datasets(shown.state, shown.usable_cpus))


@router.get("/runs/{run_id}/log.txt", response_class=PlainTextResponse)
async def log(request: Request, run_id: str) -> Response:
    """The whole log of a shared list, a line a step, as the program would have printed it."""
    from poolscope.experiments.shared_list.messages import LOG, log_line

    shown = await app_state_of(request).scheduler.run(run_id)
    if shown.experiment.name != "shared-list":
        raise UnknownRun(f"{run_id}/log.txt")

    async def lines() -> AsyncIterator[str]:
        for line in shown.record_log.lines:
            if line.startswith(b'{"kind":"list"'):
                step = from_line(line)
                if isinstance(step, Contents) and step.change in LOG:
                    yield f"{(step.t - shown.state.t0) / 1e9:.6f} {step.actor}: {log_line(step)}\n"

    return StreamingResponse(lines(), media_type="text/plain; charset=utf-8")


@router.get("/runs/{run_id}/factorial/{n}.txt", response_class=PlainTextResponse)
async def factorial(request: Request, run_id: str, n: int) -> Response:
    """One factorial with all its digits."""
    shown = await app_state_of(request).scheduler.run(run_id)
    numbers = getattr(shown.state, "numbers", ())
    value = next((number.value for number in numbers if number.n == n), None)
    if value is None:
        raise UnknownRun(f"{run_id}/factorial/{n}.txt")
    return PlainTextResponse(value)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the JSON API as its page lists it."""

    method: str
    path: str
    summary: str


@router.get("/api")
async def api(request: Request) -> Response:
    app_state = app_state_of(request)
    schema = request.app.openapi()
    calls = [
        Call(method.upper(), path, about.get("summary", ""))
        for path, methods in schema["paths"].items()
        for method, about in methods.items()
    ]
    panels = [
        panel_facts(app_state, experiment, None)  # defaults, whatever ran last
        for experiment in EXPERIMENTS.values()
    ]
    return page(app_state, "pages/api.html", "API", calls=calls, panels=panels, base=str(request.base_url))


def sent_back(
    app_state: AppState,
    experiment: Experiment,
    typed: dict[str, Any],
    complaints: tuple[ParameterError, ...],
    run: Run | None = None,
) -> Fragment:
    """A form as it was sent, with what is wrong beside each field; with a live run, the form of its controls."""
    panel = panel_facts(app_state, experiment, run, typed, complaints)
    return Fragment(
        f"{experiment.name}-ask", "partials/panel.html", "ask", None, lambda: {"panel": panel, "run": panel.run}
    )
