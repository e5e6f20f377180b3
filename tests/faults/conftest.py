"""A served Poolscope, what belongs to one of its runs, and proof that nothing of a run is left."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from poolscope.protocol.records import Contents, Opening, Record, Sample, TaskEvent, from_line
from poolscope.runs.process_tree import session

from tests.served import Served, served
from tests.waiting import until, until_gone

# Long runs of each experiment, whose every process has much to do yet when something happens to it.
LONG: dict[str, dict[str, Any]] = {
    "shared-list": {"producers": 2, "consumers": 2, "delay_min": 0.001, "delay_max": 0.005, "seconds": 600},
    "pool-sizes": {"sizes": [2], "workload": "square-sleep", "work_ms": 20, "repeats": 100, "start_method": "spawn"},
    "factorials": {"first": 4001, "last": 5000, "workers": 2, "kind": "process"},  # last, for it keeps two CPUs busy
}
SHORT: dict[str, dict[str, Any]] = {
    "shared-list": {"delay_min": 0, "delay_max": 0.001, "seconds": 0.2},
    "factorials": {"first": 1, "last": 5, "workers": 2},
    "pool-sizes": {"sizes": [2], "repeats": 2},
}
# Records of work after which a run is in the middle of it.
MIDDLE = {"shared-list": 50, "factorials": 6, "pool-sizes": 1}
WRITTEN_AFTER_NS = 200_000_000  # four batches of the recorder's
SHARED_MEMORY = Path("/dev/shm")
FINISHED: dict[int, str] = {}  # by a server's process id, the run that it finished before anything befell it
MOST_GROWTH = 1.2  # of the server's memory, by whatever befell it


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
    told = live_records(server, run_id)
    opening, *_ = first = [next(told)]
    assert isinstance(opening, Opening)
    with closing(told):
        while sum(map(is_work, first)) < MIDDLE[experiment]:
            first.append(next(told))
        # A record of a later batch, for by then those before are in the journal.
        middle = first[-1].t
        while first[-1].t < middle + WRITTEN_AFTER_NS:
            first.append(next(told))
    runner = psutil.Process(opening.pid)
    return AtWork(run_id, runner, frozenset(name for each in session(runner.pid) for name in memory_of(each)))


def is_work(record: Record) -> bool:
    """Whether it tells of work that is done: a change of the list, a number's factorial, a map through a pool."""
    match record:
        case Contents() | TaskEvent(event="ended"):
            return True
        case Sample(name="map", repetition=repetition, config=config):
            return repetition > 0 and config != "serial"
        case _:
            return False


def live_records(server: Served, run_id: str) -> Generator[Record, None, None]:
    """The records of a live run from the first, as they come."""
    with server.api.stream("GET", f"/api/runs/{run_id}/records") as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                yield from_line(line.removeprefix("data:").strip().encode())
    raise AssertionError(f"{run_id} ended early")


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


@contextmanager
def unharmed(server: Served, experiment: str = "shared-list") -> Iterator[None]:
    """Whatever happens within it, nothing of that is left: no process and no memory; what had finished before is as it
    was, and the next run of the experiment works."""
    if server.process.pid not in FINISHED:
        # Before it first judges times, a server loads SciPy, once and for all.
        FINISHED[server.process.pid] = server.done("pool-sizes", **SHORT["pool-sizes"])
        assert server.api.get("/").status_code == 200  # it has loaded what pages need
    kept = FINISHED[server.process.pid]
    before = server.run(kept), lines(server, kept), server.api.get(f"/runs/{kept}").status_code
    held = server.own_bytes()

    yield
    assert (server.run(kept), lines(server, kept), server.api.get(f"/runs/{kept}").status_code) == before
    works_again(server, experiment)
    until(lambda: len(server.processes()) <= 1, "the end of all but the runner that waits for the next run")
    until(lambda: server.own_bytes() <= MOST_GROWTH * held, "the return of its memory")
