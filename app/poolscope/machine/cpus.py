"""Tells how many CPUs this process may really use, and why; what the platform doesn't say is None, never an error."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from poolscope.machine.cgroups import limits

T = TypeVar("T")
# What psutil lets through on platforms and in sandboxes that lack a figure; any of these means 'not known'.
UNKNOWN = (OSError, RuntimeError, NotImplementedError, AttributeError, ValueError, psutil.Error)


@dataclass(frozen=True)
class CpuTruth:
    """The host's CPUs and what this process may use of them. Counts are CPUs; None means that the platform doesn't say.

    `logical` counts hyper-threads, `physical` cores. `affinity` is how many CPUs the scheduler may place us on;
    `siblings` are those CPUs, core by core (empty: not known), and `smt` says what that means. `quota` is the smallest
    cgroup quota (2.5 = two and a half CPUs' time), from the file `quota_source`. `usable` is the whole number of
    workers that can run at once, at least 1, and `why` says so in a sentence.
    """

    logical: int
    physical: int | None
    affinity: int
    siblings: tuple[tuple[int, ...], ...]
    quota: float | None
    quota_source: str | None
    usable: int
    why: str
    smt: str | None
    model: str | None
    frequency_mhz: float | None


def read(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> CpuTruth:
    """Asks the platform now; never raises on a file that is missing, unreadable or malformed."""
    logical = _known(psutil.cpu_count) or os.cpu_count() or 1
    placed = _known(lambda: psutil.Process().cpu_affinity()) or []
    affinity = len(placed) or logical
    limit = min(limits(proc, sys), key=lambda limit: limit.cpus, default=None)
    quota, source = (limit.cpus, limit.source) if limit else (None, None)
    siblings = _siblings(placed, sys)
    frequency = _known(psutil.cpu_freq)
    return CpuTruth(
        logical=logical,
        physical=_known(lambda: psutil.cpu_count(logical=False)),
        affinity=affinity,
        siblings=siblings,
        quota=quota,
        quota_source=source,
        usable=usable(affinity, quota),
        why=why(logical, affinity, quota, source),
        smt=smt(affinity, len(siblings)) if siblings else None,
        model=_model(proc),
        frequency_mhz=(frequency.current or None) if frequency else None,
    )


def throttled(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> int | None:
    """How often our quotas made us wait so far: nr_throttled of cpu.stat. Only its rise during a run means something.

    It adds up every cgroup above us that has a quota, since a parent's may bite first where siblings share it.
    None without a quota, or where no counter can be read.
    """
    counts = [limit.throttled for limit in limits(proc, sys) if limit.throttled is not None]
    return sum(counts) if counts else None


def usable(affinity: int, quota: float | None = None) -> int:
    """The workers that can run at once: min(affinity, quota), rounded down, at least 1.

    Down, because with a quota of 1.5 the second worker would be throttled for half of the time.
    """
    return max(1, math.floor(affinity if quota is None else min(affinity, quota)))


def why(logical: int, affinity: int, quota: float | None = None, source: str | None = None) -> str:
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


def _cpus(count: float) -> str:
    return "1 CPU" if count == 1 else f"{count:.4g} CPUs"


def _siblings(placed: Sequence[int], sys: Path) -> tuple[tuple[int, ...], ...]:
    """These CPUs by the core that they belong to: all hyper-threads of one have the same list of them."""
    cores: dict[str, tuple[int, ...]] = {}
    for cpu in placed:
        file = sys / "devices" / "system" / "cpu" / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        try:
            core = file.read_text(encoding="utf-8")
        except OSError:
            return ()
        cores[core] = (*cores.get(core, ()), cpu)
    return tuple(cores.values())


def _model(proc: Path) -> str | None:
    try:
        text = (proc / "cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"^model name\s*:[ \t]*(.+)$", text, re.MULTILINE)
    return found[1].strip() or None if found else None


def _known(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except UNKNOWN:
        return None
