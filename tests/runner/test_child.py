"""The runner as the server starts it: one run by the standard library alone, and nothing outlives its channel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from poolscope.protocol import codec
from poolscope.protocol.commands import BeginRun, ChangeControls, Command, StopRun
from poolscope.protocol.records import End, Failure, Opening, Printed, Progress, Record, Result, from_line

from tests.runner.bodies import BodyArguments, Said
from tests.waiting import BOUND_S, until_gone

ROOT = Path(__file__).resolve().parents[2]
BODIES = sorted(
    ".".join(file.relative_to(ROOT / "app").with_suffix("").parts)
    for file in (ROOT / "app/poolscope/experiments").glob("*/body.py")
)


class Runner:
    """A runner at work, with both ends of its channels."""

    def __init__(self) -> None:
        control_read, self.control = os.pipe()
        records_read, records_write = os.pipe()
        self.channels = {str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in (control_read, records_write)}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                str(ROOT / "tests" / "runner" / "program.py"),
                str(control_read),
                str(records_write),
                "tests.runner.bodies",  # its arguments are no part of the package, so a command can't be read without
            ],
            pass_fds=(control_read, records_write),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.close(control_read)
        os.close(records_write)
        self.lines = os.fdopen(records_read, "rb")
        self.seen: list[Record] = []

    def say(self, command: Command) -> None:
        os.write(self.control, codec.to_line(command) + b"\n")

    def ask(self, body: str, arguments: BodyArguments) -> None:
        self.say(BeginRun("te-1", "test", body, arguments))

    def until(self, name: str) -> Result:
        for line in self.lines:
            record = from_line(line)
            self.seen.append(record)
            if isinstance(record, Result) and isinstance(record.payload, Said) and record.payload.name == name:
                return record
        raise AssertionError(f"ended without {name}: {self.seen}")

    def to_the_end(self) -> list[Record]:
        self.seen.extend(from_line(line) for line in self.lines)
        self.process.wait(BOUND_S)
        return self.seen

    def close(self) -> None:
        if self.control >= 0:
            os.close(self.control)
            self.control = -1


@contextmanager
def runner(do: str = "", **arguments: Any) -> Iterator[Runner]:
    started = Runner()
    try:
        if do:
            started.ask("tests.runner.bodies", BodyArguments(do, **arguments))
        yield started
    finally:
        started.close()
        started.process.communicate(timeout=BOUND_S)
        started.lines.close()


def values(records: list[Record], name: str) -> list[Any]:
    payloads = [record.payload for record in records if isinstance(record, Result)]
    return [said.value for said in payloads if isinstance(said, Said) and said.name == name]


def value(records: list[Record], name: str) -> Any:
    return values(records, name)[0]


def test_a_run_begins_with_an_opening_and_ends_with_an_end() -> None:
    with runner("nothing", n=3) as child:
        opening, *middle, end = child.to_the_end()
    assert isinstance(opening, Opening)
    assert (opening.run, opening.experiment, opening.pid) == ("te-1", "test", child.process.pid)
    assert opening.arguments == BodyArguments("nothing", n=3)
    assert opening.python.executable == sys.executable
    assert value(middle, "n") == 3
    assert isinstance(end, End)
    assert (end.outcome, end.reason) == ("finished", "")
    assert child.process.returncode == 0


def test_a_spare_that_is_not_needed_ends_without_a_word() -> None:
    with runner() as child:
        child.close()
        assert child.to_the_end() == []
        assert child.process.returncode == 0


@pytest.mark.parametrize("do", ["wait", "wait twice"])
def test_a_stop_ends_the_run_as_stopped(do: str) -> None:
    with runner(do) as child:
        child.until("waiting")
        child.say(StopRun())
        *records, end = child.to_the_end()
    assert isinstance(end, End)
    assert end.outcome == "stopped"
    assert child.process.returncode == 0
    assert not [record for record in records if isinstance(record, Failure)]
    if do == "wait twice":
        assert value(records, "cleaned up")


def test_a_second_stop_changes_nothing() -> None:
    with runner("wait twice") as child:
        child.until("waiting")
        for _ in range(3):
            child.say(StopRun())
        end = child.to_the_end()[-1]
    assert isinstance(end, End)
    assert end.outcome == "stopped"


def test_changes_arrive_in_order_while_it_runs() -> None:
    with runner("obey") as child:
        child.until("waiting")
        for number in range(5):
            child.say(ChangeControls(delay_min=number))
        child.say(StopRun())
        records = child.to_the_end()
    changed = values(records, "changed")
    assert changed == list(range(5))


def test_a_body_that_fails_ends_the_run_as_failed_with_its_traceback_and_keeps_what_was_recorded() -> None:
    with runner("fail") as child:
        *records, end = child.to_the_end()
    assert isinstance(end, End)
    assert (end.outcome, end.reason) == ("failed", "ValueError: the body is broken")
    failure = next(record for record in records if isinstance(record, Failure))
    assert (failure.type, failure.message) == ("ValueError", "the body is broken")
    assert "in fail" in failure.traceback
    assert any(isinstance(record, Progress) for record in records)
    assert child.process.returncode == 1


def test_an_unknown_body_is_a_failed_run_with_a_traceback() -> None:
    with runner() as child:
        child.ask("poolscope.experiments.nowhere.body", BodyArguments())
        *records, end = child.to_the_end()
    assert isinstance(end, End)
    assert end.outcome == "failed"
    assert end.reason.startswith("ModuleNotFoundError: ")
    failure = next(record for record in records if isinstance(record, Failure))
    assert "import_module" in failure.traceback


def test_what_a_body_prints_can_not_be_taken_for_a_record() -> None:
    with runner("print") as child:
        *records, end = child.to_the_end()
        assert child.process.stdout is not None
        output = child.process.stdout.read()
    assert isinstance(end, End)
    assert end.outcome == "finished"
    assert sum(isinstance(record, Progress) for record in records) == 1_000
    told = output + b"".join(record.text.encode() for record in records if isinstance(record, Printed))
    assert told.count(b'"outcome":"finished"') == 1_000


def test_a_closed_channel_ends_the_runner_and_its_forked_children_even_deaf_ones() -> None:
    with runner("fork", children=4) as child:
        child.until("waiting")
        pids = [found["pid"] for found in values(child.seen, "child")]
        children = [psutil.Process(pid) for pid in pids]
        assert len(children) == 4
        child.close()
        assert child.process.wait(BOUND_S) == 1
        until_gone(children)


def test_a_killed_runner_leaves_a_channel_that_no_child_holds_open() -> None:
    with runner("fork", children=2) as child:
        child.until("waiting")
        pids = [found["pid"] for found in values(child.seen, "child")]
        child.process.kill()
        # The pipe ends although the children are still there, so the server learns of the death at once.
        child.to_the_end()
        for pid in pids:
            psutil.Process(pid).kill()
        until_gone([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_forked_child_does_not_hold_the_channels() -> None:
    with runner("fork", children=2) as child:
        child.until("waiting")
        assert child.channels <= set(value(child.seen, "own descriptors").values())
        for found in values(child.seen, "child"):
            assert not child.channels & set(found["descriptors"].values())


def test_every_body_runs_on_the_standard_library_and_the_records_alone() -> None:
    assert len(BODIES) >= 1
    with runner("modules", bodies=tuple(BODIES)) as child:
        records = child.to_the_end()
    modules = value(records, "modules")
    allowed = (
        "poolscope",
        "poolscope.errors",
        "poolscope.runner",
        "poolscope.experiments",
        "tests",
        "tests.runner",
    )
    for module in modules:
        room, _, _ = module.partition(".")
        if room == "tests":
            assert module in (*allowed, "tests.runner.bodies")
        elif room == "poolscope":
            own = module.startswith(
                tuple(
                    f"poolscope.{part}"
                    for part in ("runner.", "experiments.", "protocol", "machine", "workloads", "examples")
                )
            )
            assert module in allowed or own
            assert not module.endswith((".params", ".state", "poolscope.experiments.registry"))
        else:
            assert room in sys.stdlib_module_names or module in ("__main__", "__mp_main__")
    assert "asyncio" not in modules, "a third of the time to start, and a runner has no use for it"
    flags = value(records, "flags")
    assert (flags["isolated"], flags["no_site"]) == (1, 1)
    assert flags["path"][-1] == str(ROOT / "app")
    assert str(ROOT / "app" / "poolscope" / "runner") not in flags["path"]


def test_a_thread_that_somebody_left_behind_does_not_keep_the_runner() -> None:
    with runner("leave a thread") as child:
        end = child.to_the_end()[-1]
        assert isinstance(end, End)
        assert end.outcome == "finished"
        child.process.wait(BOUND_S)
