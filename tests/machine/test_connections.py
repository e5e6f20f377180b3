"""The bytes that the process's own connections have carried."""

from __future__ import annotations

import socket

import pytest
from poolscope.machine.connections import Carried, Meter, carried_since, tcp_bytes

from tests.waiting import until

SENT = 5000


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="the kernel tells it under Linux")
def test_what_a_connection_carries_is_counted_at_either_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        with near, far:
            before = tcp_bytes()
            near.sendall(b"x" * SENT)
            assert far.recv(SENT, socket.MSG_WAITALL)
            # What was sent counts once the other side's kernel has said that it is there.
            until(lambda: carried_since(before, passes=2) == Carried(SENT // 2, SENT // 2))


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="the kernel tells it under Linux")
def test_a_meter_counts_from_when_it_was_made_and_lets_go_of_what_it_keeps() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        meter = Meter()
        near.sendall(b"x" * SENT)
        assert far.recv(SENT, socket.MSG_WAITALL)
        until(lambda: meter.read() == Carried(SENT, SENT))
        meter.close()
        assert meter.read() is None
        near.close()
        assert far.recv(1) == b"", "a descriptor that is kept would keep the connection"
        far.close()


def test_nothing_is_told_where_the_system_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    before = tcp_bytes()
    monkeypatch.delattr(socket, "TCP_INFO", raising=False)
    assert tcp_bytes() is None
    assert carried_since(before, 1) is None
    assert Meter().read() is None
