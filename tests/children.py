"""Runs an experiment's body in a runner of its own, as the server does, and returns its records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol import codec
from poolscope.protocol.arguments import Arguments
from poolscope.protocol.commands import BeginRun, Command, StopRun
from poolscope.protocol.records import End, Record, from_line

RUNNER = Path(__file__).resolve().parents[1] / "app" / "poolscope" / "runner"


@dataclass
class Child:
    """A runner at work. `say` sends a command on its control channel; `records` reads what it says, line by line."""

    process: subprocess.Popen[str]
    control: int
    records: Iterator[Record]
    seen: list[Record] = field(default_factory=list)

    def say(self, command: Command) -> None:
        os.write(self.control, codec.to_line(command) + b"\n")

    def stop(self) -> None:
        self.say(StopRun())

    def until(self, wanted: Callable[[Record], bool]) -> Record:
        """Read on until a record is the wanted one. Fails when the run ends before."""
        for record in self.records:
            self.seen.append(record)
            if wanted(record):
                return record
        raise AssertionError(f"the run ended without it: {self.seen[-1:]}")

    def to_the_end(self) -> list[Record]:
        """All records, those already read included, once the runner has ended."""
        self.seen.extend(self.records)
        self.process.wait()
        return self.seen


@contextmanager
def runner(experiment: str, asked: Mapping[str, Any] | Arguments, python: str = sys.executable) -> Iterator[Child]:
    """A runner that was asked for one run, by its parameters or arguments; nothing of it is left afterwards."""
    arguments = asked if isinstance(asked, Arguments) else Arguments.decode(experiment, json.loads(json.dumps(asked)))
    begin = BeginRun("test-1", experiment, EXPERIMENTS[experiment].body, arguments)
    control_read, control_write = os.pipe()
    records_read, records_write = os.pipe()
    process = subprocess.Popen(
        [python, "-I", "-S", str(RUNNER), str(control_read), str(records_write)],
        pass_fds=(control_read, records_write),
        start_new_session=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    os.close(control_read)
    os.close(records_write)
    with os.fdopen(records_read, "rb") as lines:
        child = Child(process, control_write, (from_line(line) for line in lines))
        try:
            child.say(begin)
            yield child
        finally:
            os.close(control_write)  # the runner then ends its whole group by itself
            process.wait()


def perform(experiment: str, asked: Mapping[str, Any] | Arguments, python: str = sys.executable) -> list[Record]:
    """All records of one run, from `Opening` to `End`."""
    with runner(experiment, asked, python) as child:
        return child.to_the_end()


def end_of(records: list[Record]) -> End:
    last = records[-1]
    assert isinstance(last, End), f"no end, but {last}"
    return last
