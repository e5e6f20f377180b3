"""Tells who asks: by a token where one is needed, and in the demo by a signed cookie, else by the address.

Neither cookie holds anything of a person: one says that its browser has brought the token, the other is a random name.
The address is that of the peer, or the one that a trusted proxy in between tells.
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

from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import HTTPConnection

from poolscope.errors import BadParameters, ParameterError
from poolscope.runs.run import Run, Visitor

DAY_S = 24 * 60 * 60
LOGIN_S, VISITOR_S = 30 * DAY_S, 90 * DAY_S
ANY = "*"


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
