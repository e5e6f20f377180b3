"""Runs by the JSON API: one with its state, stop, controls and deletion, and the list."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from poolscope.errors import UnknownRun

from tests.web.answers import SUMMARY, fits, newest, problem
from tests.web.conftest import ENDLESS, SHORT, Event, ended, events, running, start, told

# One run


@pytest.mark.parametrize("experiment", SHORT)
def test_a_finished_run_has_the_contracts_shape(finished: dict[str, dict[str, Any]], experiment: str) -> None:
    run = finished[experiment]
    fits(run)
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


def test_live_runs_have_the_contracts_shape_from_the_first(client: httpx.Client, lasting: dict[str, Any]) -> None:
    pools = start(client, "pool-sizes", sizes=[1], repeats=100, workload="square-sleep", work_ms=200)
    waiting = start(client, "pool-sizes", sizes=[1, 2])
    try:
        assert waiting["status"] == "queued"
        for run in (lasting, pools, waiting, running(client, pools["id"])):
            fits(run)
        assert told(client, pools["id"])["conditions"]["shared_with"] == [lasting["id"]]
        assert pools["id"] in told(client, lasting["id"])["conditions"]["shared_with"]
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
def test_an_unknown_run_is_404(client: httpx.Client, method: str, path: str) -> None:
    body = {"/controls": {"paused": True}, "/faults": {"worker": 1}}.get(path)
    for run_id in ("sl-9999", "nonsense", "%00", "%ED%A0%80", "'; DROP TABLE runs; --"):
        answer = client.request(method, f"/api/runs/{run_id}{path}", json=body)
        assert problem(answer, 404)["title"] == UnknownRun.title


# Stop, controls, delete


def test_stop_answers_202_a_finished_run_stays_as_it_is_and_delete_is_409_while_it_lives_then_204_then_404(
    client: httpx.Client,
) -> None:
    run_id = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]
    assert "Stop it first" in problem(client.delete(f"/api/runs/{run_id}"), 409)["detail"]
    assert told(client, run_id)["status"] == "running"
    answer = client.post(f"/api/runs/{run_id}/stop")
    assert answer.status_code == 202
    fits(answer.json(), SUMMARY)
    stopped = ended(client, run_id)
    assert stopped["status"] == "stopped"
    again = client.post(f"/api/runs/{run_id}/stop")
    assert again.status_code == 202
    assert again.json()["status"] == "stopped"
    assert told(client, run_id) == stopped

    answer = client.delete(f"/api/runs/{run_id}")
    assert answer.status_code == 204
    assert answer.content == b""
    assert problem(client.get(f"/api/runs/{run_id}"), 404)
    assert problem(client.delete(f"/api/runs/{run_id}"), 404)
    assert run_id not in [run["id"] for run in newest(client)]


def in_force(record: dict[str, Any]) -> dict[str, Any]:
    """The controls that a record says to be in force, {} for other records."""
    return dict(record["value"]) if record["kind"] == "result" and record["name"] == "controls" else {}


def controls_of(client: httpx.Client, run_id: str, wanted: dict[str, Any]) -> Iterator[Event]:
    """The events of a run up to the one that says that these controls are in force."""
    with client.stream("GET", f"/api/runs/{run_id}/records") as stream:
        for event in events(stream):
            yield event
            if wanted.items() <= in_force(json.loads(event.data)).items():
                return
    raise AssertionError(f"{wanted} never came into force")


CONTROLS: tuple[dict[str, Any], ...] = (
    {"delay_min": 0.001, "delay_max": 0.003},
    {"delay_max": 0.05},
    {"paused": True},
    {"delay_min": 0, "paused": False},
)
WRONG_CONTROLS = (
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
)


def test_wrong_controls_change_nothing_and_others_a_live_run(client: httpx.Client, lasting: dict[str, Any]) -> None:
    path = f"/api/runs/{lasting['id']}/controls"
    for body, name in WRONG_CONTROLS:
        answer = client.patch(path, content=body, headers={"Content-Type": "application/json"})
        assert [error["name"] for error in problem(answer, 422)["errors"]] == [name], body
    # A good change that follows is the next that the run hears of.
    assert client.patch(path, json={"delay_max": 0.04}).status_code == 200
    changes = [in_force(json.loads(event.data)) for event in controls_of(client, lasting["id"], {"delay_max": 0.04})]
    seen = [controls for controls in changes if controls]
    assert all(controls["delay_max"] in (0.02, 0.04) and controls["delay_min"] == 0.01 for controls in seen)
    assert not any(controls["paused"] for controls in seen)

    for wanted in CONTROLS:
        answer = client.patch(path, json=wanted)
        assert answer.status_code == 200, wanted
        fits(answer.json(), SUMMARY)
        for _ in controls_of(client, lasting["id"], wanted):
            pass
        run = told(client, lasting["id"])
        assert run["state"]["controls"].items() >= wanted.items()
        assert run["params"].items() >= ENDLESS.items(), "the parameters say what was asked for at the start"


def test_a_finished_run_and_one_without_controls_have_nothing_to_change(
    client: httpx.Client, finished: dict[str, dict[str, Any]]
) -> None:
    for run in finished.values():
        answer = client.patch(f"/api/runs/{run['id']}/controls", json={"paused": True})
        assert "nothing that can be changed" in problem(answer, 422)["errors"][0]["message"]
        assert told(client, run["id"]) == run


# The list


def test_runs_are_listed_newest_first_and_page_by_page(client: httpx.Client, finished: dict[str, Any]) -> None:
    listed = newest(client)
    for run in listed:
        fits(run, SUMMARY)
    created = [run["created"] for run in listed]
    assert created == sorted(created, reverse=True)
    assert {run["id"] for run in finished.values()} <= {run["id"] for run in listed}

    paged: list[dict[str, Any]] = []
    while page := client.get(f"/api/runs?limit=2&before={paged[-1]['id'] if paged else ''}").json():
        assert len(page) <= 2
        paged += page
    assert paged == listed


def test_runs_are_filtered_by_experiment_and_status(
    client: httpx.Client, finished: dict[str, Any], lasting: dict[str, Any]
) -> None:
    listed = newest(client)
    for experiment in SHORT:
        some = client.get("/api/runs", params={"experiment": experiment}).json()
        assert some == [run for run in listed if run["experiment"] == experiment] != []
    for status in ("finished", "running", "failed"):
        some = client.get("/api/runs", params={"status": status}).json()
        assert some == [run for run in listed if run["status"] == status]
    assert [run["id"] for run in client.get("/api/runs", params={"status": "running"}).json()] == [lasting["id"]]
    both = "experiment=factorials&status=finished&limit=1"
    assert [run["experiment"] for run in client.get(f"/api/runs?{both}").json()] == ["factorials"]
    assert client.get("/api/runs", params={"experiment": "nonsense"}).json() == []
    assert client.get("/api/runs", params={"before": "nonsense"}).json() == []


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit=", "status=nonsense", "limit=1e9"])
def test_a_list_that_can_not_be_asked_for_is_422(client: httpx.Client, query: str) -> None:
    errors = problem(client.get(f"/api/runs?{query}"), 422)["errors"]
    assert [error["name"] for error in errors] == [query.split("=", 1)[0]]
