"""The JSON API as the contract has it: every call, its status codes and its shapes, for every experiment."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from fastapi.openapi.models import OpenAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

from app.experiments.registry import EXPERIMENTS
from app.records import KINDS, from_line
from tests.waiting import until
from tests.web.conftest import BRIEF, ENDLESS, SHORT, Event, Serve, ended, events, running, start, told

NDJSON = {"Accept": "application/x-ndjson"}


# The contract's shapes: what must be there, and of what type. Further fields are free.


Numbers = list[int]  # SharedList has a field named list
Texts = list[str]


class Timing(BaseModel):
    median: float | None
    low: float | None
    high: float | None
    samples: list[float]


class Quantiles(BaseModel):
    median: float | None
    p99: float | None


class Thread(BaseModel):
    name: str
    role: str
    state: str
    operations: int


Threads = list[Thread]


class Lock(BaseModel):
    owner: str | None
    waiting: list[str]
    acquisitions: int
    contended: int
    wait_s: Quantiles
    hold_s: Quantiles


class SharedList(BaseModel):
    list: Numbers
    length: int
    added: int
    removed: int
    empty_polls: int
    expected_length: int
    consistent: bool
    threads: Threads
    lock: Lock
    log: Texts


class Number(BaseModel):
    n: int
    value: str | None
    digits: int | None
    worker: str
    seconds: float | None
    order: int
    error: str | None


class Factorials(BaseModel):
    results: list[Number]
    done: int
    total: int


class PoolSize(BaseModel):
    pool_size: int
    start_s: Timing
    map_s: Timing
    stop_s: Timing
    speedup: float | None
    efficiency: float | None
    results: list[Any]
    transcript: str


class PoolSizes(BaseModel):
    serial: Timing
    sizes: list[PoolSize]
    done: float
    total: float


class Tool(BaseModel):
    tool: str
    between: Literal["threads", "processes"]
    expected: int | str
    actual: int | str
    correct: bool
    operations_per_s: Timing
    explanation: str


class Sharing(BaseModel):
    tools: list[Tool]
    done: float
    total: float


class Raised(BaseModel):
    type: str
    message: str
    traceback: str


class Scenario(BaseModel):
    scenario: str
    outcome: str
    surfaced_in: str
    exception: Raised | None
    kept: list[str]
    lost: list[str]
    orphans: list[str]
    seconds: float | None
    explanation: str


class Failures(BaseModel):
    scenarios: list[Scenario]
    matrix: list[dict[str, Any]]
    done: int
    total: int


class Bounded(BaseModel):
    value: float | None
    low: float | None
    high: float | None


class Breakdown(BaseModel):
    startup: float
    dispatch: float
    compute: float
    idle: float
    shutdown: float


class Cell(BaseModel):
    kind: str
    size: int
    chunksize: int
    wall_s: Timing
    speedup: Bounded
    cpu_share: float | None
    memory_per_worker: int | None
    breakdown: Breakdown | None


class Winner(BaseModel):
    kind: str | None
    size: int | None
    chunksize: int | None
    speedup: Bounded | None
    sentence: str
    reasons: list[str]


class WhichPool(BaseModel):
    cells: list[Cell]
    verdict: Winner | None


STATES: dict[str, type[BaseModel]] = {
    "shared-list": SharedList,
    "factorials": Factorials,
    "pool-sizes": PoolSizes,
    "sharing": Sharing,
    "failures": Failures,
    "which-pool": WhichPool,
}


class Conditions(BaseModel):
    python: str
    implementation: str
    gil: bool
    usable_cpus: int
    start_method: str
    platform: str
    load_before: float | None
    shared_with: list[str]


class ListedRun(BaseModel):
    id: str
    experiment: str
    params: dict[str, Any]
    status: Literal["queued", "running", "finished", "stopped", "failed", "interrupted"]
    created: str
    started: str | None
    ended: str | None
    conditions: dict[str, Any]
    verdict: str | None
    error: str | None


class WholeRun(ListedRun):
    state: dict[str, Any]


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """What a refusal says; it must be a problem as RFC 9457 has it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["title"]
    assert told["detail"]
    assert told["status"] == status
    return told


def newest(client: httpx.Client) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = client.get("/api/runs", params={"limit": 500}).json()
    return runs


def newest_id(client: httpx.Client) -> list[str]:
    return [run["id"] for run in client.get("/api/runs", params={"limit": 1}).json()]


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
        "producers": 1, "consumers": 1, "delay_min": 0.1, "delay_max": 0.5, "guard": "lock", "capacity": 0,
        "seconds": 10,
    }  # fmt: skip
    assert defaults["factorials"].items() >= {"first": 1, "last": 10, "workers": 5, "kind": "thread"}.items()
    assert defaults["pool-sizes"] == {
        "sizes": [2, 4, 6, 8], "first": 1, "last": 10, "workload": "square", "work_ms": None, "repeats": 5,
        "start_method": None, "chunksize": 0, "method": "map",
    }  # fmt: skip
    assert defaults["sharing"].items() >= {"tools": ["all"], "operations": 2000, "workers": 4}.items()
    assert defaults["failures"] == {"scenarios": ["all"], "task": 1.0, "limit": 0.5}


