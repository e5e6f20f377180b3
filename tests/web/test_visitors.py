"""The demo's visitors: each has runs of his own, and everybody else's only to look at."""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from poolscope.errors import NotYours, TooManyWaiting

from tests.waiting import until
from tests.web.answers import problem
from tests.web.conftest import (
    BY_BROWSER,
    BY_HTMX,
    ENDLESS,
    Serving,
    ended,
    fragments,
    frames,
    running,
    serving,
    start,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("demo"), demo=True, queued_of_visitor=1) as demo:
        yield demo


@contextmanager
def visitor(demo: Serving) -> Iterator[httpx.Client]:
    """A browser that has just come, and has its cookie from the first page."""
    with demo.client(**BY_BROWSER) as client:
        client.get("/guide")
        yield client


@pytest.fixture
def own(demo: Serving) -> Iterator[httpx.Client]:
    with visitor(demo) as client:
        yield client


@pytest.fixture
def other(demo: Serving) -> Iterator[httpx.Client]:
    with visitor(demo) as client:
        yield client


@pytest.fixture
def run_id(own: httpx.Client) -> Iterator[str]:
    """A live run of `own`'s."""
    run = running(own, start(own, "shared-list", **{**ENDLESS, "seconds": 30})["id"])
    yield run["id"]
    own.post(f"/runs/{run['id']}/stop")
    ended(own, run["id"])


def test_a_run_is_on_its_visitors_pages_who_alone_changes_it_and_everybody_may_look_at_it(
    own: httpx.Client, other: httpx.Client, demo: Serving, run_id: str
) -> None:
    with demo.client() as program:
        for client in (other, program):
            for method, path, body in (
                ("POST", f"/api/runs/{run_id}/stop", None),
                ("POST", f"/api/runs/{run_id}/faults", {"worker": 1}),
                ("PATCH", f"/api/runs/{run_id}/controls", {"paused": True}),
                ("DELETE", f"/api/runs/{run_id}", None),
            ):
                assert problem(client.request(method, path, json=body), 403)["title"] == NotYours.title
            for action in ("stop", "controls", "faults", "delete"):
                assert client.post(f"/runs/{run_id}/{action}").status_code == 403
            assert client.get(f"/api/runs/{run_id}").json()["status"] == "running"
    strangers = other.get(f"/runs/{run_id}").text
    assert f'action="/runs/{run_id}/' not in strangers
    assert f'action="/runs/{run_id}/stop"' in own.get(f"/runs/{run_id}").text
    with other.stream("GET", f"/live?run={run_id}") as stream:
        assert f'action="/runs/{run_id}/stop"' not in next(frames(stream)).data
    with own.stream("GET", f"/live?run={run_id}") as stream:
        assert f'action="/runs/{run_id}/stop"' in next(frames(stream)).data

    for path in ("/", "/runs"):
        assert run_id in own.get(path).text
        assert run_id not in other.get(path).text
    with own.stream("GET", "/live") as stream:
        assert run_id in fragments(next(frames(stream)).data)["recent"]
    with other.stream("GET", "/live") as stream:
        assert run_id not in next(frames(stream)).data

    # A wild address in a header of htmx is no bug.
    answer = own.post(f"/runs/{run_id}/stop", headers={**BY_HTMX, "HX-Current-URL": "http://["})
    assert answer.status_code == 200
    assert "shared-list-head" in fragments(answer.text)


def test_the_guide_leads_nobody_to_what_a_stranger_has_started(own: httpx.Client, other: httpx.Client) -> None:
    run = start(own, "sharing", tools=["queue", "mp-queue"], operations=20, workers=2, repeats=1)
    assert ended(own, run["id"])["status"] == "finished"
    address = f'"/runs/{run["id"]}"'
    assert address in own.get("/guide/threads-or-processes").text
    assert address not in other.get("/guide/threads-or-processes").text


