"""A scheduler in a scratch folder of its own, with real runners or with ones of a test; nothing is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from asyncio import unix_events
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest
from poolscope.protocol.records import Opening, Record, from_line
from poolscope.runs.journal import Journal
from poolscope.runs.process_tree import session
from poolscope.runs.run import Run
from poolscope.runs.scheduler import Scheduler

# A run of the shared list that is over in a moment, and one that goes on until it is stopped.
BRIEF = {"seconds": 0.1, "delay_min": 0, "delay_max": 0.001}
ENDLESS = {"seconds": 600, "delay_min": 0.001, "delay_max": 0.002}

# A runner that does nothing: it takes a run, waits for the command to stop and ends. Every other one varies it.
PATIENT = """
import json, os, sys, time
control, records = os.fdopen(int(sys.argv[1])), int(sys.argv[2])

def say(kind, **fields):
    os.write(records, json.dumps({"kind": kind, "t": 1, **fields}).encode() + b"\\n")

line = control.readline()
if not line:
    sys.exit()
begin = json.loads(line)["value"]
python = {"python": "3", "implementation": "none", "gil": True, "start_method": "fork", "platform": "",
    "clock_resolution_s": 1e-9, "executable": ""}
say("run", utc="", run=begin["run"], experiment=begin["experiment"], arguments=begin["arguments"],
    machine=None, python=python, pid=os.getpid())
"""
UNTIL_STOPPED = """
for line in control:
    if json.loads(line)["name"] == "stop":
        say("end", outcome="stopped")
        break
"""
# One that counts steps until it is told to stop, and one that ends at once.
COUNTS = (
    PATIENT
    + """
import threading
stopped = threading.Event()

def listen():
    for line in control:
        if json.loads(line)["name"] == "stop":
            break
    stopped.set()

threading.Thread(target=listen).start()
added = 0
while True:
    added += 1
    say("result", name="list counts", value={"added": added}, config="")
    if stopped.wait(0.005):
        say("end", outcome="stopped")
        break
"""
)
FINISHES = PATIENT + "say('end', outcome='finished')"


def records(run: Run) -> list[Record]:
    return [from_line(line) for line in run.record_log.lines]


def pid_of(run: Run) -> int:
    """The process id of a run's runner, as it says itself."""
    opening = records(run)[0]
    assert isinstance(opening, Opening)
    return opening.pid


async def until(run: Run, holds: Callable[[Run], object]) -> Run:
    """Wait for something about a run; it looks each time that the run changes."""
    version = run.notifier.version
    while not holds(run):
        assert run.status.live, f"{run.status}: {run.error}"
        version = await run.notifier.newer_than(version)
    return run


async def ended(run: Run) -> Run:
    return await until(run, lambda run: not run.status.live)


async def done(scheduler: Scheduler, run: Run) -> Run:
    """Wait until the scheduler, too, is through with a run: has saved it, and made room for the next."""
    await ended(run)
    version = scheduler.notifier.version
    while run in scheduler.running():
        version = await scheduler.notifier.newer_than(version)
    return run


async def begun(run: Run) -> Run:
    """Wait until a run's runner has said its first word."""
    return await until(run, lambda run: run.record_log.lines)


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder for temporary files, which must be empty in the end; a short path, for sockets are made in it."""
    tmp_path_factory.getbasetemp()  # made at first use, which must not be in here
    with tempfile.TemporaryDirectory(prefix="ps-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


Children = list[asyncio.SubprocessTransport]


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    """The transports of the processes that the test's loop starts."""
    found: Children = []

    class Noted(unix_events._UnixSubprocessTransport):  # type: ignore[misc, name-defined]
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            found.append(self)

    monkeypatch.setattr(unix_events, "_UnixSubprocessTransport", Noted)
    return found


def all_noted(children: Children) -> bool:
    """Whether the exit of each is known and its transport closed; of others Python complains as it collects them."""
    return all(child.get_returncode() is not None and child.is_closing() for child in children)


class OpenScheduler(Protocol):
    def __call__(
        self, program: str = "", path: Path | None = None, **limits: Any
    ) -> AbstractAsyncContextManager[Scheduler]: ...


@pytest.fixture
def open_scheduler(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> OpenScheduler:
    """Opens a scheduler; with `program` its runners run that text. No session of a run outlives it.

    It starts no runner beforehand until a run has ended, or it is told to: most of these would never be needed.
    """
    monkeypatch.setattr("poolscope.runs.scheduler.PREWARM_DELAY_S", 600.0)

    @contextlib.asynccontextmanager
    async def make(program: str = "", path: Path | None = None, **limits: Any) -> AsyncIterator[Scheduler]:
        if program:
            (tmp_path / "runner.py").write_text(program)
            limits["runner"] = tmp_path / "runner.py"
        scheduler = Scheduler(Journal(path or tmp_path / "poolscope.sqlite"), **limits)
        await scheduler.open()
        try:
            yield scheduler
        finally:
            runs = scheduler.store.in_memory()
            await scheduler.close()
        assert [run.id for run in runs if run.status.live] == []
        for run in runs:
            if any(isinstance(record, Opening) for record in records(run)[:1]):  # else it ended before its first word
                assert session(pid_of(run)) == []

    return make


@pytest.fixture
async def scheduler(open_scheduler: OpenScheduler) -> AsyncIterator[Scheduler]:
    async with open_scheduler() as scheduler:
        yield scheduler