# Starting


@pytest.mark.parametrize("experiment", SHORT)
def test_a_start_answers_201_with_the_run_and_its_place(client: httpx.Client, experiment: str) -> None:
    answer = client.post("/api/runs", json={"experiment": experiment, "params": SHORT[experiment]})
    run = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/runs/{run['id']}"
    WholeRun.model_validate(run, strict=True)
    assert run["params"].items() >= dict(SHORT[experiment]).items()
    assert run["status"] in ("queued", "running")
    assert told(client, run["id"])["id"] == run["id"]
    assert ended(client, run["id"])["status"] == "finished"


def test_params_may_be_left_out(client: httpx.Client) -> None:
    run = client.post("/api/runs", json={"experiment": "factorials"}).json()
    assert run["params"] == EXPERIMENTS["factorials"].params().model_dump(mode="json")


DEEP = "[" * 300 + "]" * 300
DEEPER = "[" * 950 + "]" * 950
LONG = '"' + "x" * 30_000 + '"'
HUGE = "1" + "0" * 400
WRONG: dict[str, list[tuple[str, str, str]]] = {
    # experiment: (parameters as JSON text, the name that is complained of, words of the complaint)
    "shared-list": [
        *(
            (f'{{"{name}": {value}}}', name, f"{name} must be a whole number from 1 to 16")
            for name in ("producers", "consumers")
            for value in ("0", "17", "-1", "1.5", "true", "null", '"many"', "[2]", '{"a": 1}', "NaN", "1e400",
                          HUGE, DEEP, DEEPER, LONG)
        ),
        *(
            (f'{{"{name}": {value}}}', name, f"{name} must be a number from 0 to 10")
            for name in ("delay_min", "delay_max")
            for value in ("-0.001", "10.001", "false", "null", '"soon"', "NaN", "-Infinity", "1e308", HUGE, "[[]]")
        ),
        *(
            (f'{{"seconds": {value}}}', "seconds", "a number from 0.1 to 600")
            for value in ("0", "600.1", "true", '"1 min"', "NaN", "Infinity", "{}")
        ),
        *(
            (f'{{"guard": {value}}}', "guard", "one of lock, rlock, condition, queue, none")
            for value in ('"mutex"', '"LOCK"', "1", "null", "true", "[]", '{"lock": 1}')
        ),
        *(
            (f'{{"capacity": {value}}}', "capacity", "a whole number from 0 to 100,000")
            for value in ("-1", "100001", "0.5", "true", "NaN", HUGE)
        ),
        ('{"delay_min": 2, "delay_max": 1}', "delay_min", "2 s is more than 1 s"),
        ('{"delay_min": 0.6}', "delay_min", "0.6 s is more than 0.5 s"),
        ('{"threads": 3}', "threads", "threads is not a parameter here. There are: producers, consumers"),
        ('{"": 3}', "", "is not a parameter here"),
        (r'{"\ud800": 3}', "", ""),
    ],
    "factorials": [
        *(
            (f'{{"{name}": {value}}}', name, f"{name} must be a whole number from -10 to 5,000")
            for name in ("first", "last")
            for value in ("-11", "5001", "1.5", "true", "null", '"ten"', "NaN", HUGE, "[1]")
        ),
        *(
            (f'{{"workers": {value}}}', "workers", "a whole number from 1 to 64")
            for value in ("0", "65", "true", "2.5", "Infinity", "{}")
        ),
        *((f'{{"kind": {value}}}', "kind", "one of thread, process") for value in ('"fork"', "0", "null", "[]")),
        *((f'{{"time_limit": {value}}}', "time_limit", "a number from 0.001 to 60") for value in ("0", "61", "NaN")),
        ('{"first": 5, "last": 4}', "last", "4 is less than 5"),
        ('{"first": 1, "last": 1001}', "last", "at most 1,000 numbers"),
        ('{"first": -10, "last": 5000}', "last", "at most 1,000 numbers"),
    ],
    "sharing": [
        *(
            (f'{{"tools": {value}}}', "tools", "tools must be")
            for value in ('"mutex"', '["lock", "mutex"]', "1", "null", "true", "[]", '["lock", "lock"]', DEEP, LONG)
        ),
        *(
            (f'{{"operations": {value}}}', "operations", "a whole number from 10 to 20,000")
            for value in ("9", "20001", "true", "1.5", "NaN", HUGE, "null")
        ),
        *((f'{{"workers": {value}}}', "workers", "a whole number from 1 to 16") for value in ("0", "17", "[]")),
    ],
    "pool-sizes": [
        *(
            (f'{{"sizes": {value}}}', "sizes", "sizes must be")
            for value in ("[]", "[0]", "[65]", "[1.5]", "[true]", "[null]", "[[1]]", '["x"]', "NaN", "null", "true",
                          '"4-2"', '"two"', "[2, 2]", str([*range(1, 18)]), "{}", DEEP, DEEPER, LONG, f"[{HUGE}]")
        ),
        *(
            (f'{{"{name}": {value}}}', name, "a whole number from -1,000,000 to 1,000,000")
            for name in ("first", "last")
            for value in ("-1000001", "1000001", "0.5", "true", HUGE, '"one"')
        ),
        *(
            (f'{{"workload": {value}}}', "workload", "one of square, square-sleep")
            for value in ('"cube"', "null", "3", '["square"]')
        ),
        *(
            (f'{{"workload": "sha256", "work_ms": {value}}}', "work_ms", "a number from 0.01 to 60,000")
            for value in ("0", "60001", "true", "NaN", '"long"', "1e309")
        ),
        *((f'{{"repeats": {value}}}', "repeats", "a whole number from 1 to 100") for value in ("0", "101", "false")),
        *(
            (f'{{"start_method": {value}}}', "start_method", "start_method must be one of")
            for value in ('"thread"', "1", "true", "[]", '["fork"]', "{}", "NaN")
        ),
        *((f'{{"chunksize": {value}}}', "chunksize", "from 0 to 100,000") for value in ("-1", "100001", "true")),
        *((f'{{"method": {value}}}', "method", "one of map, imap") for value in ('"starmap"', "null", "false")),
        ('{"first": 2, "last": 1}', "last", "1 is less than 2"),
        ('{"first": 1, "last": 100001}', "last", "at most 100,000 items"),
        ('{"work_ms": 5}', "work_ms", "must stay empty for square"),
        ('{"workload": "factorial", "first": -1}', "first", "first must be 0 or more"),
        ('{"workload": "factorial", "last": 5001}', "last", "at most 5,000"),
        ('{"method": "apply_async", "chunksize": 2}', "chunksize", "must be 0 for apply_async"),
        ('{"workload": "sha256", "work_ms": 60000, "last": 1000, "repeats": 100}', "work_ms", "at most 1 is allowed"),
    ],
    "failures": [
        *(
            (f'{{"scenarios": {value}}}', "scenarios", "scenarios must be 'all' or some of thread-caught, thread-unc")
            for value in ('"earthquake"', '["deadlock", "flood"]', "[]", "7", "null", "true", "{}", "[[1]]", DEEP,
                          DEEPER, LONG, "NaN")
        ),
        *((f'{{"task": {value}}}', "task", "a number from 0.1 to 10") for value in ("0", "10.5", "true", "NaN")),
        *((f'{{"limit": {value}}}', "limit", "a number from 0.05 to 5") for value in ("0", "6", "null", HUGE)),
        ('{"task": 0.5, "limit": 0.5}', "task", "task must be longer than the limit of 0.5 s"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("experiment", "params", "name", "words"),
    [
        pytest.param(experiment, *case, id=f"{experiment}-{number}-{case[0][:40]}")
        for experiment, cases in WRONG.items()
        for number, case in enumerate(cases, 1)
    ],
)
def test_a_wrong_parameter_starts_nothing_and_is_named_with_what_is_allowed(
    client: httpx.Client, experiment: str, params: str, name: str, words: str
) -> None:
    before = newest_id(client)
    body = f'{{"experiment": "{experiment}", "params": {params}}}'
    answer = client.post("/api/runs", content=body, headers={"Content-Type": "application/json"})
    errors = problem(answer, 422)["errors"]
    assert all(error.keys() == {"name", "message"} for error in errors)
    if words:
        assert name in [error["name"] for error in errors]
        assert words in " ".join(error["message"] for error in errors if error["name"] == name)
        assert all(len(error["message"]) < 1000 for error in errors), "the complaint repeats all that was sent"
    assert newest_id(client) == before


def test_every_wrong_parameter_is_told_at_once(client: httpx.Client) -> None:
    params = {"producers": 0, "consumers": "x", "delay_max": 99, "guard": "?", "capacity": -1, "seconds": 0, "more": 1}
    answer = client.post("/api/runs", json={"experiment": "shared-list", "params": params})
    assert [error["name"] for error in problem(answer, 422)["errors"]] == list(params)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 422),
        ("{", 422),
        ("nonsense", 422),
        ("[]", 422),
        ("null", 422),
        ("{}", 422),
        ('{"experiment": 5}', 422),
        ('{"experiment": null}', 422),
        ('{"experiment": "shared-list", "params": []}', 422),
        ('{"experiment": "shared-list", "params": "producers=1"}', 422),
        ('{"experiment": "shared-list", "parameters": {}}', 422),
        ("\ufeff{}", 422),
        ('{"experiment": "shared-lists"}', 404),
        ('{"experiment": ""}', 404),
        (r'{"experiment": "\u0000"}', 404),
        (r'{"experiment": "\ud800"}', 404),
        ('{"experiment": "shared-list", "params": {"producers": 1' + "0" * 5000 + "}}", 400),
    ],
)
def test_a_body_that_is_no_wish_starts_nothing(client: httpx.Client, body: str, status: int) -> None:
    before = newest_id(client)
    answer = client.post("/api/runs", content=body.encode(), headers={"Content-Type": "application/json"})
    said = problem(answer, status)
    assert status != 422 or said["errors"]
    assert not any(character.isdigit() for error in said.get("errors", ()) for character in error["name"])
    assert newest_id(client) == before


