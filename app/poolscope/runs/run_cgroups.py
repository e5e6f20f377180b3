"""A cgroup of its own for each run, where this machine has handed us a subtree: the kernel then holds it to its limits.

    subtree                 given to us; holds no process itself, as cgroups(7) demands of one that has limits below it
    ├── server              this process, and whoever was in the subtree with it
    └── poolscope-…-runs    all runs of this server: the budget's memory and processes
        └── sl-0001         one run: what was admitted of it, and its share of the CPUs

Only in a subtree of version 2 that was delegated: by systemd (`Delegate=yes`, which leaves a mark), or as the writable
top of a container. Any other belongs to the service manager, and is left alone, whatever our rights are.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from poolscope.experiments.demand import Demand
from poolscope.machine import cgroups
from poolscope.runs.budget import Breach, ResourceBudget
from poolscope.runs.process_tree import scratch_prefix, was_left_behind
from poolscope.text.numbers import size

PROC, SYS = Path("/proc"), Path("/sys")
SERVER = "server"
NEEDED, USEFUL = ("memory", "pids"), ("cpu",)
# systemd's marks, by a manager with rights to set the first and by any other (systemd.exec(5), CGROUP_DELEGATION.md).
MARKS = ("trusted.delegate", "user.delegate")
# A demand is an estimate of the pages that processes hold. The kernel counts its own tables and buffers for them too,
# and a run that takes somewhat more than was thought harms nobody.
ALLOWANCE = 2
USUAL_WEIGHT, LOW_WEIGHT = 100, 10
PATIENCE_S, LOOK_S = 2.0, 0.01

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Subtree:
    """The subtree that was handed to us, or None and `why_not`, as a clause."""

    folder: Path | None
    why_not: str = ""


def find_subtree(proc: Path = PROC, sys: Path = SYS) -> Subtree:
    """Look where runs may have cgroups of their own; changes nothing."""
    way_up = cgroups.unified(proc, sys)
    if not way_up:
        return Subtree(None, "no cgroup of version 2 is mounted")
    # A server before this one, or systemd's DelegateSubgroup=, has put us into a leaf of what was delegated.
    found = next((each for each in way_up[:2] if _is_delegated(each, top=way_up[-1])), None)
    if found is None:
        return Subtree(None, f"{way_up[0]} was not delegated to us")
    missing = sorted(set(NEEDED) - set(_words(found / "cgroup.controllers")))
    if missing:
        return Subtree(None, f"{found} does not control {' and '.join(missing)}")
    written = (found, found / "cgroup.procs", found / "cgroup.subtree_control")
    if not all(os.access(each, os.W_OK) for each in written):
        return Subtree(None, f"{found} can't be written")
    return Subtree(found)


def _is_delegated(folder: Path, top: Path) -> bool:
    for mark in MARKS:
        with contextlib.suppress(OSError):
            if os.getxattr(folder, mark) == b"1":
                return True
    # The top that we see is a container's own, unless it is the machine's, which alone has no events.
    return folder == top and (folder / "cgroup.events").exists()


class RunCgroups:
    """The cgroups of this server's runs. Until `open` has been called, and where nothing was handed to us, none."""

    def __init__(self, subtree: Subtree) -> None:
        self._subtree = subtree.folder
        self._runs: Path | None = None

    def open(self, budget: ResourceBudget) -> bool:
        """Make what all runs share; returns whether there is any. Blocks for some milliseconds."""
        if self._subtree is None:
            return False
        try:
            clear_cgroups(self._subtree)
            _leave_to_its_leaf(self._subtree)
            _control_below(self._subtree)
            runs = self._subtree / f"{scratch_prefix(os.getpid())}runs"
            runs.mkdir(exist_ok=True)
            _limit(runs, budget.memory, budget.processes)
            _control_below(runs)
        except OSError as refusal:
            log.warning("Runs get no cgroups of their own: %s", refusal)
            return False
        self._runs = runs
        return True

    def enter(self, name: str, pid: int, demand: Demand | None, *, low_priority: bool) -> RunCgroup | None:
        """Put a process into a new cgroup; None where that can't be. Without a demand it has no limit but the budget.

        Blocks: the kernel may take some milliseconds.
        """
        if self._runs is None:
            return None
        folder = self._runs / name
        memory = processes = None
        if demand is not None:
            memory, processes = ALLOWANCE * demand.memory, ALLOWANCE * demand.processes
        weight = LOW_WEIGHT if low_priority else USUAL_WEIGHT
        try:
            folder.mkdir()
            _limit(folder, memory, processes)
            with contextlib.suppress(OSError):  # the CPUs may not be ours to divide
                _write(folder / "cpu.weight", str(weight))
            _write(folder / "cgroup.procs", str(pid))
        except OSError as refusal:
            log.warning("Run %s gets no cgroup of its own: %s", name, refusal)
            with contextlib.suppress(OSError):
                folder.rmdir()
            return None
        return RunCgroup(folder, memory, processes, weight if (folder / "cpu.weight").exists() else None)

    def close(self) -> None:
        """Remove what all runs shared, and what is left below it."""
        if self._runs is not None:
            _remove_all(self._runs)


