"""A worker of a live run killed on request, by the API and by the page: what became of the run can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from functools import reduce
from itertools import islice
from typing import Any

import httpx
import pytest
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.records import Actor, Record, Span
from poolscope.runs.run import Run, Status
from poolscope.text.numbers import NARROW
from poolscope.web.views import VIEWS

from tests.waiting import until
from tests.web.conftest import BY_HTMX, ENDLESS, ended, events, fragments, running, start, told

# Their workers are busy all the time: whatever is done to one finds it at work.
NUMBERS = {"first": 4001, "last": 5000, "workers": 2}
# Pools of two come and go several times a second, so that the next one comes within a request's patience, on a busy
# machine as well.
POOLS = {"sizes": [2], "first": 1, "last": 2, "workload": "square-sleep", "work_ms": 100, "repeats": 50}


@pytest.fixture
def pools(client: httpx.Client) -> Iterator[str]:
    """The id of a live run of pools that goes on for longer than any test."""
    run_id = running(client, start(client, "pool-sizes", **{**POOLS, "repeats": 100})["id"])["id"]
    yield run_id
    client.post(f"/api/runs/{run_id}/stop")
    ended(client, run_id)


def records(client: httpx.Client, run_id: str, kind: str) -> list[dict[str, Any]]:
    lines = client.get(f"/api/runs/{run_id}/records", headers={"Accept": "application/x-ndjson"}).text.splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def until_said(client: httpx.Client, run_id: str, kind: str, times: int) -> None:
    """Wait until a run has said something so often, without asking for all of it again and again."""
    with client.stream("GET", f"/api/runs/{run_id}/records") as stream, closing(events(stream)) as said:
        told_of = (event for event in said if event.data and json.loads(event.data)["kind"] == kind)
        assert len(list(islice(told_of, times))) == times


def kill(client: httpx.Client, run_id: str, worker: object = 2) -> httpx.Response:
    return client.post(f"/api/runs/{run_id}/faults", json={"worker": worker})


def test_factorials_lose_what_their_pool_had_not_answered(client: httpx.Client) -> None:
    numbers = start(client, "factorials", kind="process", **NUMBERS)["id"]
    until_said(client, numbers, "progress", 6)
    answer = kill(client, numbers)
    assert answer.status_code == 202, answer.text
    (fault,) = answer.json()["faults"]
    run = ended(client, numbers)
    assert (run["status"], run["faults"]) == ("failed", [fault])
    assert (fault["worker"], fault["of"]) == (2, 2)
    done = run["state"]["done"]
    assert run["error"].startswith(
        f"Worker 2 of 2 (pid {fault['pid']}) was killed on request, and its pool with it: "
        f"{done} of 1000 results are kept, lost are those of "
    )
    (record,) = records(client, numbers, "fault")
    assert (record["what"], record["pid"]) == ("kill", fault["pid"])
    assert [span["actor"] for span in records(client, numbers, "span") if span["state"] == "killed"] == ["process 2"]
    page = client.get(f"/runs/{numbers}", headers={"Accept": "text/html"}).text
    assert f"Worker 2 of 2 (pid {fault['pid']}) was killed on request, " in page
    assert re.search(r'<path data-state="killed" d="M\d+ [01]\.5h\d+', page)


def test_a_pool_that_would_never_answer_is_ended_and_its_lanes_tell_it(client: httpx.Client) -> None:
    run_id = start(client, "pool-sizes", **POOLS)["id"]
    # There is nobody to kill before the first pool, which on a busy machine comes later than a request waits for. The
    # verdict so far ends nothing.
    until_said(client, run_id, "sample", 4)
    until(lambda: 'id="verdict"' in client.get(f"/runs/{run_id}").text, "the verdict so far")
    page = client.get(f"/runs/{run_id}").text
    assert ('id="verdict"' in page, 'id="run-kill"' in page) == (True, True)
    answer = kill(client, run_id)
    assert answer.status_code == 202, answer.text
    run = ended(client, run_id)
    assert run["status"] == "failed"
    (fault,) = run["faults"]
    assert f"Worker 2 of 2 (process {fault['pid']}) was killed on request while its pool was" in run["error"]
    lanes = {(span["actor"], span["state"]) for span in records(client, run_id, "span")}
    assert lanes == {("2 workers · w1", "running"), ("2 workers · w2", "running"), ("2 workers · w2", "killed")}
    page = client.get(f"/runs/{run_id}", headers={"Accept": "text/html"}).text
    assert '<rect data-state="killed"' in page
    assert "the pool that lost a worker" in page


def test_nonsense_is_refused_before_anything_happens_and_the_page_has_a_form_that_needs_no_javascript(
    browser: httpx.Client, client: httpx.Client, pools: str
) -> None:
    for wanted in (0, -1, 1001, 1.5, "2", True, None, [2]):
        answer = kill(client, pools, wanted)
        assert answer.status_code == 422, wanted
        assert answer.headers["content-type"] == "application/problem+json", wanted
        assert [error["name"] for error in answer.json()["errors"]] == ["worker"], wanted
    assert client.post(f"/api/runs/{pools}/faults", json={}).status_code == 422
    assert client.post(f"/api/runs/{pools}/faults", json={"worker": 1, "by": 9}).status_code == 422

    # A worker that is not there.
    answer = kill(client, pools, 3.0)
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"Run {pools} has at most 2 workers at a time; there is no worker 3."
    for path, place in ((f"/runs/{pools}", "run-fault"), ("/", "pool-sizes-ask")):
        headers = {**BY_HTMX, "HX-Current-URL": f"http://localhost{path}"}
        said = client.post(f"/runs/{pools}/faults", data={"worker": "3"}, headers=headers)
        assert said.status_code == 409
        assert fragments(said.text).keys() == {place}
        assert "there is no worker 3" in said.text
        again = client.post(f"/runs/{pools}/faults", data={"worker": "two"}, headers=headers)
        assert again.status_code == 422
        assert f"worker must be a whole number from 1 to 1{NARROW}000." in again.text
    run = told(client, pools)
    assert (run["status"], run["faults"]) == ("running", [])

    form = f'method="post" action="/runs/{pools}/faults"'
    assert form in browser.get(f"/runs/{pools}").text
    assert form in browser.get("/").text
    answer = browser.post(f"/runs/{pools}/faults", data={"worker": "1"})
    assert (answer.status_code, answer.headers.get("location")) == (303, f"/runs/{pools}"), told(client, pools)
    ended(browser, pools)
    page = browser.get(f"/runs/{pools}").text
    assert form not in page
    assert "Worker 1 of 2 (pid " in page


def test_threads_can_not_be_killed_and_ended_runs_have_nobody(client: httpx.Client) -> None:
    run_id = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]
    assert "A thread can't be killed" in kill(client, run_id).json()["detail"]
    assert "/faults" not in client.get(f"/runs/{run_id}", headers={"Accept": "text/html"}).text
    client.post(f"/api/runs/{run_id}/stop")
    ended(client, run_id)
    answer = kill(client, run_id)
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"Run {run_id} is not running now, so it has no worker to kill."


def test_a_run_that_waits_for_somebody_to_kill_a_worker_says_so_and_what_came_of_it(
    browser: httpx.Client, client: httpx.Client
) -> None:
    first = browser.get("/").text
    assert re.search(r"up to about\s60\ss: press Kill now while it waits", first)
    run_id = running(client, start(client, "failures", scenarios="by-hand", wait=300)["id"])["id"]
    invited = re.compile(r"Press Kill now: a worker dies .* The run waits \d+ s more for you\.")
    until(lambda: invited.search(browser.get(f"/runs/{run_id}").text), "the invitation on the run's page")
    assert "waits for up to 300\u00a0s" in browser.get(f"/runs/{run_id}").text
    bench = browser.get("/").text
    assert invited.search(bench[bench.index('id="failures-live"') :])
    assert browser.post(f"/runs/{run_id}/faults", data={"worker": "3"}).status_code == 303
    run = ended(client, run_id)
    assert (run["status"], run["state"]["scenarios"][0]["outcome"]) == ("finished", "pool broken")
    page = browser.get(f"/runs/{run_id}").text
    assert "You killed worker 3 of 4" in page
    assert not invited.search(page)


def test_a_task_that_ended_as_its_worker_was_killed_hides_no_death() -> None:
    about = EXPERIMENTS["factorials"]
    run = Run("fa-0001", about, parse(about.params, {"kind": "process"}), status=Status.FAILED)
    records: list[Record] = [
        Actor(0, "process 2", "started", "process", "worker", 7),
        Span("process 2", "killed", 1_000, None, "killed on request"),
        Span("process 2", "running", 500, 1_001, "4001"),
        Actor(2_000, "process 2", "ended", "process", "worker", 7),
    ]
    view = VIEWS["factorials"].view(run, reduce(about.meaning.fold, records, run.state))
    assert [state for state, _ in view.picture.paths] == ["running", "killed"]


def test_merged_tasks_are_drawn_without_numbers_and_with_how_much_of_them_was_so() -> None:
    about = EXPERIMENTS["pool-sizes"]
    run = Run("ps-0001", about, parse(about.params, {"sizes": [2]}), status=Status.FINISHED)
    spans = [
        Span(f"2 workers · w{number}", "running", 0, 1000, "0 … 99", "2 workers", busy=busy)
        for number, busy in ((1, 20), (2, 60))
    ]
    records: list[Record] = [Actor(0, span.actor, "started", "process", "worker", 7) for span in spans]
    view = VIEWS["pool-sizes"].view(run, reduce(about.meaning.fold, [*records, *spans], run.state))
    (facet,) = view.facets
    assert facet.boxes == ()
    assert [state for state, _ in facet.drawn.paths] == ["running"]
    assert view.filled == f"Gaps too short to draw are filled in; of what is drawn, really so: {facet.title} 4.0%."


def test_the_lanes_of_a_pool_that_lost_a_worker_show_its_own_processes_alone() -> None:
    about = EXPERIMENTS["pool-sizes"]
    run = Run("ps-0001", about, parse(about.params, {"sizes": [2, 4]}), status=Status.FAILED)
    told_so_far: list[Record] = []
    for key, begun, pid in (("2 workers", 0, 100), ("4 workers", 1_000, 200), ("2 workers", 9_000, 300)):
        for number in (1, 2):
            name = f"{key} · w{number}"
            told_so_far.append(Actor(begun, name, "started", "process", "worker", pid + number))
            told_so_far.append(Span(name, "running", begun, begun + 100, "1", key))
    told_so_far.append(Span("2 workers · w2", "killed", 9_100, 9_200, "killed on request", "2 workers"))
    (facet,) = VIEWS["pool-sizes"].view(run, reduce(about.meaning.fold, told_so_far, run.state)).facets
    assert facet.names == (("w1", "pid 301"), ("w2", "pid 302"))
    assert [(box.state, round(box.x)) for box in facet.boxes] == [("running", 0), ("running", 0), ("killed", 50)]
