"""Room, descriptors, processes and patience run out: who asks is told so, nothing is left, and the next run works."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from poolscope.machine import cgroups

from tests.faults.conftest import LONG, works_again
from tests.served import Served, served
from tests.waiting import until

LARGE = {**LONG["shared-list"], "producers": 4, "consumers": 4}


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(busy_limit="10") as server:
        yield server


def test_a_run_waits_until_there_is_room_and_says_for_what(server: Served) -> None:
    first = server.begin("shared-list", **LONG["shared-list"])
    waiting = server.run(server.begin("shared-list", **LARGE))
    assert (waiting["status"], waiting["shortage"]["resource"]) == ("queued", "busy")
    assert waiting["shortage"]["sentence"] in server.api.get(f"/runs/{waiting['id']}").text
    assert waiting["shortage"]["sentence"] in server.api.get("/").text

    server.stop(first)
    until(lambda: server.run(waiting["id"])["status"] == "running", "its turn")
    assert server.run(waiting["id"])["shortage"] is None
    server.stop(waiting["id"])


def test_what_never_fits_is_refused_and_names_its_field(server: Served) -> None:
    before = server.api.get("/api/runs").json()
    answer = server.api.post("/api/runs", json={"experiment": "factorials", "params": {"workers": 11, "last": 20}})
    assert answer.status_code == 422
    assert [error["name"] for error in answer.json()["errors"]] == ["workers"]
    assert server.api.get("/api/runs").json() == before


def test_out_of_descriptors(server: Served) -> None:
    kept = server.done("factorials", first=1, last=5)
    process = psutil.Process(server.process.pid)
    server.expected.append("no runner process could be started")
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (process.num_fds() + 1, before[1]))
    try:
        # The first one takes the runner that waits for it; for another there are no pipes.
        refused = [server.ended(server.begin("factorials", first=1, last=5)) for _ in range(2)][-1]
        assert refused["status"] == "failed"
        assert "No runner process could be started" in refused["error"]
        assert server.api.get("/healthz").status_code == 200
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    assert server.run(kept)["status"] == "finished"
    works_again(server, "shared-list")


def test_out_of_processes(server: Served) -> None:
    works_again(server, "shared-list")
    until(server.runners, "the runner that waits for the next run")
    with few_processes(server, 4):
        failed = server.ended(server.begin("factorials", first=1, last=20, kind="process", workers=8))
        assert failed["status"] == "failed"
        assert failed["error"]
        assert server.api.get("/healthz").status_code == 200
    works_again(server, "factorials")


@contextmanager
def few_processes(server: Served, more: int) -> Iterator[None]:
    """A server and all that it starts have so many threads and processes more than now, by a cgroup of their own."""
    home = next(iter(cgroups.folders("pids")), Path("/nowhere"))
    ours = home / f"few-{server.process.pid}"
    try:
        ours.mkdir()
    except OSError:
        pytest.skip("no cgroup can be made here")
    try:
        for pid in (server.process.pid, *(process.pid for process in server.processes())):
            (ours / "cgroup.procs").write_text(str(pid))
        (ours / "pids.max").write_text(str(int((ours / "pids.current").read_text()) + more))
        yield
        (ours / "pids.max").write_text("max")
    finally:
        for left in (ours / "cgroup.procs").read_text().split():
            with suppress(OSError):  # it has ended
                (home / "cgroup.procs").write_text(left)
        until(lambda: not (ours / "cgroup.procs").read_text(), "the end of all in the cgroup")
        ours.rmdir()


def test_starts_without_end_leave_no_more_runs_than_are_allowed() -> None:
    with served(starts_per_minute="5") as small, ThreadPoolExecutor(8) as clients:

        def start(_: int) -> int:
            params = {"seconds": 0.1, "delay_min": 0, "delay_max": 0.01}
            return small.api.post("/api/runs", json={"experiment": "shared-list", "params": params}).status_code

        answers = list(clients.map(start, range(60)))
        assert (answers.count(201), answers.count(429)) == (5, 55)
        until(lambda: not small.api.get("/api/runs", params={"status": "running"}).json(), "the end of all runs")
        assert len(small.api.get("/api/runs").json()) == 5