def test_a_body_that_is_nested_too_deeply_starts_nothing(client: httpx.Client) -> None:
    before = newest_id(client)
    answer = client.post("/api/runs", content=b"[" * 30_000, headers={"Content-Type": "application/json"})
    problem(answer, 422 if answer.status_code == 422 else 400)  # from 3.14 on the depth does not matter, the end does
    assert newest_id(client) == before


def test_an_unknown_experiment_is_404_and_the_known_are_named(client: httpx.Client) -> None:
    answer = client.post("/api/runs", json={"experiment": "dining-philosophers", "params": {}})
    assert "There are: shared-list, pool-sizes, factorials" in problem(answer, 404)["detail"]


def test_who_starts_too_many_is_refused_with_429(serve: Serve) -> None:
    with serve(starts_per_minute=2) as server, server.client() as client:
        for _ in range(2):
            start(client, "factorials")
        wrong = client.post("/api/runs", json={"experiment": "factorials", "params": {"last": -99}})
        problem(wrong, 422)
        answer = client.post("/api/runs", json={"experiment": "factorials"})
        assert "within a minute" in problem(answer, 429)["detail"]
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert len(newest(client)) == 2


def test_a_full_queue_refuses_with_503_and_a_cancelled_run_makes_room(serve: Serve) -> None:
    with serve(live_limit=1, queue_limit=1) as server, server.client() as client:
        first = running(client, start(client, "shared-list", **ENDLESS)["id"])
        second = start(client, "shared-list", **ENDLESS)
        assert second["status"] == "queued"
        assert second["started"] is None
        answer = client.post("/api/runs", json={"experiment": "shared-list", "params": ENDLESS})
        assert "limit" in problem(answer, 503)["detail"]
        assert int(answer.headers["retry-after"]) >= 1
        assert [run["id"] for run in newest(client)] == [second["id"], first["id"]]

        assert problem(client.delete(f"/api/runs/{second['id']}"), 409)
        assert client.post(f"/api/runs/{second['id']}/stop").json()["status"] == "stopped"
        third = start(client, "shared-list", **ENDLESS)
        client.post(f"/api/runs/{first['id']}/stop")
        running(client, third["id"])


