"""Room, descriptors, processes and patience run out: who asks is told so, nothing is left, and the next run works."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from poolscope.machine import cgroups

from tests.faults.conftest import LONG, lines, unharmed
from tests.served import PROGRAM, Served, served
from tests.waiting import BOUND_S, until

LARGE = {**LONG["shared-list"], "producers": 4, "consumers": 4}
MIB = 2**20


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    # Whatever memory it takes is admitted: the estimates would not let a run be killed for want of it.
    with served(busy_limit="10", memory_mib="1000000") as server:
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
    process = psutil.Process(server.process.pid)
    server.expected.append("no runner process could be started")
    with unharmed(server):
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


def test_out_of_processes(server: Served) -> None:
    with unharmed(server, "factorials"):
        until(server.runners, "the runner that waits for the next run")
        with cgroup_of_its_own(server, "pids") as ours:
            (ours / "pids.max").write_text(str(int((ours / "pids.current").read_text()) + 4))
            failed = server.ended(server.begin("factorials", first=1, last=20, kind="process", workers=8))
            assert failed["status"] == "failed"
            assert failed["error"]
            assert server.api.get("/healthz").status_code == 200
            (ours / "pids.max").write_text("max")


def test_out_of_memory_again_and_again(server: Served) -> None:
    """The kernel kills what runs, and never the server; each time it is told as what it was."""
    with unharmed(server), cgroup_of_its_own(server, "memory") as ours:
        until(server.runners, "the runner that waits for the next run")
        limit_memory(ours, 200 * MIB)
        for _ in range(2):
            failed = server.ended(server.begin("which-pool", **HUNGRY))
            assert (failed["status"], failed["error_code"]) == ("failed", "out-of-memory"), failed["error"]
            assert "want of memory" in failed["error"]
            assert server.api.get("/healthz").status_code == 200


# Lists of half a gigabyte in one process.
HUNGRY = {"workload": "large-arguments", "kinds": ["process"], "sizes": [2], "items": 128, "repeats": 1}


def limit_memory(folder: Path, most: int) -> None:
    """By version 2 of cgroups, or by version 1."""
    file = folder / "memory.max"
    (file if file.exists() else folder / "memory.limit_in_bytes").write_text(str(most))


@contextmanager
def cgroup_of_its_own(server: Served, controller: str) -> Iterator[Path]:
    """A cgroup with a server and all that it starts, below ours; its limits are to be set from outside."""
    home = next(iter(cgroups.folders(controller)), Path("/nowhere"))
    ours = home / f"tested-{server.process.pid}"
    try:
        ours.mkdir()
    except OSError:
        pytest.skip("no cgroup can be made here")
    try:
        if not list(ours.glob(f"{controller}.*")):
            pytest.skip(f"nothing controls {controller} below our cgroup")
        for pid in (server.process.pid, *(process.pid for process in server.processes())):
            (ours / "cgroup.procs").write_text(str(pid))
        yield ours
    finally:
        for left in (ours / "cgroup.procs").read_text().split():
            with suppress(OSError):  # it has ended
                (home / "cgroup.procs").write_text(left)
        until(lambda: not (ours / "cgroup.procs").read_text(), "the end of all in the cgroup")
        ours.rmdir()


def test_starts_without_end_leave_no_more_runs_than_are_allowed() -> None:
    """Two hundred within a moment, of one visitor: others can still start theirs."""
    limits = {"starts_per_minute": "5", "live_of_visitor": "5", "live_limit": "8"}
    with served(demo="true", **limits) as small, unharmed(small), ThreadPoolExecutor(8) as clients:
        params = {"seconds": 0.1, "delay_min": 0, "delay_max": 0.01}
        with httpx.Client(base_url=small.url, timeout=BOUND_S) as visitor:
            visitor.get("/", headers={"Accept": "text/html"})  # for the cookie by which he is known

            def start(_: int) -> int:
                return visitor.post("/api/runs", json={"experiment": "shared-list", "params": params}).status_code

            answers = list(clients.map(start, range(200)))
            assert (answers.count(201), answers.count(429)) == (5, 195)
            until(lambda: not visitor.get("/api/runs", params={"status": "running"}).json(), "the end of all runs")
            assert len(visitor.get("/api/runs").json()) == 5


# A runner as any, but that a shared list of more than a minute is a flood of records instead.
FLOODING = """
import os, sys
sys.path.append({app!r})
from poolscope.experiments.shared_list import body
from poolscope.protocol.records import Printed, to_line
from poolscope.runner.main import main

usual = body.run

def run(context, arguments):
    if arguments.seconds <= 60:
        return usual(context, arguments)
    line = to_line(Printed(1, "stdout", 50_000 * "x")) + b"\\n"
    with context.recorder.quiet(), os.fdopen(int(sys.argv[2]), "wb", closefd=False) as records:
        for _ in range({mib} * 2**20 // len(line)):
            records.write(line)

body.run = run
sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
"""
WITH_THAT_RUNNER = """
from pathlib import Path
from poolscope.runs.scheduler import Scheduler

Scheduler.__init__.__kwdefaults__["runner"] = Path({path!r})
"""


def test_a_gibibyte_of_records_is_cut_off_and_let_go_of(tmp_path: Path) -> None:
    runner = tmp_path / "flooding.py"
    runner.write_text(FLOODING.format(app=str(Path(__file__).resolve().parents[2] / "app"), mib=1024))
    program = f"{WITH_THAT_RUNNER.format(path=str(runner))}\n{PROGRAM}"
    with served(program, records_mib="64") as server, unharmed(server):
        flood = server.ended(server.begin("shared-list", seconds=600))
        assert (flood["status"], flood["error_code"]) == ("failed", "record-limit")
        assert len(lines(server, flood["id"])) >= 64 * 2**20 // 50_100
