"""The JSON API as the contract has it: experiments, the server itself, and what an installation offers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.openapi.models import OpenAPI
from poolscope import errors
from poolscope.errors import PoolscopeError
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.web.problems import STATUS

from tests.waiting import until
from tests.web.conftest import Serve, ended, start

# Experiments


def test_experiments_are_listed_with_the_schema_of_their_parameters(client: httpx.Client) -> None:
    listed = client.get("/api/experiments").json()
    assert [each["name"] for each in listed] == list(EXPERIMENTS)
    for each in listed:
        assert each.keys() == {"name", "title", "question", "parameters"}
        schema = each["parameters"]
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert list(schema["properties"]) == list(EXPERIMENTS[each["name"]].params.model_fields)
        for about in schema["properties"].values():
            assert about["title"]
            assert about["description"]


def test_the_schema_has_the_contracts_parameters_and_defaults(client: httpx.Client) -> None:
    defaults = {
        each["name"]: {name: about.get("default") for name, about in each["parameters"]["properties"].items()}
        for each in client.get("/api/experiments").json()
    }
    assert defaults["shared-list"] == {
        "producers": 1,
        "consumers": 1,
        "delay_min": 0.1,
        "delay_max": 0.5,
        "guard": "lock",
        "capacity": 0,
        "seconds": 10,
    }
    assert defaults["factorials"].items() >= {"first": 1, "last": 10, "workers": 5, "kind": "thread"}.items()
    assert defaults["pool-sizes"] == {
        "sizes": [2, 4, 6, 8],
        "first": 1,
        "last": 10,
        "workload": "square",
        "work_ms": None,
        "repeats": None,
        "seconds": 30.0,
        "start_method": None,
        "chunksize": 0,
        "method": "map",
    }
    assert defaults["sharing"].items() >= {"tools": ["all"], "operations": 2000, "workers": 4}.items()
    assert defaults["failures"] == {
        "scenarios": ["all"],
        "task": 1.0,
        "limit": 0.5,
        "engines": [],
        "wait": 60.0,
    }


# The server itself


def test_the_schema_of_the_api_is_valid_and_says_what_every_call_does(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    OpenAPI.model_validate(schema)
    assert {f"{method.upper()} {path}" for path, calls in schema["paths"].items() for method in calls} == {
        *ANSWERS,
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }
    operations = [call["operationId"] for calls in schema["paths"].values() for call in calls.values()]
    assert len(set(operations)) == len(operations)
    for reference in _references(schema):
        at: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


ANSWERS = {
    # call: (status and model of its answer, statuses of its refusals)
    "GET /api/experiments": ("200 ExperimentAnswer", "400 401"),
    "POST /api/runs": ("201 SharedListRun", "400 401 403 404 413 422 429 503"),
    "GET /api/runs": ("200 RunSummary", "400 401 422"),
    "GET /api/runs/{run_id}": ("200 SharedListRun", "400 401 404"),
    "POST /api/runs/{run_id}/stop": ("202 RunSummary", "400 401 403 404 409 413"),
    "PATCH /api/runs/{run_id}/controls": ("200 RunSummary", "400 401 403 404 409 413 422"),
    "DELETE /api/runs/{run_id}": ("204", "400 401 403 404 409 413"),
    "POST /api/runs/{run_id}/faults": ("202 SharedListRun", "400 401 403 404 409 413 422"),
    "GET /api/runs/{run_id}/records": ("200", "400 401 404 429 503"),
    "GET /api/runs/{run_id}/trace": ("200 TraceAnswer", "400 401 404 503"),
    "GET /api/runs/{run_id}/csv": ("200", "400 401 404 503"),
    "GET /api/runs/{run_id}/script": ("200", "400 401 404"),
}


@pytest.mark.parametrize("call", ANSWERS)
def test_the_schema_has_a_model_for_every_answer_and_every_refusal(client: httpx.Client, call: str) -> None:
    method, path = call.split()
    about = client.get("/openapi.json").json()["paths"][path][method.lower()]
    answer, refused = ANSWERS[call]
    assert about["summary"]
    assert about["responses"].keys() == {answer.split()[0], *refused.split()}
    for status in refused.split():
        assert about["responses"][status]["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}
        }
    status, _, model = answer.partition(" ")
    if model:
        schema = about["responses"][status]["content"]["application/json"]["schema"]
        assert f"#/components/schemas/{model}" in list(_references(schema))


def test_every_refusal_has_a_title_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PoolscopeError)]
    answered = [kind for kind in kinds if issubclass(kind, tuple(kind for kind, _ in STATUS))]
    assert len({kind.title for kind in answered}) == len(answered)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


def test_liveness_and_readiness(client: httpx.Client) -> None:
    assert client.get("/healthz").text == "ok\n"
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"ready": True, "trouble": ""}


# What an installation offers


def test_only_offered_work_and_pythons_are_run_and_a_refusal_starts_nothing(serve: Serve) -> None:
    with serve(workloads="tasks:parse@samples") as server, server.client() as client:
        for params, name in (
            ({"workload": "os:system@sys:argv"}, "workload"),
            ({"workload": "tasks:parse@samples+connect"}, "workload"),
            ({"pythons": ["/bin/sh"]}, "pythons"),
            ({"pythons": ["2.7"]}, "pythons"),
        ):
            answer = client.post("/api/runs", json={"experiment": "which-pool", "params": params})
            assert answer.status_code == 422
            assert [error["name"] for error in answer.json()["errors"]] == [name]
        assert client.get("/api/runs").json() == []
        run = start(client, "which-pool", workload="tasks:parse@samples")
        client.post(f"/api/runs/{run['id']}/stop")
        assert run["params"]["workload"] == "tasks:parse@samples"
        assert ended(client, run["id"])["status"] != "running"


def test_pythons_are_found_while_the_server_already_answers(serve: Serve, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    with serve(pythons=f"none,mine={other}") as server:
        until(lambda: not server.app_state.scheduler.installation.searching, "the search")
        assert server.app_state.scheduler.installation.pythons["mine"] == str(other)
        assert next(iter(server.app_state.scheduler.installation.pythons.values())) == sys.executable
