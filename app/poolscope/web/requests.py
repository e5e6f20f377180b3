"""What every request and its answer get: an id, the security headers, a line in the log, a count of what was refused.

The line says nothing of who asked.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections import Counter
from contextvars import ContextVar
from http import HTTPStatus

from starlette.datastructures import Headers
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

log = logging.getLogger(__name__)
# Read by the log's formatters and the answer to a bug. Never reset: each request is a task with a context of its own.
request_id: ContextVar[str] = ContextVar("request_id", default="")


def because(scope: Scope, reason: str) -> None:
    """Note why a request is being refused, for the count of refusals."""
    scope.setdefault("state", {})["refused_because"] = reason


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


def slug(title: str) -> str:
    """'The queue is full' as 'the_queue_is_full', a label's value."""
    return re.sub(r"\W+", "_", title.lower()).strip("_")
