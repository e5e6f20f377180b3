"""Cgroups of runs: in a made-up tree where they may be; in a real one, if this machine hands us one, that they hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from poolscope.experiments.demand import Demand
from poolscope.runs.budget import ResourceBudget
from poolscope.runs.process_tree import scratch_prefix
from poolscope.runs.run_cgroups import RunCgroup, RunCgroups, Subtree, clear_cgroups, find_subtree
from poolscope.text.numbers import size

from tests.runs.conftest import PATIENT, OpenScheduler, begun, done

MOUNTED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
MIB = 2**20
GIVEN = find_subtree()
needs_a_subtree = pytest.mark.skipif(GIVEN.folder is None, reason=f"this machine hands us no cgroups: {GIVEN.why_not}")

# Runners that take more than they may.
HUNGRY = PATIENT + "held = [b'x' * 2**20 for _ in range(100_000)]\n"
FORKING = f"""{PATIENT}
import threading
try:
    for _ in range(100_000):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
except RuntimeError as refused:
    say("end", outcome="failed", reason=f"RuntimeError: {{refused}}")
    os._exit(1)
"""


class Tree:
    """A /proc and a /sys with the folders of a process in cgroup `home`, those above it too."""

    def __init__(self, folder: Path, home: str, mounted: str = MOUNTED) -> None:
        self.proc, self.sys = folder / "proc", folder / "sys"
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "self" / "cgroup").write_text(f"0::{home}\n")
        (self.proc / "self" / "mountinfo").write_text(f"{mounted}\n")
        self.top = self.sys / "fs" / "cgroup"
        self.home = self.top / home.lstrip("/")
        self.home.mkdir(parents=True)
        for each in (self.home, *self.home.relative_to(self.top).parents):
            for name, text in (("controllers", "cpu memory pids"), ("procs", ""), ("subtree_control", "")):
                (self.top / each / f"cgroup.{name}").write_text(text)

    def found(self) -> Subtree:
        return find_subtree(self.proc, self.sys)


def test_only_what_was_handed_to_us_is_used(tmp_path: Path) -> None:
    assert Tree(tmp_path / "v1", "/", mounted="").found() == Subtree(None, "no cgroup of version 2 is mounted")
    machine = Tree(tmp_path / "machine", "/")
    assert machine.found() == Subtree(None, f"{machine.home} was not delegated to us")
    session = Tree(tmp_path / "session", "/user.slice/session-1.scope")  # another's, even where we could write it
    assert session.found().folder is None
    container = Tree(tmp_path / "container", "/")
    (container.top / "cgroup.events").write_text("populated 1\n")
    assert container.found() == Subtree(container.top)
    (container.top / "cgroup.controllers").write_text("cpu pids\n")
    assert container.found() == Subtree(None, f"{container.top} does not control memory")


def test_a_delegated_subtree_is_known_by_its_mark_from_its_leaf_too(tmp_path: Path) -> None:
    service = Tree(tmp_path, "/system.slice/poolscope.service/server")
    try:
        os.setxattr(service.home.parent, "user.delegate", b"1")
    except OSError:
        pytest.skip("this file system keeps no extended attributes")
    assert service.found() == Subtree(service.home.parent)


def test_limits_and_the_process_are_written_and_what_the_kernel_counts_is_read(tmp_path: Path) -> None:
    by_the_machine, cgroup = (RunCgroup(tmp_path, memory=64 * MIB, processes=20, weight=10) for _ in range(2))
    assert [by_the_machine.breach] == [None]
    (tmp_path / "memory.events").write_text("max 9\noom 0\noom_kill 1\n")  # by the machine, not for its own limit
    assert by_the_machine.breach is not None
    assert by_the_machine.breach.code == "out-of-memory"
    (tmp_path / "memory.events").write_text("max 9\noom 1\noom_kill 1\n")
    assert cgroup.breach is not None
    assert (cgroup.breach.code, size(64 * MIB) in cgroup.breach.sentence) == ("memory-limit", True)
    other = RunCgroup(tmp_path / "other", memory=None, processes=20, weight=None)
    other.folder.mkdir()
    (other.folder / "pids.events").write_text("max 1\n")
    assert other.breach is not None
    assert (other.breach.code, "20 processes" in other.breach.sentence) == ("process-limit", True)


def test_where_the_kernel_refuses_runs_go_on_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for subtree in (Subtree(None, "whatever"), Subtree(tmp_path)):  # no files of a kernel in either
        groups = RunCgroups(subtree)
        groups.open(ResourceBudget(memory=MIB))
        assert groups.enter("one", os.getpid(), Demand(1, 1, 1), low_priority=True) is None
        groups.close()
    assert "Runs get no cgroups of their own" in caplog.text


@needs_a_subtree
@pytest.mark.parametrize(("program", "code"), [(HUNGRY, "memory-limit"), (FORKING, "process-limit")])
async def test_the_kernel_holds_a_run_to_what_was_admitted(
    open_scheduler: OpenScheduler, program: str, code: str
) -> None:
    assert GIVEN.folder is not None
    async with open_scheduler(program, run_cgroups=RunCgroups(GIVEN)) as scheduler:
        run = await begun(await scheduler.start("shared-list", {}))
        assert run.conditions["cgroup"] == {
            "memory": 2 * run.params.demand.memory,
            "processes": 2 * run.params.demand.processes,
            "cpu_weight": 10,
        }
        await done(scheduler, run)
        assert run.as_json()["error_code"] == code, run.error
        assert run.error
        assert "may have here" in run.error
    assert not list(GIVEN.folder.glob(f"{scratch_prefix(os.getpid())}*"))


@needs_a_subtree
def test_what_a_killed_server_left_is_ended_and_removed() -> None:
    assert GIVEN.folder is not None
    program = (
        "import os, subprocess\n"
        "from poolscope.runs.budget import ResourceBudget\n"
        "from poolscope.runs.run_cgroups import RunCgroups, find_subtree\n"
        "groups = RunCgroups(find_subtree())\n"
        "groups.open(ResourceBudget())\n"
        "child = subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL, start_new_session=True)\n"
        "assert groups.enter('one', child.pid, None, low_priority=False)\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    server = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False)
    (left,) = GIVEN.folder.glob("poolscope-*-runs")
    assert (left / "one" / "cgroup.procs").read_text().split() == server.stdout.split()
    clear_cgroups(GIVEN.folder)
    assert not left.exists()  # the kernel keeps a cgroup in which anything lives
