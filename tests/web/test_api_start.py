"""Starting runs by the JSON API: what is taken, and what is refused with which words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from poolscope.experiments.registry import EXPERIMENTS

from tests.web.answers import fits, newest, newest_id, problem
from tests.web.conftest import ENDLESS, SHORT, Serve, ended, running, start, told


def test_a_start_answers_201_with_the_run_and_its_place(serve: Serve) -> None:
    # Behind a live run and one that is measured all others wait, which takes no runner.
    slow = {"sizes": [1], "repeats": 100, "workload": "square-sleep", "work_ms": 200.0}
    with serve(live_limit=1, queued_of_visitor=20) as server, server.client() as client:
        wanted: list[tuple[str, Mapping[str, Any]]] = [("shared-list", ENDLESS), ("pool-sizes", slow), *SHORT.items()]
        for name, asked in wanted:
            answer = client.post("/api/runs", json={"experiment": name, "params": asked})
            run = answer.json()
            assert answer.status_code == 201
            assert answer.headers["location"] == f"/api/runs/{run['id']}"
            fits(run)
            assert run["params"].items() >= dict(asked).items()
            assert run["status"] in ("queued", "running")
            assert told(client, run["id"])["id"] == run["id"]
        waiting = client.get("/api/runs", params={"status": "queued", "limit": 500}).json()
        assert {run["experiment"] for run in waiting} == set(SHORT)
        for run in waiting:
            client.post(f"/api/runs/{run['id']}/stop")
            assert ended(client, run["id"])["status"] == "stopped"  # that one comes to its end is said in test_api_runs


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
            for value in (
                "0",
                "17",
                "-1",
                "1.5",
                "true",
                "null",
                '"many"',
                "[2]",
                '{"a": 1}',
                "NaN",
                "1e400",
                HUGE,
                DEEP,
                DEEPER,
                LONG,
            )
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
            for value in (
                "[]",
                "[0]",
                "[65]",
                "[1.5]",
                "[true]",
                "[null]",
                "[[1]]",
                '["x"]',
                "NaN",
                "null",
                "true",
                '"4-2"',
                '"two"',
                "[2, 2]",
                str([*range(1, 18)]),
                "{}",
                DEEP,
                DEEPER,
                LONG,
                f"[{HUGE}]",
            )
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
        ('{"workload": "sha256", "work_ms": 60000, "last": 1000, "repeats": 100}', "work_ms", "and at most 1"),
    ],
    "failures": [
        *(
            (f'{{"scenarios": {value}}}', "scenarios", "scenarios must be 'all' or some of thread-caught, thread-unc")
            for value in (
                '"earthquake"',
                '["deadlock", "flood"]',
                "[]",
                "7",
                "null",
                "true",
                "{}",
                "[[1]]",
                DEEP,
                DEEPER,
                LONG,
                "NaN",
            )
        ),
        *((f'{{"task": {value}}}', "task", "a number from 0.1 to 10") for value in ("0", "10.5", "true", "NaN")),
        *((f'{{"limit": {value}}}', "limit", "a number from 0.05 to 5") for value in ("0", "6", "null", HUGE)),
        ('{"task": 0.5, "limit": 0.5}', "task", "task must be longer than the limit of 0.5 s"),
    ],
}


@pytest.mark.parametrize("experiment", WRONG)
def test_a_wrong_parameter_starts_nothing_and_is_named_with_what_is_allowed(
    client: httpx.Client, experiment: str
) -> None:
    before = newest_id(client)
    for params, name, words in WRONG[experiment]:
        body = f'{{"experiment": "{experiment}", "params": {params}}}'
        answer = client.post("/api/runs", content=body, headers={"Content-Type": "application/json"})
        errors = problem(answer, 422)["errors"]
        assert all(error.keys() == {"name", "message"} for error in errors)
        if words:
            assert name in [error["name"] for error in errors], params[:80]
            assert words in " ".join(error["message"] for error in errors if error["name"] == name), params[:80]
            assert all(len(error["message"]) < 1000 for error in errors), "the error repeats all that was sent"
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
def test_a_body_that_is_no_request_for_a_run_starts_nothing(client: httpx.Client, body: str, status: int) -> None:
    before = newest_id(client)
    answer = client.post("/api/runs", content=body.encode(), headers={"Content-Type": "application/json"})
    refusal = problem(answer, status)
    assert status != 422 or refusal["errors"]
    assert not any(character.isdigit() for error in refusal.get("errors", ()) for character in error["name"])
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
