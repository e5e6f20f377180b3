"""Tells how many CPUs this process may really use, and why; what the platform does not say is None, never an error."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys as interpreter
from collections.abc import Sequence
from pathlib import Path

SYSCTL = "/usr/sbin/sysctl"
SYSCTL_LIMIT_S = 5.0
CPUS = Path("devices/system/cpu")  # below /sys


def logical() -> int:
    """The host's CPUs, hyper-threads counted each."""
    return os.cpu_count() or 1


def affinity() -> tuple[int, ...]:
    """The numbers of the CPUs that the scheduler may place us on; empty where the platform does not say."""
    try:
        return tuple(sorted(os.sched_getaffinity(0)))
    except (AttributeError, OSError):
        return ()


def physical(sys: Path = Path("/sys")) -> int | None:
    """The host's cores."""
    # All hyper-threads of a core have the same list of them.
    cores = {_text(file) for file in (sys / CPUS).glob("cpu[0-9]*/topology/thread_siblings_list")}
    known = len(cores - {""})
    return known or _number(_sysctl("hw.physicalcpu"))


def siblings(placed: Sequence[int], sys: Path = Path("/sys")) -> tuple[tuple[int, ...], ...]:
    """These CPUs by the core that they belong to; empty where that is not known of one of them."""
    cores: dict[str, tuple[int, ...]] = {}
    for cpu in placed:
        core = _text(sys / CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list")
        if not core:
            return ()
        cores[core] = (*cores.get(core, ()), cpu)
    return tuple(cores.values())


def usable(affinity: int, quota: float | None = None) -> int:
    """The workers that can run at once: min(affinity, quota), rounded down, at least 1.

    Down, because with a quota of 1.5 the second worker would be throttled for half of the time.
    """
    return max(1, math.floor(affinity if quota is None else min(affinity, quota)))


def usable_why(logical: int, affinity: int, quota: float | None = None, source: str | None = None) -> str:
    """One sentence on what bounds the usable CPUs: the quota, the affinity or nothing."""
    count = f"{usable(affinity, quota)} of {logical}"
    if quota is not None and quota < affinity:
        below_one = ", so even one worker is made to wait" if quota < 1 else ""
        return f"{count}: quota of {_cpus(quota)} from {source}{below_one}"
    if affinity < logical:
        return f"{count}: this process may run on {_cpus(affinity)} (affinity)"
    return f"{count}: neither affinity nor a quota narrows them"


def smt(affinity: int, cores: int) -> str:
    """One sentence on whether the CPUs that we may run on share cores."""
    if cores >= affinity:
        return "none: " + ("it is" if affinity == 1 else f"each of the {affinity} CPUs is") + " a core of its own"
    return f"the {affinity} CPUs are {'one core' if cores == 1 else f'{cores} cores'}: two that share one gain less"


def model(proc: Path = Path("/proc")) -> str | None:
    """The CPU's name as its maker has it."""
    found = re.search(r"^model name\s*:[ \t]*(.+)$", _text(proc / "cpuinfo"), re.MULTILINE)
    return (found[1].strip() if found else _sysctl("machdep.cpu.brand_string")) or None


def frequency_mhz(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> float | None:
    """The present clock rate, the mean over the CPUs."""
    by_policy = [_number(_text(file)) for file in (sys / CPUS / "cpufreq").glob("policy*/scaling_cur_freq")]
    by_cpu = re.findall(r"^cpu MHz\s*:\s*(\d+\.?\d*)$", _text(proc / "cpuinfo"), re.MULTILINE)
    rates = [khz / 1000 for khz in by_policy if khz] or list(map(float, by_cpu))
    return sum(rates) / len(rates) or None if rates else None


def _cpus(count: float) -> str:
    return "1 CPU" if count == 1 else f"{count:.4g} CPUs"


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _sysctl(name: str) -> str:
    """What macOS says of itself; '' elsewhere."""
    if interpreter.platform != "darwin":
        return ""
    try:
        done = subprocess.run([SYSCTL, "-n", name], capture_output=True, text=True, timeout=SYSCTL_LIMIT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
