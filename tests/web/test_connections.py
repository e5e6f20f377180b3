"""Connections that would never end, or of which there are too many, are closed; others stay."""

from __future__ import annotations

import socket

import pytest
from poolscope.web.connections import HEADERS_LIMIT, BoundedHttp, most_connections

from tests.waiting import BOUND_S, until
from tests.web.conftest import Serve, Serving


def line_to(server: Serving) -> socket.socket:
    host, port = server.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), BOUND_S)


def everything(line: socket.socket) -> bytes:
    """What comes until the server closes the line."""
    got = b""
    try:
        while chunk := line.recv(65536):
            got += chunk
    except ConnectionResetError:  # it was closed with some of what was sent unread
        pass
    return got


def test_headers_without_an_end_are_refused_before_they_fill_the_memory(server: Serving) -> None:
    with line_to(server) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        more = (b"X-More: " + b"x" * 1000 + b"\r\n") * 64_000
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            line.sendall(more)
    with line_to(server) as line:
        line.sendall(b"GET /" + b"x" * (HEADERS_LIMIT + 1))
        assert everything(line).startswith(b"HTTP/1.1 431 ")


def test_long_headers_within_the_bound_are_read_again_and_again(server: Serving) -> None:
    with line_to(server) as line:
        for _ in range(5):
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n")
            got = b""
            while not got.endswith(b"ok\n"):
                got += line.recv(65536)
            assert got.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-",
        b"POST /runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nexperiment=",
    ],
    ids=["silence", "half a line", "half its headers", "half a body"],
)
def test_a_client_that_does_not_go_on_is_let_go(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, begun: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(BoundedHttp, "headers_s", 0.2)
    monkeypatch.setattr(BoundedHttp, "body_s", 0.2)
    with serve() as server, line_to(server) as line, server.client() as client:
        line.sendall(begun)
        assert everything(line) == b""
        assert client.get("/healthz").status_code == 200
    assert not caplog.records


def test_connections_beyond_what_can_be_opened_are_refused_and_the_others_stay(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedHttp, "most", 3)
    with serve() as server:
        first = [line_to(server) for _ in range(3)]
        first[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert first[0].recv(65536).startswith(b"HTTP/1.1 200 ")
        with line_to(server) as one_more:
            assert everything(one_more).startswith(b"HTTP/1.1 503 ")
        for line in first:
            line.close()

        def answers() -> bool:
            with line_to(server) as line:
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return everything(line).startswith(b"HTTP/1.1 200 ")

        until(answers, "room for another")


def test_streams_and_requests_outlast_the_bounds(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedHttp, "headers_s", 0.2)
    monkeypatch.setattr(BoundedHttp, "body_s", 0.2)
    with serve() as server, server.client() as client, client.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        next(lines)
        created = client.post("/api/runs", json={"experiment": "shared-list", "params": {"seconds": 1}})
        assert created.status_code == 201
        assert any("finished" in line for line in lines)


def test_the_limit_is_what_the_descriptors_allow() -> None:
    assert most_connections() >= 50
