"""Every error as an answer: problem+json (RFC 9457) for the API, a page for a person, pieces of a form for htmx."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from poolscope.errors import (
    BadParameters,
    NobodyToKill,
    PoolscopeError,
    QueueFull,
    Refused,
    RunIsLive,
    ServerEnding,
    TooManyStarts,
    TooManyViewers,
    UnknownExperiment,
    UnknownRun,
    UnknownTopic,
)
from poolscope.web.app_state import app_state_of
from poolscope.web.context import header
from poolscope.web.headers import HEADERS

STATUS: tuple[tuple[type[PoolscopeError], int, str], ...] = (
    (BadParameters, 422, "These parameters can't be run"),
    (UnknownExperiment, 404, "No such experiment"),
    (UnknownRun, 404, "No such run"),
    (UnknownTopic, 404, "No such page"),
    (TooManyStarts, 429, TooManyStarts.title),
    (QueueFull, 503, QueueFull.title),
    (TooManyViewers, 503, TooManyViewers.title),
    (ServerEnding, 503, ServerEnding.title),
    (RunIsLive, 409, "The run is still live"),
    (NobodyToKill, 409, "No such worker now"),
)

_TEXT = {"type": "string"}
# What the API's document says of refusals, in the place of FastAPI's own shape, which no answer here has.
DESCRIBED: dict[int | str, dict[str, Any]] = {
    422: {
        "description": "A parameter or the request itself is wrong; nothing was done",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "required": ["title", "status", "detail"],
                    "properties": {
                        "title": _TEXT,
                        "status": {"type": "integer"},
                        "detail": _TEXT,
                        "errors": {
                            "type": "array",
                            "items": {"type": "object", "properties": {"name": _TEXT, "message": _TEXT}},
                        },
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is told: HTTP status, a title for its kind, and a sentence about this one."""

    status: int
    title: str
    detail: str
    errors: tuple[dict[str, str], ...] = ()
    retry_after: int = 0

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"title": self.title, "status": self.status, "detail": self.detail}
        return {**told, "errors": list(self.errors)} if self.errors else told


def problem_of(error: Exception) -> Problem:
    """The problem that an error is. Unknown errors raise a 500 elsewhere and never come here."""
    if isinstance(error, RequestValidationError):
        # Numbers in it are places in the text, not names.
        errors = tuple(
            {"name": ".".join(part for part in e["loc"][1:] if isinstance(part, str)), "message": str(e["msg"])}
            for e in error.errors()
        )
        return Problem(422, "The request can't be read", " ".join(e["message"] for e in errors), errors)
    if isinstance(error, HTTPException):
        return Problem(error.status_code, HTTPStatus(error.status_code).phrase, str(error.detail))
    status, title = next((status, title) for kind, status, title in STATUS if isinstance(error, kind))
    errors = ()
    if isinstance(error, BadParameters):
        errors = tuple({"name": complaint.name, "message": complaint.message} for complaint in error.errors)
    return Problem(status, title, str(error), errors, error.retry_after if isinstance(error, Refused) else 0)


def answer(request: Request, problem: Problem, panel: str = "") -> Response:
    """The problem in the form that suits who asked."""
    headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse(problem.as_json(), problem.status, headers=headers, media_type="application/problem+json")
    app_state = app_state_of(request)
    context = {"problem": problem, "panel": panel, "here": "", "live": "", "machine": header(app_state)}
    return HTMLResponse(app_state.render("pages/problem.html", context), problem.status, headers=headers)


def install(app: FastAPI) -> None:
    """Answer all errors that are raised on purpose; the rest is a bug, logged, and a plain 500."""

    async def told(request: Request, error: Exception) -> Response:
        response = answer(request, problem_of(error))
        response.headers.update(getattr(error, "headers", None) or {})  # Allow, with a 405
        return response

    async def bug(request: Request, error: Exception) -> Response:
        problem = Problem(500, "Poolscope failed", f"This is a bug in Poolscope: {type(error).__name__}.")
        response = answer(request, problem)
        response.headers.update(HEADERS)  # it is answered outside of the guards
        return response

    for kind in (PoolscopeError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, told)
    app.add_exception_handler(Exception, bug)
