"""Reads what this machine offers now: the one place where the server, the terminal and a run's body learn it."""

from __future__ import annotations

import platform
from pathlib import Path

from poolscope.machine import cgroups, cpus, memory
from poolscope.machine.noise import load_average
from poolscope.protocol.payloads import MachineFacts


def read_machine(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> MachineFacts:
    """Ask the platform. Never raises on a file that is missing, unreadable or malformed."""
    logical = cpus.logical()
    placed = cpus.affinity()
    affinity = len(placed) or logical
    quota = min(cgroups.quotas(proc, sys), key=lambda quota: quota.cpus, default=None)
    bound, source = (quota.cpus, quota.source) if quota else (None, None)
    siblings = cpus.siblings(placed, sys)
    return MachineFacts(
        usable_cpus=cpus.usable(affinity, bound),
        usable_cpus_why=cpus.usable_why(logical, affinity, bound, source),
        logical_cpus=logical,
        physical_cpus=cpus.physical(sys),
        affinity_cpus=affinity,
        siblings=siblings,
        smt=cpus.smt(affinity, len(siblings)) if siblings else None,
        cpu_quota=bound,
        cpu_quota_source=source,
        cpu=cpus.model(proc) or platform.machine(),
        cpu_frequency_mhz=cpus.frequency_mhz(proc, sys),
        memory_available=memory.available(proc, sys),
        load_before=load_average(),
    )
