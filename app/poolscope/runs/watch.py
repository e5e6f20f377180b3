"""Looks once a second at what live runs really hold, and kills the one that must end so that the others can go on.

A run may hold more than was estimated as long as there is enough for all: nobody is hurt by that. `usage_of` is the
look, `find_breach` the judgement, which is pure.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path

import psutil

from poolscope.experiments.demand import Demand
from poolscope.machine import memory
from poolscope.runs.budget import Breach, ResourceBudget
from poolscope.runs.run import Run, Status
from poolscope.runs.runner_process import RunnerProcess
from poolscope.text.numbers import duration, size

LOOK_S = 1.0

log = logging.getLogger(__name__)

PROC = Path("/proc")
# A runner that a signal has stopped goes on where that was a moment's business; after so many looks it won't.
SUSPENDED_LOOKS = 5


class RunWatch:
    """Watches the runs that it was given, as long as there are any. `usage` is what the newest look has found, by run.

    `limit_s` is the time that one run may last, `cpu_limit_s` its CPU time, None for any.
    """

    def __init__(self, budget: ResourceBudget, limit_s: float | None, cpu_limit_s: float | None) -> None:
        self.usage: Mapping[str, SessionUsage] = {}
        self._budget = budget
        self._limit_s, self._cpu_limit_s = limit_s, cpu_limit_s
        self._live: dict[str, tuple[Run, RunnerProcess]] = {}
        self._suspended: dict[str, int] = {}
        self._loop: asyncio.Task[None] | None = None

    def add(self, run: Run, runner: RunnerProcess) -> None:
        """Watch a run that has begun, until it is removed."""
        self._live[run.id] = (run, runner)
        if self._loop is None or self._loop.done():
            # Without the context of whose run begins: a log line must not name another's request.
            self._loop = asyncio.create_task(self._follow(), context=Context())

    def remove(self, run: Run) -> None:
        self._live.pop(run.id, None)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.cancel()

    async def _follow(self) -> None:
        while self._live:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except Exception:  # one look that fails must not end the watch
                log.exception("The live runs could not be looked at.")
        self.usage, self._suspended = {}, {}

    async def look(self) -> None:
        """Look once, and end at most one run."""
        live = {run_id: each for run_id, each in self._live.items() if each[0].status is Status.RUNNING}
        found = await asyncio.to_thread(usage_of, [runner.pid for _, runner in live.values()])
        self.usage = {run_id: found[runner.pid] for run_id, (_, runner) in live.items()}
        self._suspended = {
            run_id: self._suspended.get(run_id, 0) + 1 for run_id, usage in self.usage.items() if usage.suspended
        }
        looked_at = {
            run_id: LookedAt(run.demand, self.usage[run_id], self._suspended.get(run_id, 0), run.lasted_s)
            for run_id, (run, _) in live.items()
            if run.breach is None
        }
        breach = await asyncio.to_thread(find_breach, looked_at, self._budget, self._cpu_limit_s, self._limit_s)
        if breach is not None:
            run, runner = live[breach[0]]
            run.breach = breach[1]
            await runner.kill()


@dataclass(frozen=True, slots=True)
class SessionUsage:
    """One session: its processes and threads, and what they hold.

    `resident` counts what several processes share in each of them, so it is too much rather than too little. `cpu_s`
    are the seconds of all that live, and of those that they have waited for. `suspended`: its leader was stopped by a
    signal, and does nothing.
    """

    pids: tuple[int, ...] = ()
    tasks: int = 0
    resident: int = 0
    cpu_s: float = 0.0
    suspended: bool = False

    def with_process(self, pid: int, tasks: int, resident: int, cpu_s: float, suspended: bool) -> SessionUsage:
        return SessionUsage(
            (*self.pids, pid),
            self.tasks + tasks,
            self.resident + resident,
            self.cpu_s + cpu_s,
            self.suspended or suspended,
        )

    @property
    def shared_once(self) -> int:
        """Bytes, what is shared counted once; takes about a millisecond a process. What has ended counts as nothing."""
        total = 0
        for pid in self.pids:
            with suppress(OSError):
                total += memory.held([pid])[1][0]
        return total


def usage_of(leaders: Collection[int], proc: Path = PROC) -> Mapping[int, SessionUsage]:
    """The usage of each session by its leader's process id. Blocks, for about 20 µs a process of the machine."""
    found = dict.fromkeys(leaders, SessionUsage())
    for process in _from_proc(proc) if proc.joinpath("self", "stat").exists() else _from_psutil(leaders):
        session, pid, tasks, resident, cpu_s, suspended = process
        if session in found:
            found[session] = found[session].with_process(pid, tasks, resident, cpu_s, suspended and pid == session)
    return found


