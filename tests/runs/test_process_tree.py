"""A session is killed to the last process, however deep; the resource tracker gets the time to tidy up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from poolscope.runs.process_tree import kill_session, session

FAMILY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.fork()
        break
os.write(1, b".")
while True:
    time.sleep(60)
"""
WITH_TRACKER = """
import os, time
from multiprocessing import resource_tracker, shared_memory
memory = shared_memory.SharedMemory(create=True, size=1)
# Until its exec the tracker looks like its parent.
cmdline = f"/proc/{resource_tracker._resource_tracker._pid}/cmdline"
while b"resource_tracker import main" not in open(cmdline, "rb").read():
    time.sleep(0.001)
os.write(1, memory.name.encode() + b"\\n")
while True:
    time.sleep(60)
"""


@contextmanager
def leader(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a session of its own, as a runner does."""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return os.read(process.stdout.fileno(), 100)


def test_children_and_grandchildren_go_with_the_leader() -> None:
    with leader(FAMILY) as process:
        heard = b""
        while len(heard) < 7:
            heard += said(process)
        assert len(session(process.pid)) == 7
        assert kill_session(process.pid) == 7
        assert session(process.pid) == []


def test_the_exit_code_is_left_to_the_one_who_started_it() -> None:
    with leader(FAMILY) as process:
        said(process)
        kill_session(process.pid)
        assert process.wait() == -9


def test_workers_are_found_when_their_leader_is_gone() -> None:
    with leader(FAMILY) as process:
        said(process)
        process.kill()
        process.wait()
        assert session(process.pid)
        kill_session(process.pid)
        assert session(process.pid) == []


def test_shared_memory_is_unlinked_by_the_tracker_before_it_ends() -> None:
    with leader(WITH_TRACKER) as process:
        name = said(process).decode().strip()
        assert name
        assert kill_session(process.pid) == 2
        assert session(process.pid) == []
        assert not os.path.exists(f"/dev/shm/{name}")  # noqa: PTH110 (an os name of no path of ours)


def test_a_session_that_is_not_there_is_no_error() -> None:
    with leader("pass") as process:
        process.wait()
    assert kill_session(process.pid) == 0
