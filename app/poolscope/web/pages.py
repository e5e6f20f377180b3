"""GET: the bench, the history, one run, the API's page. A page holds the very pieces that its stream replaces."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from markupsafe import Markup

from poolscope.errors import UnknownRun
from poolscope.experiments.experiment import Experiment
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.run import Run, Status, Visitor
from poolscope.web.access import app_state_of, owned, owner_of, visitor_of
from poolscope.web.app_state import AppState
from poolscope.web.bench import MEASURE, groups, ways
from poolscope.web.context import form_facts, panel_facts, replay, title
from poolscope.web.fragments import (
    Section,
    form_section,
    header,
    now_section,
    panel_sections,
    part,
    partials,
    recent_section,
    render,
    run_section,
)
from poolscope.web.run_lists import history, last_run
from poolscope.web.table import Column, Table, table
from poolscope.web.views import VIEWS

COMPRESSION = 6  # at 9 a page takes twice the time and is hardly smaller

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


def page(app_state: AppState, template: str, here: str, live: str = "", **context: Any) -> HTMLResponse:
    """A whole page; `here` is the entry of the main menu, `live` the address of the page's stream ('' for none)."""
    return HTMLResponse(
        app_state.render(template, {"here": here, "live": live, "machine": header(app_state), **context}),
        headers={"Cache-Control": "no-store"},
    )


async def whole_panel(
    app_state: AppState,
    experiment: Experiment,
    run: Run | None,
    form: Section | None = None,
) -> Markup:
    """One experiment's panel with everything in it, or with another `form` in the place of its own.

    The form of the first way in stands above the panels of the bench, but in a panel that has been given one.
    """
    moving, own_form = panel_sections(app_state, experiment, run)

    async def draw() -> Markup:
        asked = "above" if experiment.name == MEASURE and form is None else "ask"
        fragments = await render(app_state, (moving, form or own_form) if asked == "ask" else (moving,))
        ordered = tuple(fragments[f"{experiment.name}-{name}"] for name in ("head", asked, "progress", "live"))
        whole = {"panel": panel_facts(experiment), "fragments": ordered}
        return part(app_state.templates, "partials/panel.html", "whole", whole)

    if form is not None or (run is not None and run.status.live):
        return await draw()
    name = f"{experiment.name} {run.id if run else ''}"
    return await app_state.drawings.drawn(name, (moving.version(), own_form.version()), draw)


async def first_form(app_state: AppState, run: Run | None) -> Markup:
    """The form of the first way in, as the last run of its experiment left it."""
    experiment = app_state.scheduler.experiments[MEASURE]
    section, target = form_section(app_state, experiment, run), f"{MEASURE}-ask"

    async def draw() -> Markup:
        return (await render(app_state, (section,)))[target]

    if run is not None and run.status.live:
        return await draw()
    return await app_state.drawings.drawn(f"{target} {run.id if run else ''}", section.version(), draw)


@router.get("/")
async def bench(request: Request, defaults: str = "") -> Response:
    """The bench; `defaults` names an experiment whose form shows its default values, not those of its last run."""
    app_state = app_state_of(request)
    owner = owner_of(request)
    await app_state.store.notice_others()
    if not defaults and not app_state.store.of(owner).latest:
        return await first_bench(request, app_state, owner)
    # One at a time: a class that comes at once would hold the event loop until the last of its pages is drawn, and with
    # it all streams and answers. Who waits for the lock lets others go first, and one page after the other is drawn.
    async with app_state.bench_turn:
        drawn = await draw_bench(app_state, owner, defaults)
        await asyncio.sleep(0)
    return drawn


async def first_bench(request: Request, app_state: AppState, owner: str) -> Response:
    """The bench of one who has no runs yet: the same for a whole class, for which it is drawn and compressed once."""

    async def draw() -> tuple[bytes, bytes]:
        async with app_state.bench_turn:
            body = bytes((await draw_bench(app_state, owner, "")).body)
        return body, await asyncio.to_thread(gzip.compress, body, COMPRESSION)

    shown = now_section(app_state, owner).version(), recent_section(app_state, owner).version()
    whole, compressed = await app_state.drawings.drawn("bench", (app_state.scheduler.installation, shown), draw)
    headers = {"Cache-Control": "no-store"}
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return HTMLResponse(whole, headers=headers)
    return HTMLResponse(compressed, headers={**headers, "Vary": "Accept-Encoding", "Content-Encoding": "gzip"})


async def draw_bench(app_state: AppState, owner: str, defaults: str) -> Response:
    """The bench as one visitor sees it."""
    known = app_state.scheduler.experiments
    latest = {name: await app_state.store.latest(name, owner) for name in known}
    panels = []
    for name, about in known.items():
        form = form_section(app_state, about, None) if name == defaults != MEASURE else None
        panel = await whole_panel(app_state, about, latest[name], form)
        panels.append((name, panel))
    last = await last_run(app_state, owner)
    shown = [name for name, run in latest.items() if name == defaults or (run and (run.status.live or run is last))]
    fragments = await render(app_state, [now_section(app_state, owner), recent_section(app_state, owner)])
    return page(
        app_state,
        "pages/bench.html",
        "Bench",
        "/live",
        ways=ways(app_state),
        ask=await first_form(app_state, None if defaults == MEASURE else latest[MEASURE]),
        now=fragments["now"],
        groups=groups(panels, shown),
        recent=fragments["recent"],
    )


