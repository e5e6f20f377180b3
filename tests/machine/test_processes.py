"""Ending what is left of a process group: who is in it, who is spared, and that real children end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from poolscope.machine.processes import exit_description, is_tracker, members

from tests.waiting import BOUND_S, lives, until_gone

ROOT = Path(__file__).resolve().parents[2]


def process(proc: Path, pid: int, stat: str, command: bytes = b"python\0body.py\0") -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(stat)
    (proc / str(pid) / "cmdline").write_bytes(command)


def test_the_members_of_a_group_are_those_that_live_in_it(tmp_path: Path) -> None:
    process(tmp_path, 10, "10 (python) S 1 10 10 0 -1")
    process(tmp_path, 11, "11 (a worker) 9) S) R 10 10 10 0 -1")
    process(tmp_path, 12, "12 (python) Z 10 10 10 0 -1")
    process(tmp_path, 13, "13 (python) S 10 13 13 0 -1")
    process(tmp_path, 14, "")
    (tmp_path / "15").mkdir()  # it ended while we looked
    (tmp_path / "self").mkdir()
    assert sorted(members(10, tmp_path)) == [10, 11]
    assert members(99, tmp_path) == []


def test_without_proc_nobody_is_found(tmp_path: Path) -> None:
    assert members(10, tmp_path / "none") == []
    assert not is_tracker(10, tmp_path / "none")


def test_only_the_resource_tracker_is_taken_for_it(tmp_path: Path) -> None:
    process(tmp_path, 10, "", b"python\0-c\0from multiprocessing.resource_tracker import main;main(5)\0")
    process(tmp_path, 11, "", b"python\0-c\0from multiprocessing.forkserver import main;main(5)\0")
    process(
        tmp_path, 12, "", b"python\0-c\0from joblib.externals.loky.backend.resource_tracker import main; main(5, 0)\0"
    )
    assert is_tracker(10, tmp_path)
    assert not is_tracker(11, tmp_path)
    assert is_tracker(12, tmp_path)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_we_are_a_member_of_our_own_group() -> None:
    assert os.getpid() in members(os.getpgrp())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "was killed by SIGKILL (by somebody, or by the kernel for want of memory)"),
        (-15, "was killed by SIGTERM"),
        (-70, "was killed by signal 70"),
        (0, "ended with exit code 0"),
        (None, "ended in an unknown way"),
    ],
)
def test_an_exit_code_is_put_into_words(code: int | None, words: str) -> None:
    assert exit_description(code) == words


def test_a_kill_that_the_kernel_has_counted_is_the_kernels() -> None:
    assert exit_description(-9, out_of_memory=True) == "was killed by the kernel for want of memory"
    assert exit_description(-11, out_of_memory=True) == "was killed by SIGSEGV"


PROGRAM = """
import subprocess, sys
sys.path.append(sys.argv[1])
from poolscope.machine.processes import end_group
wait = "import signal; signal.pause()"
here = [subprocess.Popen([sys.executable, "-c", wait]) for _ in range(3)]
deaf = subprocess.Popen([sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); " + wait])
apart = subprocess.Popen([sys.executable, "-c", wait], start_new_session=True)
print(*[child.pid for child in (*here, deaf, apart)], flush=True)
sys.stdin.readline()
end_group()
"""


@contextmanager
def program(own_group: bool) -> Iterator[list[psutil.Process]]:
    """A program that has started four children in its group and one apart, and then has called end_group."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(ROOT / "app")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=own_group,
    ) as leader:
        assert leader.stdin is not None
        assert leader.stdout is not None
        children = [psutil.Process(int(pid)) for pid in leader.stdout.readline().split()]
        try:
            leader.stdin.write("go\n")
            leader.stdin.flush()
            assert leader.wait(BOUND_S) == 1
            yield children
        finally:
            for child in filter(lives, children):
                child.kill()


def test_it_ends_the_children_in_the_group_and_leaves_at_once() -> None:
    with program(own_group=True) as (*inside, apart):
        until_gone(inside)
        assert lives(apart)


def test_a_group_that_somebody_else_leads_is_left_alone() -> None:
    with program(own_group=False) as children:
        assert all(lives(child) for child in children)


def test_a_group_that_has_only_us_is_left_without_a_word() -> None:
    code = "import sys; sys.path.append(sys.argv[1]); from poolscope.machine.processes import end_group; end_group()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "app")],
        start_new_session=True,
        capture_output=True,
        timeout=BOUND_S,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
