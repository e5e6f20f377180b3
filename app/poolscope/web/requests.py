"""What every request passes first: it gets an id and a line in the log, its answer headers that protect a browser.

A foreign page, an unknown host and a large body are refused here, before anybody looks who asks. The line in the log
says nothing of who asked.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A proxy's own id is kept, so that its log and ours can be read together; anything else could forge lines of a log.
SANE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
LONGEST_PATH = 200

# They stand on every answer, be it a page, a stream, a file or the report of a bug.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# As they are sent, once for all answers: one that streams keeps its own as long as it lasts.
RAW_HEADERS = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in HEADERS.items()]

BODY_LIMIT = 64 * 1024
TOO_LARGE = f"A request may hold at most {BODY_LIMIT} bytes."
SAFE = ("GET", "HEAD", "OPTIONS")
# They say nothing of anybody's, and whoever watches over a container asks by an address that is not its public name.
ANSWERED_TO_ANY_HOST = ("/healthz", "/readyz")

log = logging.getLogger(__name__)
# Read by the log's formatters and the answer to a bug. Never reset: each request is a task with a context of its own.
request_id: ContextVar[str] = ContextVar("request_id", default="")


def because(scope: Scope, reason: str) -> None:
    """Note why a request is being refused, for the count of refusals."""
    scope.setdefault("state", {})["refused_because"] = reason


def slug(title: str) -> str:
    """'The queue is full' as 'the_queue_is_full', a label's value."""
    return re.sub(r"\W+", "_", title.lower()).strip("_")


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is answered: HTTP status, a title for its kind, and a sentence about this one."""

    status: int
    title: str
    detail: str
    errors: tuple[dict[str, str], ...] = ()
    retry_after: int = 0

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"title": self.title, "status": self.status, "detail": self.detail}
        return {**answer, "errors": list(self.errors)} if self.errors else answer


class RequestLog:
    """ASGI middleware around all others. `refusals` counts by status and reason.

    A line, at level info, has the method, the path without its query, the status and the time that it took.
    """

    def __init__(self, app: ASGIApp, refusals: Counter[tuple[int, str]]) -> None:
        self.app = app
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        own = given if SANE.fullmatch(given) else secrets.token_hex(8)
        request_id.set(own)
        began, status = time.perf_counter(), 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *RAW_HEADERS, (b"x-request-id", own.encode())]
            await send(message)

        try:
            await self.app(scope, receive, with_headers)
        except Exception:
            status = 500  # answered outside of all middleware, and logged there with what was raised
            raise
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        if status >= 400:
            reason = scope.get("state", {}).get("refused_because") or slug(HTTPStatus(status).phrase)
            self._refusals[status, reason] += 1
        if log.isEnabledFor(logging.INFO):
            path = scope["path"][:LONGEST_PATH]
            log.info(
                "%s %s %s %.1f ms",
                *(scope["method"], ascii(path)[1:-1], status or "left", seconds * 1e3),
                extra={"request": {"method": scope["method"], "path": path, "status": status, "seconds": seconds}},
            )


class HeadAnswered(Exception):
    """Raised into an app that goes on with a body which nobody asked for; a stream would never end."""


class Guards:
    """ASGI middleware that refuses foreign pages, hosts other than `hosts`, and large bodies.

    Of our own shape, for it must let streams pass untouched and cost next to nothing a frame.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.strip().lower() for host in hosts if host.strip())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        refused = self._refuse(scope)
        if refused is not None:
            because(scope, slug(refused.title))
            answer = JSONResponse(refused.as_json(), refused.status, media_type="application/problem+json")
            await answer(scope, receive, send)
        elif scope["method"] == "HEAD":
            with suppress(HeadAnswered):
                await self.app({**scope, "method": "GET"}, receive, _without_body(send))
        else:
            with suppress(ClientDisconnect):  # in the middle of its body: nobody is there to be answered
                await self.app(scope, receive if scope["method"] in SAFE else _limited(receive), send)

    def _refuse(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = _split(f"//{host}").hostname or ""
        known = "*" in self.hosts or name in self.hosts or f"[{name}]" in self.hosts
        if not known and scope["path"] not in ANSWERED_TO_ANY_HOST:
            return Problem(
                400,
                "Unknown host",
                f"This server does not answer to {name!r}. POOLSCOPE_ALLOWED_HOSTS names its hosts.",
            )
        if scope["method"] in SAFE:
            return None
        # A form on another site may post here with the user's browser; browsers say where a request came from.
        origin = headers.get("origin")
        foreign = origin is not None and _split(origin).netloc != host
        if foreign or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return Problem(403, "Foreign origin", f"A page of {origin or 'another site'} may not change anything here.")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            return Problem(413, "Too large", TOO_LARGE)
        return None


def _split(address: str) -> SplitResult:
    """An address in its parts, which are empty where it is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _without_body(send: Send) -> Send:
    """Send the headers that GET would have, and end the answer there."""

    async def headers_alone(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        raise HeadAnswered

    return headers_alone


def _limited(receive: Receive) -> Receive:
    """Refuse a body without a length that goes on for too long."""
    got = 0

    async def limited() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > BODY_LIMIT:
            raise HTTPException(413, TOO_LARGE)
        return message

    return limited