def test_a_bench_that_is_looked_at_shows_ones_first_run(demo: Serving) -> None:
    with visitor(demo) as client, client.stream("GET", "/live") as stream:
        coming = frames(stream)
        next(coming)
        run = start(client, "factorials")
        while run["id"] not in next(coming).data:
            pass


def test_a_program_without_a_cookie_has_the_runs_of_its_address(demo: Serving) -> None:
    with demo.client() as program, demo.client() as same:
        run = ended(program, start(program, "factorials", last=1, workers=1)["id"])
        assert same.delete(f"/api/runs/{run['id']}").status_code == 204


def test_neither_a_list_nor_a_traceback_tells_what_is_nobodys_business_and_ones_own_run_can_be_deleted(
    own: httpx.Client, other: httpx.Client
) -> None:
    run = ended(own, start(own, "failures", scenarios="thread-uncaught", limit=0.1)["id"])
    assert run["id"] in [each["id"] for each in own.get("/api/runs").json()]
    assert run["id"] not in [each["id"] for each in other.get("/api/runs").json()]
    told = own.get(f"/api/runs/{run['id']}/records.ndjson").text
    assert "Traceback" in told
    for page in (told, own.get(f"/runs/{run['id']}").text, own.get(f"/api/runs/{run['id']}").text):
        assert str(ROOT) not in page
        assert sys.prefix not in page
        assert sysconfig.get_path("stdlib") not in page
    assert own.post(f"/runs/{run['id']}/delete").status_code == 303
    assert own.get(f"/api/runs/{run['id']}").status_code == 404


def test_who_waits_is_told_for_whom_and_others_may_wait_too(demo: Serving) -> None:
    """With places for all, whoever has none left for himself."""
    long = {"sizes": [1, 2], "seconds": 30, "workload": "square-sleep", "repeats": 20}
    with visitor(demo) as first, visitor(demo) as second:
        present = start(first, "pool-sizes", **long)
        waiting = start(first, "pool-sizes", **long)
        refused = first.post("/api/runs", json={"experiment": "pool-sizes", "params": long})
        assert problem(refused, 429)["title"] == TooManyWaiting.title
        others = start(second, "pool-sizes", **long)
        queue = second.get(f"/api/runs/{others['id']}").json()["queue"]
        assert (queue["place"], queue["behind"]) == (2, [present["id"]])
        assert queue["expected_start"] > others["created"]
        page = second.get(f"/runs/{others['id']}").text
        assert f'href="/runs/{present["id"]}"' in page  # to watch meanwhile
        first.post(f"/runs/{waiting['id']}/stop")
        assert second.get(f"/api/runs/{others['id']}").json()["queue"]["place"] == 1
        first.post(f"/runs/{present['id']}/stop")
        until(lambda: second.get(f"/api/runs/{others['id']}").json()["queue"] is None, "the turn of the other visitor")
        second.post(f"/runs/{others['id']}/stop")
        ended(second, others["id"])


def test_the_forms_and_the_api_have_the_demos_bounds(own: httpx.Client) -> None:
    page = own.get("/").text
    (field,) = re.findall(r'<input[^>]*name="producers"[^>]*>', page)
    assert 'min="1"' in field
    assert 'max="8"' in field
    parameters = {each["name"]: each["parameters"] for each in own.get("/api/experiments").json()}
    assert parameters["factorials"]["properties"]["workers"]["maximum"] == 8
    for params in ({"kinds": ["loky"]}, {"pythons": ["2.7"]}, {"workload": "os:system@sys:argv"}, {"executor": "a:b"}):
        refused = own.post("/api/runs", json={"experiment": "which-pool", "params": params})
        assert problem(refused, 422)["errors"][0]["name"] == next(iter(params))
    broken = {"scenarios": ["side-by-side"], "engines": ["dask"]}
    refused = own.post("/api/runs", json={"experiment": "failures", "params": broken})
    assert [error["name"] for error in problem(refused, 422)["errors"]] == ["engines"]
    assert 'name="engines"' not in page
