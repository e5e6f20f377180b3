"""Counts who used the machine, read between timed regions; what can't be read is None, never an error."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter

from poolscope.machine import cgroups
from poolscope.machine.cpu_clock import ProcessTable, descends, process_table, process_ticks
from poolscope.protocol.frozen import frozen
from poolscope.protocol.payloads import NoiseReading

PROC = Path("/proc")
SYS = Path("/sys")


@frozen
class NoiseCounters:
    """One moment: seconds on `perf_counter`, CPU seconds of the whole host and of us with all descendants so far.

    `throttled` is how often the CPU quota of our cgroups made somebody wait, None without a quota. `server_cpu_s` are
    the CPU seconds of our server and its other runs so far, `server_alone_cpu_s` those of its own process; None where
    they are not known.
    """

    at: float
    host_busy_s: float | None
    own_cpu_s: float | None
    throttled: int | None
    server_cpu_s: float | None = None
    server_alone_cpu_s: float | None = None

    def since(
        self,
        before: NoiseCounters,
        *,
        loop_wall_s: float | None = None,
        loop_cpu_s: float | None = None,
        fixed_loop_s: tuple[float, ...] = (),
    ) -> NoiseReading:
        """What was used between two moments, and what the plain loops and the fixed ones took meanwhile."""
        return NoiseReading(
            wall_s=self.at - before.at,
            host_busy_s=_difference(self.host_busy_s, before.host_busy_s),
            own_cpu_s=_difference(self.own_cpu_s, before.own_cpu_s),
            throttled_before=before.throttled,
            throttled_after=self.throttled,
            host_cpus=os.cpu_count(),
            loop_wall_s=loop_wall_s,
            loop_cpu_s=loop_cpu_s,
            fixed_loop_s=fixed_loop_s,
            server_cpu_s=_difference(self.server_cpu_s, before.server_cpu_s),
            server_alone_cpu_s=_difference(self.server_alone_cpu_s, before.server_alone_cpu_s),
        )


def read_counters(proc: Path = PROC, sys: Path = SYS, *, server: int | None = None) -> NoiseCounters:
    """Read them now, with those of a `server` and its other runs; costs about a millisecond for a hundred processes."""
    table = process_table(proc)  # once for both
    own, of_server = own_cpu_s(proc, table), None if server is None else server_cpu_s(server, proc, table)
    alone = None if server is None else process_cpu_s(server, proc)
    return NoiseCounters(perf_counter(), host_busy_s(proc), own, cgroups.throttled(proc, sys), of_server, alone)


def host_busy_s(proc: Path = PROC) -> float | None:
    """CPU seconds that all of the host's CPUs spent on anything but idling; what a hypervisor took counts too."""
    try:
        fields = (proc / "stat").read_text().split("\n", 1)[0].split()
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[1:9])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def load_average() -> float | None:
    """The load average of the last minute; None where the platform has none."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def own_cpu_s(proc: Path = PROC, table: ProcessTable | None = None) -> float | None:
    """CPU seconds of this process and its descendants, those that ended and were collected included.

    `table` is that of the processes where it has been read already.
    """
    parents, ticks = table or process_table(proc)
    us = os.getpid()
    if us not in ticks:
        return None
    return sum(used for pid, used in ticks.items() if descends(pid, us, parents)) / os.sysconf("SC_CLK_TCK")


def server_cpu_s(server: int, proc: Path = PROC, table: ProcessTable | None = None) -> float | None:
    """CPU seconds of a server and all that it has started, but for this process and its descendants.

    Runs that have ended count with what it has collected of them.
    """
    parents, ticks = table or process_table(proc)
    us = os.getpid()
    if server not in ticks:
        return None
    others = (pid for pid in ticks if descends(pid, server, parents) and not descends(pid, us, parents))
    return sum(ticks[pid] for pid in others) / os.sysconf("SC_CLK_TCK")


def process_cpu_s(pid: int, proc: Path = PROC) -> float | None:
    """CPU seconds of one process, without its children; None where it is gone."""
    ticks = process_ticks(pid, proc)
    return None if ticks is None else ticks / os.sysconf("SC_CLK_TCK")


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