@router.get("/runs")
async def runs(request: Request, experiment: str = "", status: str = "", before: str = "") -> Response:
    app_state = app_state_of(request)
    names = [(each.name, each.title) for each in EXPERIMENTS.values()]
    found = await history(app_state, owner=owner_of(request), experiment=experiment, status=status, before=before)
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
    run = await app_state.store.run(run_id)
    state = None if t is None else await state_at(app_state, visitor_of(request), run, t)
    # Before the page is drawn: a run that ends meanwhile is drawn as it still was, and its end comes by the stream.
    stream = f"/live?run={run.id}" if run.status.live and not run.elsewhere else ""
    fragments = await render(app_state, [run_section(app_state, run, state, owned=owned(request, run))])
    heading = f"{run.id} {title(run)}"
    layout, href = laid_out(run, fragments), f"/runs/{run.id}"
    return page(app_state, "pages/run.html", "Runs", stream, heading=heading, layout=layout, href=href)


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks of a run's page that are closed at first; `anchor` is the id of what opens."""

    anchor: str
    title: str
    blocks: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class RunLayout:
    """A run's page: its head with what may be done to it, what is open, what is folded below it, and the rest.

    `killable`: its workers can be killed until it ends, also beside a verdict.
    """

    experiment: str
    killable: bool
    head: Markup
    fault: Markup
    opening: tuple[Markup, ...]
    folds: tuple[Fold, ...]
    rest: tuple[Markup, ...]


def laid_out(run: Run, fragments: Mapping[str, Markup]) -> RunLayout:
    """The fragments of a run's page in their places."""
    parts = VIEWS[run.experiment.name].parts
    folded = dict.fromkeys(part.fold for part in parts if part.fold)
    opening = [*(f"run-{part.name}" for part in parts if not part.fold), "run-findings"]
    folds = [
        Fold(
            re.sub(r"\W+", "-", title.lower()),
            title,
            tuple(fragments[f"run-{part.name}"] for part in parts if part.fold == title),
        )
        for title in folded
    ]
    rest = (fragments["run-replay"], fragments["run-more"])
    return RunLayout(
        run.experiment.name,
        run.experiment.measured and run.worker_processes > 0,
        fragments["run-head"],
        fragments["run-fault"],
        tuple(fragments[name] for name in opening),
        tuple(folds),
        rest,
    )


@router.get("/runs/{run_id}/at")
async def at(request: Request, run_id: str, t: float = 0.0) -> Response:
    """The parts of a run's page as they were `t` seconds after its start, for the replay."""
    app_state = app_state_of(request)
    run = await app_state.store.run(run_id)
    section = run_section(app_state, run, await state_at(app_state, visitor_of(request), run, t), parts_only=True)
    return partials(await render(app_state, [section]))


async def state_at(app_state: AppState, visitor: Visitor, run: Run, seconds: float) -> Any:
    """The state of an ended run so many seconds after its first record: its records, folded again up to there.

    None, which is the present, where there is nothing to play again.
    """
    if replay(run) is None:
        return None
    # In this order a NaN is 0 too; no run lasts for 30 years.
    until = run.state.t0 + int(min(max(0.0, seconds), 1e9) * 1e9)

    return await app_state.costly.make(visitor.id, lambda: app_state.replays.state_at(run, until))


@router.get("/runs/{run_id}/chart.json", response_class=JSONResponse)
async def chart(request: Request, run_id: str) -> Response:
    """The datasets of a run's charts, by name."""
    run = await app_state_of(request).store.run(run_id)
    if run.experiment.meaning.chart is None:
        raise UnknownRun(f"{run_id}/chart.json")
    return JSONResponse(run.experiment.meaning.chart(run.state, run.usable_cpus))


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the JSON API as its page lists it."""

    method: str
    path: str
    summary: str


CALLS = (
    Column("call", lambda call: f"{call.method} {call.path}", row_head=True, code=True),
    Column("answers", lambda call: call.summary, align="wrap"),
)
PARAMETERS = (
    Column("name", lambda field: field.name, row_head=True, code=True),
    Column("default", lambda field: field.value or "–", code=True),
    Column("what", lambda field: field.help, align="wrap"),
)


@dataclass(frozen=True, slots=True)
class ParameterTable:
    """The parameters of one experiment as the API's page lists them."""

    title: str
    name: str
    table: Table


@router.get("/api")
async def api(request: Request) -> Response:
    app_state = app_state_of(request)
    schema = request.app.openapi()
    calls = [
        Call(method.upper(), path, about.get("summary", ""))
        for path, methods in schema["paths"].items()
        for method, about in methods.items()
    ]
    forms = []
    for experiment in app_state.scheduler.experiments.values():
        form = form_facts(app_state, experiment, None, experiment.params().model_dump())  # the defaults
        rows = table(PARAMETERS, (*form.fields, *form.advanced))
        forms.append(ParameterTable(experiment.title, experiment.name, rows))
    return page(app_state, "pages/api.html", "API", calls=table(CALLS, calls), forms=forms, base=str(request.base_url))
