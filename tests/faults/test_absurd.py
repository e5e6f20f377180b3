"""Requests that make no sense are answered as such, start nothing, and leave the server as it was."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.served import Served
from tests.waiting import BOUND_S

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def runs(server: Served) -> list[str]:
    """The ids of all that were ever started."""
    return [run["id"] for run in server.api.get("/api/runs", params={"limit": 500}).json()]


def wish(params: Any, experiment: Any = "shared-list") -> bytes:
    return json.dumps({"experiment": experiment, "params": params}).encode()


BODIES: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("no JSON", b"{"),
    ("not UTF-8", b'{"experiment": "\xff\xfe"}'),
    ("a lone surrogate", b'{"experiment": "\\ud800"}'),
    ("NUL", b'{"experiment": "shared-list\\u0000", "params": {}}'),
    ("a list", b"[]"),
    ("null", b"null"),
    ("deep", b"[" * 20_000 + b"]" * 20_000),
    ("deep inside", b'{"experiment": "shared-list", "params": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001),
    ("NaN", b'{"experiment": "shared-list", "params": {"delay_min": NaN}}'),
    ("Infinity", b'{"experiment": "shared-list", "params": {"seconds": Infinity}}'),
    ("a huge exponent", b'{"experiment": "shared-list", "params": {"seconds": 1e999}}'),
    ("a huge number", b'{"experiment": "shared-list", "params": {"producers": ' + b"9" * 5_000 + b"}}"),
    ("a huge text", wish({"producers": "9" * 50_000})),
    ("params of the wrong type", wish([1, 2])),
    ("experiment of the wrong type", wish({}, {"a": 1})),
    ("an unknown field", b'{"experiment": "shared-list", "params": {}, "more": 1}'),
    ("an unknown parameter", wish({"no": 1})),
    ("a parameter of the wrong type", wish({"producers": {"a": [1]}})),
    ("true for a number", wish({"producers": True})),
    ("null for a number", wish({"producers": None})),
    ("many sizes", wish({"sizes": list(range(1, 5000))}, "pool-sizes")),
    ("sizes as nonsense", wish({"sizes": [[[2]]]}, "pool-sizes")),
    ("a range that never ends", wish({"sizes": "1-999999999"}, "pool-sizes")),
    ("Unicode digits", wish({"sizes": "²"}, "pool-sizes")),
    ("a guard that is code", wish({"guard": "__import__('os')"})),
    ("an experiment that is a path", wish({}, "../../etc/passwd")),
]


@pytest.mark.parametrize(("body"), [body for _, body in BODIES], ids=[name for name, _ in BODIES])
def test_a_body_that_makes_no_sense_starts_nothing(server: Served, body: bytes) -> None:
    before = runs(server)
    answer = server.api.post("/api/runs", content=body, headers=JSON)

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["title"]
    assert told["detail"]
    assert runs(server) == before


FORMS: list[tuple[str, bytes, dict[str, str]]] = [
    ("nothing", b"", FORM),
    ("no experiment", b"producers=1", FORM),
    ("not UTF-8", b"experiment=%ff%fe&producers=%80", FORM),
    ("ten thousand fields", b"&".join(b"f%d=1" % number for number in range(6000)), FORM),
    ("the same field twice", b"experiment=shared-list&producers=1&producers=99", FORM),
    ("no form at all", b"\x00\x01\x02", {"Content-Type": "multipart/form-data"}),
    ("a part without an end", b"--x\r\nContent-Disp", {"Content-Type": "multipart/form-data; boundary=x"}),
    (
        "a file for a field",
        b'--x\r\nContent-Disposition: form-data; name="experiment"; filename="a"\r\n\r\nshared-list\r\n--x--\r\n',
        {"Content-Type": "multipart/form-data; boundary=x"},
    ),
    ("another type", b"<experiment/>", {"Content-Type": "text/xml"}),
]


@pytest.mark.parametrize(("body", "headers"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS])
@pytest.mark.parametrize("by_htmx", [True, False], ids=["htmx", "plain"])
def test_a_form_that_makes_no_sense_starts_nothing(
    server: Served, body: bytes, headers: dict[str, str], by_htmx: bool
) -> None:
    before = runs(server)
    more = {"Accept": "text/html", **({"HX-Request": "true"} if by_htmx else {})}
    answer = server.api.post("/runs", content=body, headers={**headers, **more})

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert runs(server) == before


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Served) -> None:
    answer = server.api.post("/api/runs", content=b"x" * 70_000, headers=JSON)
    assert answer.status_code == 413


def test_a_body_without_a_length_that_never_ends_is_cut_off(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=BOUND_S) as endless:
        head = "POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        endless.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        sent, answer = 0, b""
        try:
            while sent < 10_000_000:
                endless.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                sent += 4096
        except OSError:  # it hung up on us
            pass
        else:
            endless.sendall(b"0\r\n\r\n")
        try:
            answer = endless.recv(4096)
        except OSError:
            answer = b""
    assert not answer or b" 4" in answer.split(b"\r\n")[0], answer
    assert server.api.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/runs/%00",
        "/runs/..%2f..%2fetc%2fpasswd",
        "/runs/" + "x" * 5000,
        "/runs?before=nobody&experiment=%ff",
        "/runs/sl-0001/at?t=nan",
        "/api/runs?limit=-1",
        "/api/runs?limit=1e9",
        "/api/runs?status=asleep",
        "/static/../app/poolscope/main.py",
        "/static/%2e%2e/app/poolscope/main.py",
        "/charts/..%2f..%2fpyproject.toml",
        "/runs/sl-0001/factorial/1e9.txt",
        "/live?run=nobody",
        "/nothing/here",
    ],
)
def test_an_address_that_leads_nowhere_is_no_failure(server: Served, path: str) -> None:
    for accept in ("text/html", "application/json"):
        answer = server.api.get(path, headers={"Accept": accept})
        assert answer.status_code in (200, 404, 422), (path, answer.status_code)
        assert "import annotations" not in answer.text


def test_a_moment_that_never_was_is_no_failure(server: Served) -> None:
    run_id = server.done("shared-list", delay_min=0, delay_max=0.001, seconds=0.1)
    for moment in ("nan", "inf", "-inf", "-5", "1e300", "x", ""):
        for path in (f"/runs/{run_id}?t={moment}", f"/runs/{run_id}/at?t={moment}"):
            assert server.api.get(path, headers={"Accept": "text/html"}).status_code in (200, 422), path
    server.api.delete(f"/api/runs/{run_id}")


def test_controls_that_make_no_sense_change_nothing(server: Served) -> None:
    run_id = server.begin("shared-list", seconds=600)
    for body in (b"", b"[]", b'{"delay_min": NaN}', b'{"paused": "perhaps"}', b'{"no": 1}', b'{"delay_max": 1e9}'):
        answer = server.api.patch(f"/api/runs/{run_id}/controls", content=body, headers=JSON)
        assert 400 <= answer.status_code < 500, (body, answer.text)
    assert server.run(run_id)["status"] == "running"
    server.stop(run_id)
    server.api.delete(f"/api/runs/{run_id}")
