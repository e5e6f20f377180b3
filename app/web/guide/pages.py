"""GET: the guide's first page, and each of its topics with what this machine has measured of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from app.web.faces import pool_sizes
from app.web.guide.figures import Kept, figures, pool_figure, pool_of_three, scenario_figures, tool_figures
from app.web.guide.glossary import GLOSSARY
from app.web.guide.topics import PRESETS, TOPICS, beside, code, find
from app.web.pages import page
from app.web.site import Site, site_of

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/guide")
async def guide(request: Request) -> Response:
    return page(site_of(request), "pages/guide.html", "Guide", topics=TOPICS)


@router.get("/guide/{name}")
async def topic(request: Request, name: str) -> Response:
    """One topic. Raises UnknownTopic."""
    site, shown = site_of(request), find(name)
    context = {"code": code(), "presets": PRESETS, **await measured(site, shown.name)}
    before, after = beside(shown)
    body = site.part(shown.template, "body", context)
    return page(site, "pages/topic.html", "Guide", topic=shown, before=before, after=after, body=body)


async def measured(site: Site, name: str) -> dict[str, Any]:
    """What a topic shows beside its text: mostly what was measured here."""
    kept = Kept(site)
    match name:
        case "threads-or-processes":
            return {"figures": await figures(kept)}
        case "process-pools":
            three = await pool_of_three(kept)
            workers = Markup()
            if three is not None:
                face = pool_sizes.face(three)
                workers = site.part("experiments/pool_sizes.html", "workers", {"face": face})
            return {"pool": await pool_figure(kept, three), "workers": workers}
        case "sharing-data":
            return {"tools": await tool_figures(kept)}
        case "failing-safely":
            return {"scenarios": await scenario_figures(kept)}
        case _:
            return {"terms": GLOSSARY}
