"""Every error as an answer: problem+json (RFC 9457) for the API, a page for a person, fragments of a form for htmx."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from poolscope.errors import (
    BadParameters,
    NobodyToKill,
    NotYours,
    PoolscopeError,
    Refused,
    RunElsewhere,
    RunIsLive,
    TooManyStarts,
    TooManyStreams,
    TooManyWaiting,
    UnknownExperiment,
    UnknownRun,
    UnknownTopic,
)
from poolscope.web.access import app_state_of
from poolscope.web.fragments import header
from poolscope.web.models import ProblemAnswer
from poolscope.web.requests import HEADERS, Problem, because, request_id, slug

STATUS: tuple[tuple[type[PoolscopeError], int], ...] = (
    (BadParameters, 422),
    (UnknownExperiment, 404),
    (UnknownRun, 404),
    (UnknownTopic, 404),
    (TooManyStarts, 429),
    (TooManyStreams, 429),
    (TooManyWaiting, 429),
    (Refused, 503),
    (NotYours, 403),
    (RunIsLive, 409),
    (RunElsewhere, 409),
    (NobodyToKill, 409),
)

METHODS = ("GET", "POST", "PATCH", "DELETE")

DESCRIPTIONS = {
    400: "The host that it was asked by is none of this server's",
    401: "A token is needed, in a header: Authorization: Bearer TOKEN",
    403: "Not from another site's page; in the demo only one's own runs",
    404: "There is nothing of that name",
    409: "Not in the state that the run is in, or not while another process performs it",
    413: "The request is too large",
    422: "A parameter or the request itself is wrong; nothing was done",
    429: "Too many runs were started, or streams opened, from here, or runs wait",
    503: "Not now; Retry-After says when",
}
_SCHEMA = "#/components/schemas/ProblemAnswer"


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the API's document says of the refusals of a route."""
    content = {"application/problem+json": {"schema": {"$ref": _SCHEMA}}}
    return {status: {"description": DESCRIPTIONS[status], "content": content} for status in statuses}


def replace_refusals(document: dict[str, Any]) -> None:
    """Put our schema of refusals in the place of FastAPI's."""
    schemas = document["components"]["schemas"]
    problem = ProblemAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**problem.pop("$defs"), "ProblemAnswer": problem}
    for own in ("HTTPValidationError", "ValidationError"):
        schemas.pop(own, None)
    for calls in document["paths"].values():
        for call in calls.values():
            if "HTTPValidationError" in str(call["responses"].get("422")):
                del call["responses"]["422"]


def describe(app: FastAPI) -> None:
    """Put the schema of refusals into the API's document, in the place of FastAPI's own shape, which no answer has."""
    plain = app.openapi
    making = threading.Lock()  # it is made in a thread, and somebody may ask for it meanwhile

    def openapi() -> dict[str, Any]:
        with making:
            if app.openapi_schema is None:
                replace_refusals(plain())
            return plain()

    app.openapi = openapi  # type: ignore[method-assign]


def problem_of(error: Exception) -> Problem:
    """The problem that an error is. Unknown errors raise a 500 elsewhere and never come here."""
    if isinstance(error, RequestValidationError):
        # Numbers in it are places in the text, not names.
        errors = tuple(
            {"name": ".".join(part for part in e["loc"][1:] if isinstance(part, str)), "message": str(e["msg"])}
            for e in error.errors()
        )
        return Problem(422, "The request can't be read", " ".join(e["message"] for e in errors), errors)
    if isinstance(error, HTTPException) and error.status_code == 404:
        return Problem(404, "No page here", "Nothing has this address.")
    if isinstance(error, HTTPException):
        return Problem(error.status_code, HTTPStatus(error.status_code).phrase, str(error.detail))
    if not isinstance(error, PoolscopeError):
        raise error
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    errors = ()
    if isinstance(error, BadParameters):
        errors = tuple({"name": wrong.name, "message": wrong.message} for wrong in error.errors)
    return Problem(status, error.title, str(error), errors, error.retry_after if isinstance(error, Refused) else 0)


def answer(request: Request, problem: Problem, panel: str = "") -> Response:
    """The problem in the form that suits who asked."""
    because(request.scope, slug(problem.title))
    headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse(problem.as_json(), problem.status, headers=headers, media_type="application/problem+json")
    app_state = app_state_of(request)
    context = {"problem": problem, "panel": panel, "here": "", "live": "", "machine": header(app_state)}
    return HTMLResponse(app_state.render("pages/problem.html", context), problem.status, headers=headers)


def methods(request: Request) -> list[str]:
    """What an address may be asked by: by all its routes, where a router names only the first one's."""
    scope, routes = request.scope, [route for route in request.app.routes if not isinstance(route, Mount)]
    found = {
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    }
    # What has no route of its own is a file. Guards answers HEAD wherever there is a GET.
    return sorted(found | {"GET", "HEAD"} if "GET" in found or not found else found)


def install(app: FastAPI) -> None:
    """Answer all errors that are raised on purpose; the rest is a bug, logged, and a plain 500."""

    async def refuse(request: Request, error: Exception) -> Response:
        response = answer(request, problem_of(error))
        if response.status_code == 405:
            response.headers["Allow"] = ", ".join(methods(request))
        return response

    async def bug(request: Request, error: Exception) -> Response:
        problem = Problem(500, "Poolscope failed", f"This is a bug in Poolscope: {type(error).__name__}.")
        response = answer(request, problem)
        response.headers.update(
            {**HEADERS, "X-Request-ID": request_id.get()}
        )  # it is answered outside of all middleware
        return response

    describe(app)
    for kind in (PoolscopeError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, refuse)
    app.add_exception_handler(Exception, bug)
