"""Where a request comes from: the address of its peer, or the one that a trusted proxy in between tells."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from poolscope.errors import BadParameters, ParameterError

ANY = "*"


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