# One run


@pytest.mark.parametrize("experiment", SHORT)
def test_a_finished_run_has_the_contracts_shape(finished: dict[str, dict[str, Any]], experiment: str) -> None:
    run = finished[experiment]
    WholeRun.model_validate(run, strict=True)
    STATES[experiment].model_validate(run["state"], strict=True)
    Conditions.model_validate(run["conditions"], strict=True)
    assert run["status"] == "finished"
    assert run["error"] is None
    assert run["verdict"]
    assert run["created"] <= run["started"] <= run["ended"]
    assert run["ended"].endswith("+00:00")
    assert run["conditions"]["python"] == ".".join(map(str, sys.version_info[:3]))


def test_a_shared_lists_numbers_agree(finished: dict[str, dict[str, Any]]) -> None:
    state = finished["shared-list"]["state"]
    assert state["added"] - state["removed"] == state["expected_length"] == state["length"]
    assert state["consistent"] is True
    assert state["lock"]["owner"] is None
    assert state["lock"]["waiting"] == []
    assert state["lock"]["acquisitions"] >= state["added"] + state["removed"] > 0
    assert [thread["role"] for thread in state["threads"]] == ["producer", "producer", "consumer", "consumer"]
    assert {thread["state"] for thread in state["threads"]} == {"done"}
    assert sum(thread["operations"] for thread in state["threads"]) == state["added"] + state["removed"]
    words = ("Added: ", "Removed: ", "List is empty, nothing to remove.")
    assert all(line.startswith(words) for line in state["log"])


def test_factorials_are_right_and_in_order_of_completion(finished: dict[str, dict[str, Any]]) -> None:
    state = finished["factorials"]["state"]
    assert state["done"] == state["total"] == len(state["results"]) == 32
    assert [result["order"] for result in state["results"]] == list(range(1, 33))
    by_n = {result["n"]: result for result in state["results"]}
    assert by_n[30]["value"] == "265252859812191058636308480000000"
    assert by_n[30]["digits"] == 33
    assert by_n[-1]["value"] is None
    assert "negative" in by_n[-1]["error"]
    assert all(by_n[n]["error"] is None for n in range(31))


