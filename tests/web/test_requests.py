"""A request has an id that its answer and its line in the log share; the line says nothing of who asked."""

from __future__ import annotations

import logging

import httpx
import pytest
from poolscope.web.requests import slug

from tests.waiting import until


@pytest.mark.parametrize("given", ["abc-123", "A.b_c:9", "x" * 64])
def test_a_sane_id_is_kept(client: httpx.Client, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", '{"level": "error"}', "é"])
def test_any_other_is_replaced(client: httpx.Client, given: str) -> None:
    answer = client.get("/healthz", headers={b"X-Request-ID": given.encode("latin-1")})
    assert len(answer.headers["x-request-id"]) == 16


def test_every_answer_has_one_refusals_too(client: httpx.Client) -> None:
    answers = [
        client.get("/nowhere"),
        client.get("/", headers={"Host": "elsewhere.example"}),
        client.get("/static/live.js"),
        client.head("/"),
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(answers)


def test_a_line_has_the_path_and_nothing_of_who_asked(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    def line(path: str) -> str:
        """It is written once the answer is out, which may be after it has come."""
        until(lambda: any(path in record.getMessage() for record in caplog.records), f"the line of {path}")
        return next(record.getMessage() for record in caplog.records if path in record.getMessage())

    with caplog.at_level(logging.INFO, "poolscope.web.requests"):
        client.get("/runs?experiment=secret", headers={"Cookie": "visitor=secret", "User-Agent": "secret"})
        assert line("/runs").startswith("GET /runs 200 ")
        client.get("/a%0aforged%20line/" + "x" * 500)
        assert line("forged").startswith("GET /a\\nforged line/x")
        assert len(line("forged")) < 300
    assert "secret" not in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_a_title_becomes_a_label() -> None:
    assert slug("These parameters can't be run") == "these_parameters_can_t_be_run"
