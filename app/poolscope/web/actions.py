"""POST: run, stop, change, harm, run again, delete; each works without JavaScript (303 to the run) and with htmx."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from poolscope.errors import BadParameters, NobodyToKill, ParameterError, Refused
from poolscope.experiments.experiment import Experiment
from poolscope.runs.run import Run
from poolscope.text import numbers
from poolscope.web.access import app_state_of, own_run, owner_of, visitor_of
from poolscope.web.app_state import AppState
from poolscope.web.context import complaints, takes
from poolscope.web.fragments import (
    Section,
    fault_section,
    form_section,
    hx_partial,
    panel_sections,
    partials,
    render,
    run_section,
)
from poolscope.web.pages import whole_panel
from poolscope.web.problems import answer, problem_of
from poolscope.web.requests import because, slug
from poolscope.web.stream import Page

router = APIRouter(include_in_schema=False)

MOST_WORKERS = 1_000  # a number beyond is a mistake, whatever the run


def by_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def to(address: str) -> RedirectResponse:
    return RedirectResponse(address, 303)


async def present(request: Request, app_state: AppState, run: Run) -> Response:
    """What has become of a run, for the page that asked: its panel on the bench, or its own page."""
    if not by_htmx(request):
        return to(f"/runs/{run.id}")
    if on_own_page(request, run):
        return await replace(request, [run_section(app_state, run)], 200, run.id)
    return await replace(request, panel_sections(app_state, run.experiment, run), 200)


def on_own_page(request: Request, run: Run) -> bool:
    try:
        return urlsplit(request.headers.get("hx-current-url", "")).path == f"/runs/{run.id}"
    except ValueError:  # no address at all
        return False


async def replace(request: Request, sections: Sequence[Section], status: int, page: str = "") -> Response:
    """Fragments for the bench or a run's page. A frame with a greater number than the header's is newer than these."""
    app_state = app_state_of(request)
    frame = app_state.hub.frame(Page(page) if page else Page(owner=owner_of(request)))  # before they are rendered
    answer = partials(await render(app_state, sections), status)
    if frame is not None:
        answer.headers["Poolscope-Frame"] = str(frame)
    return answer


async def form_of(request: Request) -> dict[str, Any]:
    """What was sent by name: a text, or a list where there are several of one name, as of boxes that are ticked."""
    sent: dict[str, Any] = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, str):
            sent[name] = [*as_list(sent[name]), value] if name in sent else value
    return sent


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@router.post("/runs")
async def start(request: Request) -> Response:
    """Start a run from a form; one that can't be done comes back as it was typed, and says why."""
    app_state = app_state_of(request)
    typed = await form_of(request)
    experiment = app_state.scheduler.experiments[str(typed.pop("experiment", ""))]
    try:
        run = await app_state.scheduler.start(experiment.name, typed, visitor_of(request), considerate=True)
    except (BadParameters, Refused) as wrong:
        return await send_back(request, experiment, None, typed, wrong)
    return await present(request, app_state, run)


async def send_back(
    request: Request, experiment: Experiment, run: Run | None, typed: Mapping[str, Any], wrong: BadParameters | Refused
) -> Response:
    """A form as it was typed, with what is wrong: the form of a live `run`, or of a run to be started."""
    app_state = app_state_of(request)
    errors = wrong.errors if isinstance(wrong, BadParameters) else (ParameterError("", str(wrong)),)
    form = form_section(app_state, experiment, run, typed, errors)
    if by_htmx(request):
        because(request.scope, slug(wrong.title))
        return await replace(request, [form], problem_of(wrong).status)
    shown = run or await app_state.store.latest(experiment.name, owner_of(request))
    problem = changed(problem_of(wrong), detail=complaints(app_state, experiment, errors))
    return answer(request, problem, await whole_panel(app_state, experiment, shown, form))


@router.post("/runs/together")
async def together(request: Request) -> Response:
    """Start several experiments with their defaults, side by side."""
    app_state = app_state_of(request)
    known = app_state.scheduler.experiments
    names = [str(name) for name in (await request.form()).getlist("experiment")][: len(known)]
    sections: list[Section] = []
    for experiment in [known[name] for name in dict.fromkeys(names)]:
        try:
            run = await app_state.scheduler.start(experiment.name, {}, visitor_of(request), considerate=True)
        except Refused as wrong:
            if not by_htmx(request):
                raise
            sections.append(form_section(app_state, experiment, None, {}, (ParameterError("", str(wrong)),)))
        else:
            sections += panel_sections(app_state, experiment, run)
    if by_htmx(request):
        return await replace(request, sections, 200)
    return to(f"/#{names[0]}" if names else "/")


