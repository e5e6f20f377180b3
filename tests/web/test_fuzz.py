"""The API at the bounds of all that its document allows; benchmarks/fuzz.py tries at random as well, for long."""

from __future__ import annotations

from benchmarks._fuzzing import fuzz
from tests.web.conftest import BRIEF, ENDLESS, Serve, ended, running, start


def test_every_answer_is_as_the_document_says(serve: Serve) -> None:
    # A start more is met, and after it only refusals: what is tried here is answers, not runs.
    with serve(starts_per_minute=3) as server, server.client() as client:
        over = ended(client, start(client, "shared-list", **BRIEF)["id"])["id"]
        live = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]
        tried = fuzz(server.address, [live, over], examples=1, phases="coverage")
    assert tried.requests > 100, tried
    assert not tried.failures, tried.failures
