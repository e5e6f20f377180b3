"""What tests ask of the API's answers: that they are what the models say, byte for byte, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
from poolscope.web.models import AnyRun, ProblemAnswer, RunSummary
from pydantic import BaseModel, TypeAdapter

NDJSON = {"Accept": "application/x-ndjson"}
RUN: TypeAdapter[BaseModel] = TypeAdapter(AnyRun)
SUMMARY: TypeAdapter[BaseModel] = TypeAdapter(RunSummary)


def fits(answer: Any, adapter: TypeAdapter[BaseModel] = RUN) -> None:
    """An answer has the fields of its model, of their types, and no others."""
    read = adapter.validate_json(json.dumps(answer))
    unlike = list(differences(adapter.dump_python(read, mode="json", exclude_unset=True), answer))
    assert not unlike, unlike


def differences(expected: Any, found: Any, at: str = "") -> Iterator[str]:
    """Where two values of JSON differ; pytest's own account of it takes minutes for a whole run."""
    if isinstance(expected, dict) and isinstance(found, dict):
        yield from (f"{at}.{name}" for name in expected.keys() ^ found.keys())
        for name in expected.keys() & found.keys():
            yield from differences(expected[name], found[name], f"{at}.{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for place, pair in enumerate(zip(expected, found, strict=True)):
            yield from differences(*pair, f"{at}[{place}]")
    elif expected != found:
        yield f"{at}: {str(expected)[:40]!r}, {str(found)[:40]!r}"


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """What a refusal says; it must be a problem as RFC 9457 has it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    ProblemAnswer.model_validate(told)
    assert told["title"]
    assert told["detail"]
    assert told["status"] == status
    return told


def newest(client: httpx.Client) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = client.get("/api/runs", params={"limit": 500}).json()
    return runs


def newest_id(client: httpx.Client) -> list[str]:
    return [run["id"] for run in client.get("/api/runs", params={"limit": 1}).json()]