@router.get("/forms/{experiment}")
async def defaults(request: Request, experiment: str) -> Response:
    """An experiment's form with its default values. It takes the place of what was typed, so it is not morphed."""
    app_state = app_state_of(request)
    fragments = await render(app_state, [form_section(app_state, app_state.scheduler.experiments[experiment], None)])
    return HTMLResponse("".join(hx_partial(target, markup, "outerHTML") for target, markup in fragments.items()))


@router.post("/forms/{experiment}/estimate")
async def estimate(request: Request, experiment: str) -> Response:
    """How long a run with what is typed would take, in words."""
    typed = await form_of(request)
    typed.pop("experiment", None)
    return PlainTextResponse(takes(app_state_of(request).scheduler.experiments[experiment], typed))


@router.post("/runs/{run_id}/stop")
async def stop(request: Request, run_id: str) -> Response:
    app_state, run = app_state_of(request), await own_run(request, run_id)
    return await present(request, app_state, await app_state.scheduler.stop(run.id))


@router.post("/runs/{run_id}/now")
async def hurry(request: Request, run_id: str) -> Response:
    """Start a run that waits for a measurement only so as not to disturb it."""
    app_state, run = app_state_of(request), await own_run(request, run_id)
    return await present(request, app_state, await app_state.scheduler.hurry(run.id))


@router.post("/runs/{run_id}/controls")
async def change(request: Request, run_id: str) -> Response:
    """Change delays, pause or resume. A wrong value changes nothing and is said beside its field."""
    app_state, run = app_state_of(request), await own_run(request, run_id)
    typed = await form_of(request)
    try:
        await app_state.scheduler.change(run.id, typed)
    except BadParameters as wrong:
        if not run.status.live:
            raise
        return await send_back(request, run.experiment, run, typed, wrong)
    return await present(request, app_state, run)


@router.post("/runs/{run_id}/faults")
async def harm(request: Request, run_id: str) -> Response:
    """Kill a worker process. Where there is none of that number, nothing happens, and the form says why."""
    app_state, run = app_state_of(request), await own_run(request, run_id)
    typed = (await request.form()).get("worker")
    try:
        await app_state.scheduler.kill(run.id, worker_number(typed if isinstance(typed, str) else ""))
    except (BadParameters, NobodyToKill) as wrong:
        if not by_htmx(request):
            raise
        if on_own_page(request, run):
            section = fault_section(run, numbers.typeset(str(wrong)))
        else:
            errors = (ParameterError("", str(wrong)),)
            section = form_section(app_state, run.experiment, run, errors=errors)
        return await replace(request, [section], problem_of(wrong).status)
    return await present(request, app_state, run)


def worker_number(typed: str) -> int:
    """The number of a worker from a form's field. Raises BadParameters."""
    if re.fullmatch("[0-9]{1,4}", typed.strip(), re.ASCII) and 1 <= int(typed) <= MOST_WORKERS:
        return int(typed)
    raise BadParameters((ParameterError("worker", f"`worker` must be a whole number from 1 to {MOST_WORKERS:,}."),))


@router.post("/runs/{run_id}/again")
async def again(request: Request, run_id: str) -> Response:
    """Run with the same parameters, or with those of a finding's remedy."""
    app_state = app_state_of(request)
    run = await app_state.store.run(run_id)
    params: dict[str, Any] = run.params.model_dump()
    remedy = (await request.form()).get("remedy")
    if isinstance(remedy, str) and re.fullmatch("[0-9]{1,3}", remedy):
        findings = run.experiment.meaning.findings(run.state, run.usable_cpus)
        if int(remedy) < len(findings):
            params.update(findings[int(remedy)].remedy)
    new = await app_state.scheduler.start(run.experiment.name, params, visitor_of(request), considerate=True)
    return to(f"/runs/{new.id}")


@router.post("/runs/{run_id}/delete")
async def delete(request: Request, run_id: str) -> Response:
    run = await own_run(request, run_id)
    await app_state_of(request).scheduler.delete(run.id)
    if by_htmx(request):
        return Response(headers={"HX-Redirect": "/runs"})
    return to("/runs")
