"""What the server keeps out: foreign pages, unknown hosts, big bodies; and the headers that stand on every answer."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from poolscope.main import create_app
from poolscope.settings import Settings
from poolscope.web.requests import BODY_LIMIT, HEADERS

from tests.waiting import BOUND_S
from tests.web.conftest import BY_BROWSER, Serve, Serving, frames


def refused(answer: httpx.Response, status: int, title: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == title
    guarded(answer)


def guarded(answer: httpx.Response) -> None:
    """Every header stands there, once."""
    for name, value in HEADERS.items():
        assert answer.headers.get_list(name) == [value], name


def count(client: httpx.Client) -> int:
    return len(client.get("/api/runs?limit=500").json())


def line_to(server: Serving) -> socket.socket:
    """A bare line to the server, for what no proper client would send."""
    host, port = server.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), BOUND_S)


# Where a request comes from

CHANGES = (
    ("POST", "/api/runs"),
    ("POST", "/runs"),
    ("POST", "/api/runs/{id}/stop"),
    ("POST", "/runs/{id}/stop"),
    ("POST", "/runs/{id}/controls"),
    ("POST", "/runs/{id}/again"),
    ("POST", "/runs/{id}/delete"),
    ("PATCH", "/api/runs/{id}/controls"),
    ("DELETE", "/api/runs/{id}"),
)


def test_another_sites_page_changes_nothing(client: httpx.Client, lasting: dict[str, Any]) -> None:
    before = count(client)
    foreign = (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": str(client.base_url).replace("http:", "http://x.")},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": str(client.base_url), "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    )
    for (method, path), headers in itertools.product(CHANGES, foreign):
        answer = client.request(method, path.format(id=lasting["id"]), headers=headers, json={})
        refused(answer, 403, "Foreign origin")
    assert count(client) == before
    assert client.get(f"/api/runs/{lasting['id']}").json()["status"] == "running"


def test_our_own_pages_and_programs_may_change_things(client: httpx.Client, lasting: dict[str, Any]) -> None:
    for headers in (
        {},
        {"Origin": str(client.base_url)},
        {"Origin": str(client.base_url), "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ):
        answer = client.post(f"/runs/{lasting['id']}/controls", data={"delay_max": "0.03"}, headers=headers)
        assert answer.status_code == 303


def test_who_only_looks_may_come_from_anywhere(client: httpx.Client) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client.get("/", headers=headers)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
        assert client.options("/api/runs", headers=headers).status_code == 405


# Which name it is called by


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.2", "", "[::2]:80", "[::1", "a b", "@"],
)
def test_an_unknown_host_is_refused(client: httpx.Client, host: str) -> None:
    for path in ("/", "/api/runs", "/static/live.js", "/live", "/nonsense"):
        refused(client.get(path, headers={"Host": host}), 400, "Unknown host")


def test_its_own_names_are_known(client: httpx.Client) -> None:
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:9"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200, host


def test_a_request_without_a_host_is_refused(server: Serving) -> None:
    with line_to(server) as line, line.makefile("rb") as said:
        line.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 400 " in said.readline()


def test_other_names_are_a_setting(serve: Serve) -> None:
    with serve(allowed_hosts="bench.example, other.example") as server, server.client() as client:
        for host, status in (("bench.example", 200), ("OTHER.example:81", 200), ("localhost", 400)):
            assert client.get("/runs", headers={"Host": host}).status_code == status
        own = {"Host": "bench.example", "Origin": "http://bench.example"}
        assert client.post("/runs", data={"experiment": "nonsense"}, headers=own).status_code == 404  # and not 403
    with serve(allowed_hosts="*") as server, server.client() as client:
        assert client.get("/runs", headers={"Host": "any.example"}).status_code == 200


def test_who_watches_over_a_container_may_ask_by_its_address(serve: Serve) -> None:
    with serve(allowed_hosts="demo.example.org") as server, server.client() as client:
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        assert client.get("/").status_code == 400


def test_head_answers_as_get_does_but_for_the_body(client: httpx.Client, lasting: dict[str, Any]) -> None:
    for path in ("/", "/api/runs", f"/runs/{lasting['id']}", "/static/live.js", "/runs/nothing"):
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        guarded(head)
    for stream in (f"/live?run={lasting['id']}", f"/api/runs/{lasting['id']}/records"):
        assert client.head(stream).headers["content-type"].startswith("text/event-stream")
    assert client.head("/runs/nothing/stop").status_code == 405


# How much it takes

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = {"Content-Type": "multipart/form-data; boundary=x"}


def chunks(size: int, begin: bytes = b"") -> Iterator[bytes]:
    """A body that does not say its length."""
    yield begin
    for start in range(0, size, 8192):
        yield b" " * min(8192, size - start)


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/api/runs", JSON), ("/runs", FORM), ("/runs", PARTS), ("/api/runs/sl-1/stop", JSON), ("/runs/sl-1/again", FORM)],
)
def test_a_body_that_says_it_is_too_big_is_refused(client: httpx.Client, path: str, headers: dict[str, str]) -> None:
    refused(client.post(path, content=b" " * (BODY_LIMIT + 1), headers=headers), 413, "Too large")


def test_a_big_body_is_refused_before_any_of_it_has_come(server: Serving) -> None:
    with line_to(server) as line, line.makefile("rb") as said:
        line.sendall(b"POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")
        assert b" 413 " in said.readline()


@pytest.mark.parametrize(
    ("path", "headers", "begin"),
    [
        ("/api/runs", JSON, b""),
        ("/runs", FORM, b"experiment="),
        ("/runs", PARTS, b'--x\r\nContent-Disposition: form-data; name="experiment"\r\n\r\n'),
    ],
)
def test_a_body_that_goes_on_too_long_is_refused(
    client: httpx.Client, path: str, headers: dict[str, str], begin: bytes
) -> None:
    answer = client.post(path, content=chunks(BODY_LIMIT + 1, begin), headers=headers)
    assert answer.status_code == 413, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    guarded(answer)


def test_a_body_as_big_as_allowed_is_read(client: httpx.Client) -> None:
    for body in (b" " * BODY_LIMIT, chunks(BODY_LIMIT)):
        assert client.post("/api/runs", content=body, headers=JSON).status_code == 422
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("body", [b"", b"\x00", b"\xff\xfe", b"--x", b"a=%zz&%=&&", b'{"a":', bytes(range(256))])
def test_no_body_makes_it_fail(client: httpx.Client, body: bytes) -> None:
    kinds: list[dict[str, str]] = [JSON, FORM, PARTS, {"Content-Type": "text/plain"}, {"Content-Type": "\xff"}, {}]
    for path, headers in itertools.product(("/api/runs", "/runs"), kinds):
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = client.post(path, content=body, headers=raw)
        assert 400 <= answer.status_code < 500, (path, headers, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        guarded(answer)


# Headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/runs", 200),
        ("GET", "/api", 200),
        ("GET", "/api/experiments", 200),
        ("GET", "/api/runs", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/static/live.js", 200),
        ("GET", "/static/vendor/htmx.min.js", 200),
        ("GET", "/charts/drift.vl.json", 200),
        ("HEAD", "/static/live.js", 200),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/runs/sl-9999", 404),
        ("GET", "/api/runs/sl-9999", 404),
        ("GET", "/nonsense", 404),
        ("GET", "/api/runs?limit=x", 422),
        ("POST", "/runs", 404),
        ("POST", "/api/runs", 422),
        ("PUT", "/api/runs", 405),
        ("DELETE", "/static/live.js", 405),
    ],
)
def test_the_headers_stand_on_every_answer(client: httpx.Client, method: str, path: str, status: int) -> None:
    for accept in (BY_BROWSER["Accept"], "*/*"):
        answer = client.request(method, path, headers={"Accept": accept})
        assert answer.status_code == status
        guarded(answer)


def test_the_headers_stand_on_streams_redirects_and_what_did_not_change(
    client: httpx.Client, lasting: dict[str, Any]
) -> None:
    for path in ("/live", f"/api/runs/{lasting['id']}/records"):
        with client.stream("GET", path) as stream:
            guarded(stream)
            assert stream.headers["cache-control"] == "no-store"
    moved = client.post(f"/runs/{lasting['id']}/controls", data={"delay_max": "0.03"})
    assert moved.status_code == 303
    guarded(moved)
    fresh = client.get("/static/live.js")
    same = client.get("/static/live.js", headers={"If-None-Match": fresh.headers["etag"]})
    assert same.status_code == 304
    guarded(same)


async def test_a_bug_is_a_plain_500_with_the_headers_too(settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/broken")
    @app.get("/api/broken")
    async def broken() -> None:
        raise ZeroDivisionError("a secret of the inside")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path, headers in (("/broken", BY_BROWSER), ("/broken", {}), ("/api/broken", BY_BROWSER)):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 500
            assert "ZeroDivisionError" in answer.text
            assert "secret" not in answer.text
            guarded(answer)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    given: dict[str, Any] = {"data": tmp_path}
    return Settings(**given)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/runs", "GET, HEAD, POST"),
        ("/api/runs/sl-0001", "DELETE, GET, HEAD"),
        ("/api/runs/sl-0001/controls", "PATCH"),
        ("/runs/sl-0001/stop", "POST"),
        ("/static/live.js", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_allowed_is_told_which_are(client: httpx.Client, path: str, methods: str) -> None:
    answer = client.put(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == methods


def test_static_files_are_kept_for_as_long_as_their_address_stays(client: httpx.Client) -> None:
    assert client.get("/static/live.js").headers["cache-control"] == "public, max-age=300"
    assert "immutable" in client.get("/static/live.js?v=0123456789ab").headers["cache-control"]
    assert client.get("/").headers["cache-control"] == "no-store"


def test_pages_are_compressed_and_streams_are_not(client: httpx.Client) -> None:
    assert client.get("/").headers["content-encoding"] == "gzip"
    assert client.get("/static/vendor/vega.min.js").headers["content-encoding"] == "gzip"
    with client.stream("GET", "/live") as stream:
        assert "content-encoding" not in stream.headers
        assert len(list(itertools.islice(frames(stream), 1))) == 1
