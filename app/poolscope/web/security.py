"""What protects the server and its users: origin and host checks, a limit on request bodies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poolscope.web.problems import Problem
from poolscope.web.requests import because, slug

BODY_LIMIT = 64 * 1024
TOO_LARGE = f"A request may hold at most {BODY_LIMIT} bytes."
SAFE = ("GET", "HEAD", "OPTIONS")
# They say nothing of anybody's, and whoever watches over a container asks by an address that is not its public name.
ANSWERED_TO_ANY_HOST = ("/healthz", "/readyz")


class HeadAnswered(Exception):
    """Raised into an app that goes on with a body which nobody asked for; a stream would never end."""


class Guards:
    """ASGI middleware of our own shape: it must let streams pass untouched and cost next to nothing a frame."""

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
