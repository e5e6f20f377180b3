"""A served Poolscope, what belongs to one of its runs, and proof that nothing of a run is left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from poolscope.protocol.records import Opening, from_line
from poolscope.runs.process_tree import session

from tests.served import Served, served
from tests.waiting import until, until_gone

# Long runs of each experiment, whose every process has much to do yet when something happens to it.
LONG: dict[str, dict[str, Any]] = {
    "shared-list": {"producers": 2, "consumers": 2, "delay_min": 0.001, "delay_max": 0.005, "seconds": 600},
    "factorials": {"first": 4001, "last": 5000, "workers": 2, "kind": "process"},
    "pool-sizes": {"sizes": [2], "workload": "sum-of-squares", "work_ms": 20, "repeats": 100, "start_method": "spawn"},
}
SHORT: dict[str, dict[str, Any]] = {
    "shared-list": {"delay_min": 0, "delay_max": 0.001, "seconds": 0.2},
    "factorials": {"first": 1, "last": 5, "workers": 2},
    "pool-sizes": {"sizes": [2], "repeats": 2},
}
SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="package")
def server() -> Iterator[Served]:
    """One for the modules that have none of their own; their tests leave it running."""
    with served() as server:
        yield server


@dataclass(frozen=True)
class AtWork:
    """A run in the middle: its runner, and the shared memory that it and its workers hold."""

    id: str
    runner: psutil.Process
    memory: frozenset[str]

    def workers(self) -> list[psutil.Process]:
        """The processes of its pool; multiprocessing's own, which tidies up or forks them, are none of them."""
        others = [process for process in session(self.runner.pid) if process.pid != self.runner.pid]
        return [process for process in others if not is_of_multiprocessing(process, self.runner)]

    def until_nothing_is_left(self) -> None:
        """Wait until its processes, its session and its shared memory are gone."""
        until_gone([self.runner])
        until(lambda: not session(self.runner.pid), "the end of the session")
        until(lambda: not [name for name in self.memory if (SHARED_MEMORY / name).exists()], "the end of its memory")


def begin(server: Served, experiment: str) -> AtWork:
    """Start a long run and wait until it is in the middle of its work."""
    run_id = server.begin(experiment, **LONG[experiment])
    until(lambda: server.run(run_id)["status"] == "running", "the start")
    until(lambda: is_in_the_middle(server.run(run_id)), "the middle of the run")
    shown = server.run(run_id)["state"]
    until(lambda: server.run(run_id)["state"] != shown, "more records, for by then those before are in the journal")
    runner = psutil.Process(opening(server, run_id).pid)
    return AtWork(run_id, runner, frozenset(name for each in session(runner.pid) for name in memory_of(each)))


def is_in_the_middle(run: dict[str, Any]) -> bool:
    state = run["state"]
    match run["experiment"]:
        case "shared-list":
            return bool(state["added"] > 20 and state["removed"] > 20)
        case "factorials":
            return bool(state["done"] > 5)
        case _:
            return any(size["map_s"] and size["map_s"]["samples"] for size in state["sizes"])


def opening(server: Served, run_id: str) -> Opening:
    """The first record of a live run."""
    with server.api.stream("GET", f"/api/runs/{run_id}/records") as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                record = from_line(line.removeprefix("data:").strip().encode())
                assert isinstance(record, Opening)
                return record
    raise AssertionError("no record at all")


def is_of_multiprocessing(process: psutil.Process, runner: psutil.Process) -> bool:
    """Whether it is the resource tracker or the fork server; the server's children look as it does."""
    try:
        command = " ".join(process.cmdline())
        return "resource_tracker" in command or ("forkserver" in command and process.ppid() == runner.pid)
    except psutil.Error:
        return True  # it has ended


def lines(server: Served, run_id: str) -> list[str]:
    """All records of an ended run, as lines."""
    answer = server.api.get(f"/api/runs/{run_id}/records", headers={"Accept": "application/x-ndjson"})
    assert answer.status_code == 200
    return answer.text.splitlines()


def memory_of(process: psutil.Process) -> set[str]:
    """Names in /dev/shm that a process has mapped and that are still there."""
    try:
        maps = Path(f"/proc/{process.pid}/maps").read_text()
    except OSError:
        return set()
    names = set(re.findall(r"/dev/shm/(\S+)$", maps, re.MULTILINE))
    return {name for name in names if (SHARED_MEMORY / name).exists()}


def works_again(server: Served, experiment: str) -> None:
    """The next run of an experiment is as good as any."""
    server.done(experiment, **SHORT[experiment])
