"""Commands as a shell would call them: most in this process, those that are sent signals in one of their own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from poolscope import cli

from tests.served import PROGRAM

POOLSCOPE = Path(sysconfig.get_path("scripts")) / "poolscope"
ENDLESS = ("shared-list", "-p", "seconds=600", "-p", "delay_min=0.01", "-p", "delay_max=0.02")


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit status, and what it printed."""

    status: int
    out: str
    err: str


Call = Callable[..., Outcome]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder; it exists once something was kept in it."""
    return tmp_path / "data"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path) -> None:
    """Settings of this test alone, in an empty folder; the machine's own Pythons are not looked for."""
    for name in [name for name in os.environ if name.startswith(("POOLSCOPE_", "VIRTUAL_ENV"))]:
        monkeypatch.delenv(name)
    ours = {"POOLSCOPE_DATA": str(data), "POOLSCOPE_PYTHONS": "none", "COLUMNS": "200", "TERM": "dumb"}
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(settings: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls `poolscope` with the given words in this process, and returns once it has ended by itself."""

    def call(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["poolscope", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert isinstance(left.value.code, int)
        return Outcome(left.value.code, *capsys.readouterr())

    return call


@contextmanager
def started(*words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which does not outlive the block; to be used with `settings`.

    `poolscope` alone is the program that is installed. A server that is told more makes nothing ready that needs time.
    """
    command = [sys.executable, "-c", PROGRAM] if words[:1] == ("serve",) else [str(POOLSCOPE)]
    with subprocess.Popen(
        [*command, *words],
        env={**os.environ, **variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = psutil.Process(process.pid).children(recursive=True)
    assert found
    return found


def kept_runs(data: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(data / "poolscope.sqlite")) as journal:
        return journal.execute("SELECT id, status FROM runs ORDER BY number").fetchall()