def test_pool_sizes_have_a_timing_a_phase(finished: dict[str, dict[str, Any]]) -> None:
    state = finished["pool-sizes"]["state"]
    assert state["done"] == state["total"]
    assert [size["pool_size"] for size in state["sizes"]] == [1, 2]
    assert len(state["serial"]["samples"]) == 2
    for size in state["sizes"]:
        for phase in ("start_s", "map_s", "stop_s"):
            timing = size[phase]
            assert len(timing["samples"]) == 2
            assert timing["low"] <= timing["median"] <= timing["high"]
        assert size["results"] == [1, 4, 9, 16, 25, 36, 49, 64, 81, 100]
        assert size["efficiency"] == pytest.approx(size["speedup"] / size["pool_size"])
        assert size["transcript"].startswith(f"Using a pool of size {size['pool_size']}:\nResults: [1, 4, 9, ")


def test_live_runs_have_the_contracts_shape_from_the_first(client: httpx.Client, endless: dict[str, Any]) -> None:
    pools = start(client, "pool-sizes", sizes=[1], repeats=100, workload="square-sleep", work_ms=200)
    waiting = start(client, "pool-sizes", sizes=[1, 2])
    try:
        assert waiting["status"] == "queued"
        for run in (endless, pools, waiting, running(client, pools["id"])):
            WholeRun.model_validate(run, strict=True)
            STATES[run["experiment"]].model_validate(run["state"], strict=True)
        Conditions.model_validate(endless["conditions"], strict=True)
        assert told(client, pools["id"])["conditions"]["shared_with"] == [endless["id"]]
        assert pools["id"] in told(client, endless["id"])["conditions"]["shared_with"]
    finally:
        for run in (waiting, pools):
            client.post(f"/api/runs/{run['id']}/stop")
        assert ended(client, pools["id"])["status"] == "stopped"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/stop"),
        ("POST", "/faults"),
        ("PATCH", "/controls"),
        ("DELETE", ""),
        ("GET", "/records"),
        ("GET", "/trace"),
        ("GET", "/csv"),
        ("GET", "/script"),
    ],
)
@pytest.mark.parametrize("run_id", ["sl-9999", "nonsense", "%00", "%ED%A0%80", "'; DROP TABLE runs; --"])
def test_an_unknown_run_is_404(client: httpx.Client, method: str, path: str, run_id: str) -> None:
    body = {"/controls": {"paused": True}, "/faults": {"worker": 1}}.get(path)
    answer = client.request(method, f"/api/runs/{run_id}{path}", json=body)
    assert "There is no run" in problem(answer, 404)["detail"]


# Stop, controls, delete


def test_stop_answers_202_and_a_finished_run_stays_as_it_is(client: httpx.Client) -> None:
    run_id = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]
    answer = client.post(f"/api/runs/{run_id}/stop")
    assert answer.status_code == 202
    ListedRun.model_validate(answer.json(), strict=True)
    stopped = ended(client, run_id)
    assert stopped["status"] == "stopped"
    again = client.post(f"/api/runs/{run_id}/stop")
    assert again.status_code == 202
    assert again.json()["status"] == "stopped"
    assert told(client, run_id) == stopped


def controls_of(client: httpx.Client, run_id: str, wanted: dict[str, Any]) -> Iterator[Event]:
    """The events of a run up to the one that says that these controls are in force."""
    with client.stream("GET", f"/api/runs/{run_id}/records") as stream:
        for event in events(stream):
            yield event
            record = json.loads(event.data)
            if (
                record["kind"] == "count"
                and record["name"] == "controls"
                and wanted.items() <= record["values"].items()
            ):
                return
    raise AssertionError(f"{wanted} never came into force")