Process = tuple[int, int, int, int, float, bool]  # session, pid, tasks, resident, cpu_s, suspended


def _from_proc(proc: Path) -> list[Process]:
    """Not by psutil, which needs several files a process, and ten times as long."""
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            # proc(5): the fields after the command name, which may hold anything, from the third on.
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] != b"Z":
                cpu_s = sum(map(int, fields[11:15])) / tick
                resident = int(fields[21]) * page
                found.append((int(fields[3]), int(entry.name), int(fields[17]), resident, cpu_s, fields[0] == b"T"))
        except (OSError, ValueError, IndexError):
            continue  # it ended while we looked
    return found


def _from_psutil(leaders: Collection[int]) -> list[Process]:
    found = []
    for pid in psutil.pids():
        try:
            session = os.getsid(pid)
            if session in leaders:
                process = psutil.Process(pid)
                suspended = process.status() == psutil.STATUS_STOPPED
                cpu_s, held = sum(process.cpu_times()[:4]), process.memory_info().rss
                found.append((session, pid, process.num_threads(), held, cpu_s, suspended))
        except (OSError, psutil.Error):
            continue
    return found


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A live run at one look: what it was expected to take, what it holds, for how many looks it was suspended, and how
    many seconds it has lasted."""

    demand: Demand
    usage: SessionUsage
    suspended: int = 0
    lasted_s: float = 0.0


def find_breach(
    runs: Mapping[str, LookedAt], budget: ResourceBudget, cpu_limit_s: float | None, limit_s: float | None = None
) -> tuple[str, Breach] | None:
    """The run that must end, by its id, and why; None where all can go on."""
    for run_id, run in runs.items():
        if run.suspended >= SUSPENDED_LOOKS:
            return run_id, Breach(
                "suspended",
                f"It was ended because a signal had stopped its runner process, which did not go on within "
                f"{SUSPENDED_LOOKS} s.",
            )
        if limit_s is not None and run.lasted_s > limit_s:
            return run_id, Breach(
                "time-limit", f"It was ended after {duration(limit_s)}, which is as long as a run may last here."
            )
        if cpu_limit_s is not None and run.usage.cpu_s > cpu_limit_s:
            return run_id, Breach(
                "cpu-limit",
                f"It was ended after {duration(run.usage.cpu_s)} of CPU time, of which a run may take "
                f"{duration(cpu_limit_s)} here.",
            )
    tasks = sum(run.usage.tasks for run in runs.values())
    if budget.processes is not None and tasks > budget.processes:
        worst = max(runs, key=lambda run_id: runs[run_id].usage.tasks - runs[run_id].demand.processes)
        return worst, Breach(
            "process-limit",
            f"It was ended with {runs[worst].usage.tasks:,} processes and threads, where about "
            f"{runs[worst].demand.processes:,} were expected and all runs may have {budget.processes:,} here.",
        )
    if budget.memory is not None and sum(run.usage.resident for run in runs.values()) > budget.memory:
        held = {run_id: run.usage.shared_once for run_id, run in runs.items()}
        if sum(held.values()) > budget.memory:
            worst = max(runs, key=lambda run_id: held[run_id] - runs[run_id].demand.memory)
            return worst, Breach(
                "memory-limit",
                f"It was ended with {size(held[worst])} of memory, where about {size(runs[worst].demand.memory)} were "
                f"expected and all runs may have {size(budget.memory)} here.",
            )
    return None
