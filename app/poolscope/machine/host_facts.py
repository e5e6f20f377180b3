"""What this run may use of the machine: CPUs, which of them share a core, and memory; what can't be read is None."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from poolscope.machine.noise import our_cgroups

PROC = Path("/proc")
CPUS = Path("/sys/devices/system/cpu")
CGROUPS = Path("/sys/fs/cgroup")
# Limit and use, below a mount: cgroup v2, then v1.
LIMITS = (("", "memory.max", "memory.current"), ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"))


def machine() -> dict[str, Any]:
    return {
        "usable_cpus": len(usable_cpus()),
        "host_cpus": os.cpu_count(),
        "siblings": siblings(usable_cpus()),
        "memory_available": memory_available(),
    }


def usable_cpus() -> list[int]:
    """The CPUs that we may be scheduled on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def siblings(usable: list[int], folder: Path = CPUS) -> list[list[int]] | None:
    """The usable CPUs by the core that they are on."""
    cores: dict[str, list[int]] = {}
    try:
        for cpu in usable:
            core = (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
            cores.setdefault(core, []).append(cpu)
    except OSError:
        return None
    return list(cores.values())


def memory_available(proc: Path = PROC, cgroups: Path = CGROUPS) -> int | None:
    """Bytes that can be had without swapping: of the machine, or of the tightest of our cgroups where that is less."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", (proc / "meminfo").read_text(), re.MULTILINE)
    except OSError:
        return None
    if found is None:
        return None
    left = [int(found[1]) * 1024]
    for home in our_cgroups(proc, "memory"):
        for step in (home, *home.parents):
            for mount, limit, used in LIMITS:
                folder = cgroups / mount / str(step).lstrip("/")
                try:
                    left.append(int((folder / limit).read_text()) - int((folder / used).read_text()))
                except (OSError, ValueError):  # there is none here, or it is 'max'
                    continue
    return max(0, min(left))