class RunCgroup:
    """The cgroup of one run, with its limits, None for no other than the budget's."""

    def __init__(self, folder: Path, memory: int | None, processes: int | None, weight: int | None) -> None:
        self.folder = folder
        self.memory, self.processes, self.weight = memory, processes, weight
        self._breach: Breach | None = None

    def as_json(self) -> dict[str, int | None]:
        return {"memory": self.memory, "processes": self.processes, "cpu_weight": self.weight}

    @property
    def breach(self) -> Breach | None:
        """The limit that the kernel has held it to, or that it had no memory for it; None for neither."""
        self._look()
        return self._breach

    def remove(self) -> None:
        """Kill whoever is still in it and remove it. Blocks, for two seconds at most."""
        self._look()
        _remove_all(self.folder)

    def _look(self) -> None:
        """Keep what has happened: the counts go with the folder."""
        events = self.folder / "memory.events"
        if self._breach is None and cgroups.event_count(events, "oom_kill"):
            if self.memory and cgroups.event_count(events, "oom"):
                self._breach = Breach(
                    "memory-limit",
                    f"The kernel ended a process of it, for it wanted more than the {size(self.memory)} of memory that "
                    f"it may have here.",
                )
            else:
                self._breach = Breach(
                    "out-of-memory",
                    "The kernel ended a process of it, for there was no memory left for all that runs here.",
                )
        if self._breach is None and self.processes and cgroups.event_count(self.folder / "pids.events", "max"):
            self._breach = Breach(
                "process-limit",
                f"It wanted more than the {self.processes:,} processes and threads that it may have here.",
            )


def clear_cgroups(subtree: Path) -> None:
    """End and remove what a server left that was killed; those of servers that live are left alone."""
    for folder in subtree.glob("poolscope-*-runs"):
        if was_left_behind(folder):
            _remove_all(folder)


def _leave_to_its_leaf(subtree: Path) -> None:
    """Move all processes of the subtree into a leaf of it: only a cgroup without any can have limits below it."""
    leaf = subtree / SERVER
    for _ in range(10):  # one may be started meanwhile
        pids = _words(subtree / "cgroup.procs")
        if not pids:
            return
        leaf.mkdir(exist_ok=True)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                _write(leaf / "cgroup.procs", pid)


def _control_below(folder: Path) -> None:
    there = _words(folder / "cgroup.controllers")
    wanted = [f"+{each}" for each in (*NEEDED, *USEFUL) if each in there]
    _write(folder / "cgroup.subtree_control", " ".join(wanted))


def _limit(folder: Path, memory: int | None, processes: int | None) -> None:
    if memory is not None:
        _write(folder / "memory.max", str(memory))
        with contextlib.suppress(OSError):  # a kernel without swap has no such file
            _write(folder / "memory.swap.max", "0")
    if processes is not None:
        _write(folder / "pids.max", str(processes))


def _remove_all(folder: Path) -> None:
    """Kill all that is in a cgroup and below it, and remove it once the kernel has let go of them."""
    give_up = time.monotonic() + PATIENCE_S
    while folder.exists() and time.monotonic() < give_up:
        below = [each.parent for each in folder.rglob("cgroup.procs")]
        _kill(folder, below)
        for each in sorted(below, reverse=True):  # a child before its parent
            with contextlib.suppress(OSError):
                each.rmdir()
        if folder.exists():
            time.sleep(LOOK_S)


def _kill(folder: Path, below: list[Path]) -> None:
    try:
        _write(folder / "cgroup.kill", "1")
    except OSError:  # a kernel before 5.14
        for each in below:
            for pid in _words(each / "cgroup.procs"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _write(file: Path, text: str) -> None:
    """Write to a file of the kernel's, never make one."""
    descriptor = os.open(file, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
