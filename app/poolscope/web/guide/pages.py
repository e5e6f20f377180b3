"""GET: the guide's first page, and each of its topics with what this machine has measured of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from poolscope.examples import programs
from poolscope.web.app_state import AppState, app_state_of
from poolscope.web.guide.figures import Kept, figures, pool_figure, pool_of_three, scenario_figures, tool_figures
from poolscope.web.guide.glossary import GLOSSARY
from poolscope.web.guide.topics import PRESETS, TOPICS, beside, find
from poolscope.web.pages import page
from poolscope.web.views import pool_sizes

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/guide")
async def guide(request: Request) -> Response:
    return page(app_state_of(request), "pages/guide.html", "Guide", topics=TOPICS)


@router.get("/guide/{name}")
async def topic(request: Request, name: str) -> Response:
    """One topic. Raises UnknownTopic."""
    app_state, shown = app_state_of(request), find(name)
    context = {"code": programs(), "presets": PRESETS, **await measured(app_state, shown.name)}
    before, after = beside(shown)
    body = app_state.part(shown.template, "body", context)
    return page(app_state, "pages/topic.html", "Guide", topic=shown, before=before, after=after, body=body)


async def measured(app_state: AppState, name: str) -> dict[str, Any]:
    """What a topic shows beside its text: mostly what was measured here."""
    kept = Kept(app_state)
    match name:
        case "threads-or-processes":
            return {"figures": await figures(kept)}
        case "process-pools":
            three = await pool_of_three(kept)
            workers = Markup()
            if three is not None:
                face = pool_sizes.face(three)
                workers = app_state.part("experiments/pool_sizes.html", "workers", {"face": face})
            return {"pool": await pool_figure(kept, three), "workers": workers}
        case "sharing-data":
            return {"tools": await tool_figures(kept)}
        case "failing-safely":
            return {"scenarios": await scenario_figures(kept)}
        case _:
            return {"terms": GLOSSARY}
