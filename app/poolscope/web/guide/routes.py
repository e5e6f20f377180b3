"""GET: the guide's first page, and each of its topics with what this machine has measured of it."""

from __future__ import annotations

import shlex
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from poolscope.examples import programs
from poolscope.experiments.pool_benchmark.measure_command import data_option
from poolscope.limits import LIMITS
from poolscope.web.access import app_state_of, owner_of
from poolscope.web.app_state import AppState
from poolscope.web.context import run_facts
from poolscope.web.fragments import part
from poolscope.web.guide.comparisons import (
    CALLS,
    ENGINE_COLUMNS,
    LIMITS_OF_THE_DEMO,
    SCENARIOS,
    TOOLS,
    WAYS_TO_ASK,
    comparison,
    engine_rows,
)
from poolscope.web.guide.figures import (
    Kept,
    asked_as,
    engine_figures,
    figures,
    pool_figure,
    pool_of_three,
    scenario_figures,
    tool_figures,
)
from poolscope.web.guide.glossary import GLOSSARY
from poolscope.web.guide.topics import PRESETS, TOPICS, beside, find
from poolscope.web.pages import page
from poolscope.web.table import table
from poolscope.web.views import VIEWS

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/guide")
async def guide(request: Request) -> Response:
    return page(app_state_of(request), "pages/guide.html", "Guide", topics=TOPICS)


@router.get("/guide/{name}")
async def one_topic(request: Request, name: str) -> Response:
    """One topic. Raises UnknownTopic."""
    app_state, topic = app_state_of(request), find(name)
    context = {"code": programs(), "presets": PRESETS, **await measured(app_state, topic.name, owner_of(request))}
    before, after = beside(topic)
    body = part(app_state.templates, topic.template, "body", context)
    return page(app_state, "pages/topic.html", "Guide", topic=topic, before=before, after=after, body=body)


async def measured(app_state: AppState, name: str, owner: str) -> dict[str, Any]:
    """What a topic shows beside its text: mostly what was measured here, for an `owner` what he may find."""
    kept = Kept(app_state, owner)
    match name:
        case "threads-or-processes":
            return {"compared": comparison(await figures(kept))}
        case "process-pools":
            three = await pool_of_three(kept)
            workers = Markup()
            if three is not None:
                view = VIEWS["pool-sizes"].view(three)
                shown = {"view": view, "run": run_facts(three)}
                workers = part(app_state.templates, "experiments/pool_sizes.html", "workers", shown)
            return {"pool": await pool_figure(kept, three), "workers": workers, "calls": table(CALLS, WAYS_TO_ASK)}
        case "sharing-data":
            return {"tools": table(TOOLS, await tool_figures(kept))}
        case "failing-safely":
            return {"scenarios": table(SCENARIOS, await scenario_figures(kept))}
        case "beyond-one-machine":
            broken = await kept.newest("failures", asked_as("engines-crashes"))
            return {
                "engines": table(ENGINE_COLUMNS, engine_rows(await engine_figures(kept))),
                "crashes": VIEWS["failures"].view(broken) if broken is not None else None,
            }
        case "your-own-work":
            installation = app_state.scheduler.installation
            kept_in = shlex.join(data_option(installation.data))
            return {"program": shlex.quote(installation.program), "kept_in": f" {kept_in}" if kept_in else ""}
        case "hosting-a-demo":
            return {"limits": table(LIMITS_OF_THE_DEMO, LIMITS.items())}
        case "glossary":
            return {"terms": GLOSSARY}
        case _:
            return {}
