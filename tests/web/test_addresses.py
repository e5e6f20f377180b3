"""Whose address counts: nobody can give himself another one, whatever he sends and whoever stands between."""

from __future__ import annotations

import pytest
from poolscope.errors import BadParameters
from poolscope.web.access import address_key, is_loopback, proxies_of


@pytest.mark.parametrize(
    ("trusted", "peer", "told", "client"),
    [
        ("", "127.0.0.1", ["203.0.113.9"], "127.0.0.1"),  # not even a process of this machine is believed
        ("10.0.0.1", "192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.0.0.1", "10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", "10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # what stands before is invented
        ("10.0.0.0/8", "10.0.0.1", ["198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.1", ["198.51.100.1", "203.0.113.9,10.0.0.2"], "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", "10.0.0.1", ["unknown"], "10.0.0.1"),
        ("*", "192.0.2.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("*", "192.0.2.1", [], "192.0.2.1"),
        ("fd00::/8", "fd00::1", ["2001:db8::5"], "2001:db8::5"),
        ("10.0.0.1", "::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
    ],
)
def test_only_a_trusted_proxy_tells_for_whom_it_asks(trusted: str, peer: str, told: list[str], client: str) -> None:
    assert proxies_of(trusted).client(peer, told) == client


def test_one_client_has_many_addresses_of_ipv6_and_one_of_ipv4() -> None:
    assert address_key("2001:db8:1:2:3:4:5:6") == address_key("2001:db8:1:2::9")
    assert address_key("2001:db8:1:2::9") != address_key("2001:db8:1:3::9")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1") != address_key("192.0.2.2")
    assert address_key("testclient") == "testclient"


def test_what_is_no_address_is_refused_as_a_setting() -> None:
    with pytest.raises(BadParameters) as refused:
        proxies_of("10.0.0.1, caddy")
    assert [error.name for error in refused.value.errors] == ["trusted_proxies"]


def test_only_this_machine_reaches_its_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.2", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.1", "localhost")))
