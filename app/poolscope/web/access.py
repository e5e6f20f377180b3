"""Who may do what: a token where one is needed, and in the demo to each visitor what is his own."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poolscope.errors import NotYours
from poolscope.runs.run import Run, Visitor
from poolscope.web.app_state import AppState, app_state_of
from poolscope.web.identification import Identification
from poolscope.web.requests import Problem, because

# They say nothing of anybody's, and the page that asks for the token needs its style.
OPEN_TO_ALL = ("/healthz", "/readyz", "/login")
OPEN_FOLDERS = ("/static/", "/charts/")
SCHEMES = ("http", "https")

router = APIRouter(include_in_schema=False)


class Access:
    """ASGI middleware: puts the client's true address, its visitor and the limits of access on every request."""

    def __init__(self, app: ASGIApp, app_state: AppState) -> None:
        self.app = app
        self.app_state = app_state
        self.identification = app_state.identification

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})  # before the scope is copied: those around us read what is noted there
        scope = self._from_behind_proxies(scope)
        state["visitor"], cookie, refused = self._identify(HTTPConnection(scope))
        if refused is None:
            await self.app(scope, receive, _with_cookie(send, cookie) if cookie else send)
        else:
            because(scope, "no_token")
            await refused(scope, receive, send)

    def _identify(self, connection: HTTPConnection) -> tuple[Visitor, str, Response | None]:
        """Who asks, the cookie to be set, and the answer if it is a refusal.

        Apart from the call itself, which lasts as long as a stream does and must not hold what was read for this.
        """
        visitor, cookie = self.identification.visitor(connection)
        self.app_state.scheduler.see(visitor.id)
        return visitor, cookie, self._refuse(connection)

    def _from_behind_proxies(self, scope: Scope) -> Scope:
        """The scope with the address and the scheme that the client has used, where a proxy stands before us."""
        peer, _ = scope.get("client") or ("", 0)
        headers, proxies = Headers(scope=scope), self.identification.proxies
        if not proxies.trusts(peer):
            return scope
        scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        return {
            **scope,
            "client": (proxies.client(peer, headers.getlist("x-forwarded-for")), 0),
            "scheme": scheme if scheme in SCHEMES else scope["scheme"],
        }

    def _refuse(self, connection: HTTPConnection) -> Response | None:
        """The answer to who brings no token where one is needed, or brings it in the address; None for all others."""
        path = connection.scope["path"]
        if not self.identification.token or path in OPEN_TO_ALL or path.startswith(OPEN_FOLDERS):
            return None
        brought = self.identification.has_token(connection)
        given = connection.query_params.get("token")
        if given is not None and connection.scope["method"] in ("GET", "HEAD"):
            if self.identification.is_token(given):
                return let_in(self.identification, connection, _without_token(connection))
            brought = bool(brought)
        return None if brought else refusal(self.app_state, connection, brought)


def _with_cookie(send: Send, cookie: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers.append("Set-Cookie", cookie)
        await send(message)

    return sending


def _without_token(connection: HTTPConnection) -> str:
    """The address that was asked for, without the token: it must not stay in histories and logs."""
    pairs = parse_qsl(connection.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = urlencode([(name, value) for name, value in pairs if name != "token"])
    return f"{quote(connection.scope['path'])}{'?' if query else ''}{query}"


def let_in(identification: Identification, connection: HTTPConnection, to: str) -> Response:
    """Send a browser on that has brought the token, which it need not do again."""
    # A path that begins with two slashes would lead to another host; browsers take a backslash for one.
    answer = RedirectResponse("/" + to.lstrip("/\\"), 303)
    answer.headers.append("Set-Cookie", identification.login_cookie(connection))
    return answer


def refusal(app_state: AppState, connection: HTTPConnection, brought: bool | None) -> Response:
    """No token, or a wrong one: a page with a field for it, or problem+json for a program."""
    path = connection.scope["path"]
    if brought is False:
        problem = Problem(401, "Wrong token", "This is not the token of this Poolscope. Its terminal shows the link.")
    else:
        problem = Problem(
            401,
            "A token is needed",
            "This Poolscope opens with a token: its terminal shows a link with it when it starts. Programs send it "
            "in a header, Authorization: Bearer TOKEN.",
        )
    headers = {"Cache-Control": "no-store", "WWW-Authenticate": "Bearer"}
    if path.startswith("/api/") or "text/html" not in connection.headers.get("accept", ""):
        return JSONResponse(problem.as_json(), problem.status, headers=headers, media_type="application/problem+json")
    context: dict[str, Any] = {"problem": problem, "here": "", "live": "", "machine": "", "next": path}
    return HTMLResponse(app_state.render("pages/token.html", context), problem.status, headers=headers)


@router.post("/login")
async def login(request: Request) -> Response:
    """Let a browser in that brings the token by the page's field."""
    app_state = app_state_of(request)
    identification = app_state.identification
    form = await request.form()
    given, to = form.get("token"), form.get("next")
    if not identification.token or (isinstance(given, str) and identification.is_token(given.strip())):
        return let_in(identification, request, to if isinstance(to, str) else "/")
    return refusal(app_state, request, False)


def visitor_of(request: Request) -> Visitor:
    """Who asks."""
    visitor: Visitor = request.state.visitor
    return visitor


def owner_of(request: Request) -> str:
    """Whose runs the pages show to who asks: '' for everybody's."""
    return app_state_of(request).identification.owner(visitor_of(request))


def owned(request: Request, run: Run) -> bool:
    """Whether who asks may stop, change and delete a run."""
    return app_state_of(request).identification.owns(visitor_of(request), run)


async def own_run(request: Request, run_id: str) -> Run:
    """The visitor's own run of that id. Raises UnknownRun or NotYours."""
    run = await app_state_of(request).store.run(run_id)
    if not owned(request, run):
        raise NotYours(run_id)
    return run
