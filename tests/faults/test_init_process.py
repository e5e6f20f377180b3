"""Poolscope as the first process of a container, in a process namespace of its own; skipped where there can be none."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")

ORPHAN = """
import os, subprocess, sys, time
from pathlib import Path
from poolscope.cli.init_process import fork_if_first

fork_if_first()
subprocess.run([sys.executable, "-c", "import subprocess; subprocess.Popen(['sleep', '0.05'])"])
for _ in range(1000):
    others = [entry.name for entry in Path("/proc").glob("[0-9]*") if int(entry.name) not in (1, os.getpid())]
    if not others:
        break
    time.sleep(0.01)
print(os.getpid() > 1, others)
sys.exit(7)
"""
WAITS = """
import signal
from poolscope.cli.init_process import fork_if_first

fork_if_first()
print("waits", flush=True)
signal.pause()
"""
# The command while it still loads: what it would load next never comes.
LOADS = """
import signal, sys
from types import ModuleType
from poolscope import entry

class Loading(ModuleType):
    def main(self):
        print("loads", flush=True)
        signal.pause()

sys.modules["poolscope.cli"] = Loading("poolscope.cli")
entry.main()
"""


@pytest.fixture(scope="module", autouse=True)
def _allowed() -> None:
    if shutil.which("unshare") is None or subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("no process namespace can be made here")


def test_orphans_are_reaped_and_the_exit_code_is_the_servers() -> None:
    done = subprocess.run([*NAMESPACE, sys.executable, "-c", ORPHAN], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("True []\n", "", 7)


@pytest.mark.parametrize(("program", "says"), [(WAITS, "waits"), (LOADS, "loads")])
def test_a_signal_is_passed_on_and_ends_what_still_loads(program: str, says: str) -> None:
    command = [*NAMESPACE, sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{says}\n"
        (first,) = psutil.Process(process.pid).children()
        first.send_signal(signal.SIGTERM)
        until(lambda: process.poll() is not None, "the end")
        assert process.returncode == 128 + signal.SIGTERM


def test_nobody_else_steps_aside() -> None:
    program = (
        "import os, poolscope.cli.init_process as f; me = os.getpid(); f.fork_if_first(); print(os.getpid() == me)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "True\n"