@pytest.mark.parametrize(
    "wanted",
    [
        {"delay_min": 0.001, "delay_max": 0.003},
        {"delay_max": 0.05},
        {"paused": True},
        {"delay_min": 0, "paused": False},
    ],
)
def test_controls_change_a_live_run(client: httpx.Client, endless: dict[str, Any], wanted: dict[str, Any]) -> None:
    answer = client.patch(f"/api/runs/{endless['id']}/controls", json=wanted)
    assert answer.status_code == 200
    ListedRun.model_validate(answer.json(), strict=True)
    for _ in controls_of(client, endless["id"], wanted):
        pass
    run = told(client, endless["id"])
    assert run["state"]["controls"].items() >= wanted.items()
    assert run["params"].items() >= ENDLESS.items(), "the parameters say what was asked for at the start"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('{"delay_min": -1}', "delay_min"),
        ('{"delay_max": 11}', "delay_max"),
        ('{"delay_max": NaN}', "delay_max"),
        ('{"delay_max": true}', "delay_max"),
        ('{"delay_max": "soon"}', "delay_max"),
        ('{"delay_min": [0.1]}', "delay_min"),
        ('{"delay_min": 2, "delay_max": 1}', "delay_min"),
        ('{"delay_min": 1}', "delay_min"),
        ('{"paused": "perhaps"}', "paused"),
        ('{"paused": 2}', "paused"),
        ('{"seconds": 1}', "seconds"),
        ("[]", ""),
        ("nonsense", ""),
    ],
)
def test_wrong_controls_change_nothing(client: httpx.Client, endless: dict[str, Any], body: str, name: str) -> None:
    answer = client.patch(
        f"/api/runs/{endless['id']}/controls", content=body, headers={"Content-Type": "application/json"}
    )
    assert [error["name"] for error in problem(answer, 422)["errors"]] == [name]
    # A good change that follows is the next that the run hears of.
    assert client.patch(f"/api/runs/{endless['id']}/controls", json={"delay_max": 0.04}).status_code == 200
    told = [json.loads(event.data) for event in controls_of(client, endless["id"], {"delay_max": 0.04})]
    said = [record["values"] for record in told if record["kind"] == "count" and record["name"] == "controls"]
    assert all(values["delay_max"] in (0.02, 0.04) and values["delay_min"] == 0.01 for values in said)
    assert not any(values["paused"] for values in said)


def test_a_finished_run_and_one_without_controls_have_nothing_to_change(
    client: httpx.Client, finished: dict[str, dict[str, Any]]
) -> None:
    for run in finished.values():
        answer = client.patch(f"/api/runs/{run['id']}/controls", json={"paused": True})
        assert "nothing that can be changed" in problem(answer, 422)["errors"][0]["message"]
        assert told(client, run["id"]) == run


def test_delete_is_409_while_the_run_lives_then_204_then_404(client: httpx.Client) -> None:
    run_id = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]
    assert "Stop it first" in problem(client.delete(f"/api/runs/{run_id}"), 409)["detail"]
    assert told(client, run_id)["status"] == "running"
    client.post(f"/api/runs/{run_id}/stop")
    ended(client, run_id)
    answer = client.delete(f"/api/runs/{run_id}")
    assert answer.status_code == 204
    assert answer.content == b""
    assert problem(client.get(f"/api/runs/{run_id}"), 404)
    assert problem(client.delete(f"/api/runs/{run_id}"), 404)
    assert run_id not in [run["id"] for run in newest(client)]


# The list


def test_runs_are_listed_newest_first_and_page_by_page(client: httpx.Client, finished: dict[str, Any]) -> None:
    for _ in range(3):
        ended(client, start(client, "factorials")["id"])
    listed = newest(client)
    for run in listed:
        ListedRun.model_validate(run, strict=True)
    created = [run["created"] for run in listed]
    assert created == sorted(created, reverse=True)
    assert {run["id"] for run in finished.values()} <= {run["id"] for run in listed}

    paged: list[dict[str, Any]] = []
    while page := client.get(f"/api/runs?limit=2&before={paged[-1]['id'] if paged else ''}").json():
        assert len(page) <= 2
        paged += page
    assert paged == listed


def test_runs_are_filtered_by_experiment_and_status(
    client: httpx.Client, finished: dict[str, Any], endless: dict[str, Any]
) -> None:
    listed = newest(client)
    for experiment in SHORT:
        some = client.get("/api/runs", params={"experiment": experiment}).json()
        assert some == [run for run in listed if run["experiment"] == experiment] != []
    for status in ("finished", "running", "failed"):
        some = client.get("/api/runs", params={"status": status}).json()
        assert some == [run for run in listed if run["status"] == status]
    assert [run["id"] for run in client.get("/api/runs", params={"status": "running"}).json()] == [endless["id"]]
    both = "experiment=factorials&status=finished&limit=1"
    assert [run["experiment"] for run in client.get(f"/api/runs?{both}").json()] == ["factorials"]
    assert client.get("/api/runs", params={"experiment": "nonsense"}).json() == []
    assert client.get("/api/runs", params={"before": "nonsense"}).json() == []


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit=", "status=nonsense", "limit=1e9"])
def test_a_list_that_can_not_be_asked_for_is_422(client: httpx.Client, query: str) -> None:
    errors = problem(client.get(f"/api/runs?{query}"), 422)["errors"]
    assert [error["name"] for error in errors] == [query.split("=", 1)[0]]


# Records


def heard(client: httpx.Client, run_id: str, after: str = "") -> list[Event]:
    headers = {"Last-Event-ID": after} if after else {}
    with client.stream("GET", f"/api/runs/{run_id}/records", headers=headers) as stream:
        return list(events(stream))


def lines_of(client: httpx.Client, run_id: str) -> list[str]:
    answer = client.get(f"/api/runs/{run_id}/records", headers=NDJSON)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.text.endswith("\n")
    return answer.text[:-1].split("\n")


