"""Who asks, and what he may do: a token where one is needed, and in the demo to each visitor what is his own.

Visitors are known by a signed cookie, else by the address. Neither cookie holds anything of a person: one says that its
browser has brought the token, the other is a random name. The address is that of the peer, or the one that a trusted
proxy in between tells.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from itsdangerous import BadSignature, TimestampSigner
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poolscope.errors import BadParameters, NotYours, ParameterError
from poolscope.runs.run import Run, Visitor
from poolscope.web.app_state import AppState
from poolscope.web.requests import Problem, because

# They say nothing of anybody's, and the page that asks for the token needs its style.
OPEN_TO_ALL = ("/healthz", "/readyz", "/login")
OPEN_FOLDERS = ("/static/", "/charts/")
SCHEMES = ("http", "https")
DAY_S = 24 * 60 * 60
LOGIN_S, VISITOR_S = 30 * DAY_S, 90 * DAY_S
ANY = "*"

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


# What a route asks of its request


def app_state_of(request: Request) -> AppState:
    app_state: AppState = request.app.state.app_state
    return app_state


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


# Cookies


class Identification:
    """Reads and writes the two cookies, which are signed with `secret`.

    `token` is '' where none is needed; `apart` says that each visitor has runs of his own.
    """

    def __init__(
        self, secret: str = "", *, token: str = "", apart: bool = False, proxies: Proxies | None = None
    ) -> None:
        self.token = token
        self.apart = apart
        self.proxies = proxies or Proxies()
        self._key = (secret or secrets.token_hex(32)).encode()
        self._logins = TimestampSigner(self._key, salt="poolscope login", digest_method=hashlib.sha256)
        self._visitors = TimestampSigner(self._key, salt="poolscope visitor", digest_method=hashlib.sha256)

    # The token

    def is_token(self, given: str) -> bool:
        """Whether it is the token; how long that takes tells nothing of it."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def has_token(self, connection: HTTPConnection) -> bool | None:
        """Whether a request brings the token, in a header or by its cookie; None where it brings none at all."""
        kind, _, given = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() in ("bearer", "token"):
            return self.is_token(given.strip())
        cookie = connection.cookies.get(cookie_name("login", connection), "")
        # Another token, and all that were let in by the last one are asked again.
        return True if cookie and _unsigned(self._logins, cookie, LOGIN_S) == self._fingerprint() else None

    def login_cookie(self, connection: HTTPConnection) -> str:
        """The Set-Cookie line for a browser that has brought the token."""
        return set_cookie("login", self._logins.sign(self._fingerprint()).decode(), LOGIN_S, connection)

    def _fingerprint(self) -> str:
        return hashlib.sha256(self.token.encode()).hexdigest()[:16]

    # Visitors

    def visitor(self, connection: HTTPConnection) -> tuple[Visitor, str]:
        """Who asks, and the Set-Cookie line by which he is known from then on, '' where there is none to set.

        Programs keep no cookies: they are known by their address, as all are where visitors are not told apart.
        """
        address = self._pseudonym(address_key(connection.client.host if connection.client else ""))
        if not self.apart:
            return Visitor(address, address), ""
        cookie = connection.cookies.get(cookie_name("visitor", connection), "")
        known = _unsigned(self._visitors, cookie, VISITOR_S) if cookie else ""
        if known:
            return Visitor(known, address), ""
        page = connection.scope["method"] in ("GET", "HEAD") and "text/html" in connection.headers.get("accept", "")
        if not page:
            return Visitor(address, address), ""
        new = f"v-{secrets.token_urlsafe(12)}"
        return Visitor(new, address), set_cookie("visitor", self._visitors.sign(new).decode(), VISITOR_S, connection)

    def _pseudonym(self, address: str) -> str:
        """An address as it is kept and compared: nobody can tell from it where a run came from."""
        return f"a-{hmac.new(self._key, address.encode(), hashlib.sha256).hexdigest()[:16]}"

    def owner(self, visitor: Visitor) -> str:
        """Whose runs a visitor's pages show: '' for everybody's."""
        return visitor.id if self.apart else ""

    def owns(self, visitor: Visitor, run: Run) -> bool:
        """Whether a run is this visitor's own; everybody owns all where visitors are not told apart."""
        return not self.apart or run.visitor.id == visitor.id


def cookie_name(what: str, connection: HTTPConnection) -> str:
    """Browsers send a host's cookies to all its ports, so the port is in the name."""
    server = connection.scope.get("server") or ("", 0)
    return f"poolscope-{what}-{server[1]}"


def set_cookie(what: str, value: str, seconds: int, connection: HTTPConnection) -> str:
    """A Set-Cookie line: no script reads it, no other site's form sends it, and over TLS nothing else carries it."""
    secure = "; Secure" if connection.scope["scheme"] == "https" else ""
    return f"{cookie_name(what, connection)}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"


def _unsigned(signer: TimestampSigner, cookie: str, seconds: int) -> str:
    """What was signed, '' where that was not us, or too long ago."""
    try:
        value, signed = signer.unsign(cookie, return_timestamp=True)
        # In the future, too, where somebody has set the clock back since: nobody is to lose his runs by that.
        return value.decode() if (datetime.now(UTC) - signed).total_seconds() <= seconds else ""
    except (BadSignature, UnicodeError):
        return ""


def kept_secret(path: Path) -> str:
    """The key that cookies are signed with, kept in a file so that they outlive the server.

    Where no file can be kept, a key for as long as this server lives.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return _read(path) or secrets.token_hex(32)
    except OSError:
        return secrets.token_hex(32)
    made = secrets.token_hex(32)
    with os.fdopen(fd, "w") as file:
        file.write(made)
    return made


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


# Addresses


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies whose word counts: those in `networks`, or with `whoever` any that connects."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    whoever: bool = False

    def trusts(self, address: str) -> bool:
        """Whether somebody with this address may say for whom a request is made."""
        parsed = _parse(address)
        return self.whoever or (parsed is not None and any(parsed in network for network in self.networks))

    def client(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The address of the client, by the peer's and the X-Forwarded-For headers.

        Each proxy adds the address that it was asked from behind the others, and what stands before may be anybody's
        invention. So they are followed backwards, for as long as a trusted proxy says them. Where anybody is trusted,
        only the last one is more than hearsay.
        """
        told = [part.strip() for line in forwarded_for for part in line.split(",")]
        client = peer
        while told and self.trusts(client):
            before = told.pop()
            if _parse(before) is None:
                break
            client = before
            if self.whoever:
                break
        return client


def proxies_of(text: str) -> Proxies:
    """The proxies that a setting names, by commas. Raises BadParameters."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    networks = []
    for name in names:
        try:
            if name != ANY:
                networks.append(ipaddress.ip_network(name, strict=False))
        except ValueError:
            message = (
                f"POOLSCOPE_TRUSTED_PROXIES must be addresses or networks, comma-separated, or *; {name!r} is not."
            )
            raise BadParameters((ParameterError("trusted_proxies", message),)) from None
    return Proxies(tuple(networks), ANY in names)


def address_key(address: str) -> str:
    """What clients are told apart by: an IPv4 address; of IPv6 the /64, out of which one client may take any."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed) if parsed is not None else address


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach what listens at an address."""
    parsed = _parse(address)
    return parsed is not None and parsed.is_loopback


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.split("%")[0].removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
