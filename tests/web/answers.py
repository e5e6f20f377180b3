"""What tests ask of the API's answers: that they are what the models say, byte for byte, and nothing else."""

from __future__ import annotations

import json
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
    assert adapter.dump_python(read, mode="json", exclude_unset=True) == answer


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