@pytest.mark.parametrize("experiment", SHORT)
def test_records_come_one_an_event_with_their_number_and_close_with_end(
    client: httpx.Client, finished: dict[str, dict[str, Any]], experiment: str
) -> None:
    *told, last = heard(client, finished[experiment]["id"])
    assert last.event == "end"
    assert last.id == ""
    assert [event.id for event in told] == [str(number) for number in range(1, len(told) + 1)]
    assert {event.event for event in told} == {""}
    records = [from_line(event.data.encode()) for event in told]
    assert records[0].kind == "run"
    assert records[-1].kind == "end"
    assert lines_of(client, finished[experiment]["id"]) == [event.data for event in told]


@pytest.mark.parametrize("after", ["1", "7", "last", "beyond"])
def test_records_resume_after_the_last_that_was_heard(
    client: httpx.Client, finished: dict[str, dict[str, Any]], after: str
) -> None:
    run_id = finished["shared-list"]["id"]
    *whole, end = heard(client, run_id)
    at = {"last": len(whole), "beyond": len(whole) + 5}.get(after) or int(after)
    assert heard(client, run_id, str(at)) == [*whole[at:], end]


@pytest.mark.parametrize("after", ["nonsense", "-1", "1.5", "\u00b2", "9" * 5000, "0"])
def test_a_last_event_id_that_is_no_number_is_as_if_there_were_none(
    client: httpx.Client, finished: dict[str, dict[str, Any]], after: str
) -> None:
    run_id = finished["factorials"]["id"]
    headers = [(b"Last-Event-ID", after.encode("latin-1"))]
    with client.stream("GET", f"/api/runs/{run_id}/records", headers=headers) as stream:
        assert list(events(stream)) == heard(client, run_id)


def test_a_live_runs_records_resume_without_gap_or_repeat(client: httpx.Client, endless: dict[str, Any]) -> None:
    path, told = f"/api/runs/{endless['id']}/records", list[Event]()
    for _ in range(4):  # a reader that loses its line again and again
        headers = {"Last-Event-ID": told[-1].id} if told else {}
        with client.stream("GET", path, headers=headers) as stream:
            told += itertools.islice(events(stream), 23)
    with client.stream("GET", path, headers={"Last-Event-ID": told[-1].id}) as stream:
        rest = events(stream)
        told.append(next(rest))
        client.post(f"/api/runs/{endless['id']}/stop")
        told += rest
    assert told.pop().event == "end"
    assert [event.id for event in told] == [str(number) for number in range(1, len(told) + 1)]
    assert [event.data for event in told] == lines_of(client, endless["id"])
    assert json.loads(told[-1].data)["outcome"] == "stopped"


def test_lines_of_a_live_run_come_as_they_are_written(client: httpx.Client, endless: dict[str, Any]) -> None:
    with client.stream("GET", f"/api/runs/{endless['id']}/records", headers=NDJSON) as stream:
        lines = stream.iter_lines()
        seen = [next(lines) for _ in range(50)]  # it still runs, so they did not wait for its end
        client.post(f"/api/runs/{endless['id']}/stop")
        seen += lines
    assert all(json.loads(line)["kind"] in KINDS for line in seen)
    assert json.loads(seen[-1])["kind"] == "end"


def test_all_is_still_there_after_the_server_was_started_again(serve: Serve) -> None:
    with serve() as server, server.client() as client:
        started = {name: start(client, name, **params)["id"] for name, params in SHORT.items()}
        before = {name: ended(client, run_id) for name, run_id in started.items()}
        lines = {name: lines_of(client, run_id) for name, run_id in started.items()}
        files = {
            (name, what): client.get(f"/api/runs/{run_id}/{what}").content
            for name, run_id in started.items()
            for what in ("trace", "csv", "script")
        }
        cut_off = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]

    with serve() as server, server.client() as client:
        for name, run_id in started.items():
            assert told(client, run_id) == before[name]
            assert lines_of(client, run_id) == lines[name]
            *told_again, end = heard(client, run_id, "3")
            assert [event.data for event in told_again] == lines[name][3:]
            assert end.event == "end"
            for what in ("trace", "csv", "script"):
                assert client.get(f"/api/runs/{run_id}/{what}").content == files[name, what]
        interrupted = told(client, cut_off)
        assert interrupted["status"] == "interrupted"
        assert "server ended" in interrupted["error"]
        assert json.loads(lines_of(client, cut_off)[-1])["kind"] == "end"
        assert heard(client, cut_off)[-1].event == "end"


# What a run leaves


@pytest.mark.parametrize("experiment", SHORT)
def test_the_trace_is_trace_event_json(
    client: httpx.Client, finished: dict[str, dict[str, Any]], experiment: str
) -> None:
    answer = client.get(f"/api/runs/{finished[experiment]['id']}/trace")
    assert f"{finished[experiment]['id']}.trace.json" in answer.headers["content-disposition"]
    trace = answer.json()
    assert trace["displayTimeUnit"] in ("ms", "ns")
    names, spans = {}, []
    for event in trace["traceEvents"]:
        assert event["pid"] == 1
        match event["ph"]:
            case "M" if event["name"] == "thread_name":
                names[event["tid"]] = event["args"]["name"]
            case "M":
                assert event["name"] == "process_name"
            case "X":
                assert event["name"]
                assert event["ts"] >= 0
                assert event["dur"] >= 0
                spans.append(event)
            case other:
                pytest.fail(f"an event of a kind that is not expected: {other}")
    assert spans
    assert {span["tid"] for span in spans} <= names.keys()
    assert len(set(names.values())) == len(names)
    if experiment == "shared-list":
        assert set(names.values()) >= {"producer 1", "producer 2", "consumer 1", "consumer 2"}


@pytest.mark.parametrize(
    ("experiment", "column", "rows"),
    [
        ("shared-list", "thread", 4),
        ("factorials", "n", 32),
        ("pool-sizes", "arm", 6),
        ("sharing", "tool", 3),
        ("failures", "scenario", 3),
    ],
)
def test_the_csv_has_a_row_a_result(
    client: httpx.Client, finished: dict[str, dict[str, Any]], experiment: str, column: str, rows: int
) -> None:
    answer = client.get(f"/api/runs/{finished[experiment]['id']}/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert ".csv" in answer.headers["content-disposition"]
    table = list(csv.DictReader(io.StringIO(answer.text), strict=True))
    assert len(table) == rows
    assert all(row[column] for row in table)
    assert None not in {key for row in table for key in row}


@pytest.mark.parametrize("experiment", SHORT)
def test_the_script_is_python(client: httpx.Client, finished: dict[str, dict[str, Any]], experiment: str) -> None:
    answer = client.get(f"/api/runs/{finished[experiment]['id']}/script")
    assert answer.headers["content-type"] == "text/x-python; charset=utf-8"
    assert ".py" in answer.headers["content-disposition"]
    compile(answer.text, "script.py", "exec")


@pytest.mark.parametrize("what", ["trace", "csv", "script", "records"])
def test_a_live_run_gives_what_it_has(client: httpx.Client, endless: dict[str, Any], what: str) -> None:
    with client.stream("GET", f"/api/runs/{endless['id']}/{what}") as answer:
        assert answer.status_code == 200
        assert next(answer.iter_bytes())


# The server itself


def test_the_schema_of_the_api_is_valid_and_says_what_every_call_does(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    OpenAPI.model_validate(schema)
    for path, calls in schema["paths"].items():
        for method, call in calls.items():
            assert call.get("summary"), f"{method} {path}"
            refused = call["responses"].get("422")
            assert list(refused["content"]) == ["application/problem+json"] if refused else "/api" not in path
    assert {
        (method.upper(), path) for path, calls in schema["paths"].items() for method in calls
    } == {
        ("GET", "/api/experiments"), ("POST", "/api/runs"), ("GET", "/api/runs"), ("GET", "/api/runs/{run_id}"),
        ("POST", "/api/runs/{run_id}/stop"), ("PATCH", "/api/runs/{run_id}/controls"), ("DELETE", "/api/runs/{run_id}"),
        ("POST", "/api/runs/{run_id}/faults"),
        ("GET", "/api/runs/{run_id}/records"), ("GET", "/api/runs/{run_id}/trace"), ("GET", "/api/runs/{run_id}/csv"),
        ("GET", "/api/runs/{run_id}/script"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"),
    }  # fmt: skip
    operations = [call["operationId"] for calls in schema["paths"].values() for call in calls.values()]
    assert len(set(operations)) == len(operations)
    for reference in _references(schema):
        at: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


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


def test_metrics_are_prometheus_text(client: httpx.Client, endless: dict[str, Any]) -> None:
    with client.stream("GET", "/live") as stream:
        frames = events(stream)  # held on to: an iterator that is let go closes the stream
        next(frames)
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert all(family.documentation for family in families.values())
    running = {s.labels["experiment"]: s.value for s in families["poolscope_runs_running"].samples}
    assert running == {**dict.fromkeys(EXPERIMENTS, 0), "shared-list": 1}
    assert families["poolscope_runs_queued"].samples[0].value == 0
    assert families["poolscope_viewers"].samples[0].value == 1
    assert families["poolscope_journal_trouble"].samples[0].value == 0


def test_nobody_deletes_in_the_demo(serve: Serve) -> None:
    with serve(demo=True) as server, server.client() as client:
        run_id = ended(client, start(client, "shared-list", **BRIEF)["id"])["id"]
        assert problem(client.delete(f"/api/runs/{run_id}"), 403)
        assert told(client, run_id)["status"] == "finished"


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
        until(lambda: not server.site.bench.offers.searching, "the search")
        assert server.site.bench.offers.pythons["mine"] == str(other)
        assert next(iter(server.site.bench.offers.pythons.values())) == sys.executable
