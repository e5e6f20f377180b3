"""Finds this process's cgroups, v1, v2 or both, and what they limit; never raises on a file that it can't read.

Follows cgroups(7) and proc_pid_mountinfo(5): /proc/self/cgroup names the cgroup, /proc/self/mountinfo its folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from poolscope.protocol.frozen import frozen

# v1 says 'no limit' of memory with a number near 2**63.
NO_LIMIT = 2**60


@frozen
class CpuQuota:
    """One cgroup's quota in CPUs, the file that says it, and how often the cgroup was throttled since it was made.

    `throttled` is None where cpu.stat can't be read.
    """

    cpus: float
    source: str
    throttled: int | None


@frozen
class MemoryLimit:
    """One cgroup's limit of memory and what counts against it, in bytes; what the kernel would give up first does not.

    That is the page cache of files that nobody uses now.
    """

    limit: int
    used: int


def quotas(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> tuple[CpuQuota, ...]:
    """The CPU quotas from this process's cgroup up to the root that it can see, nearest first.

    All of them bind: a parent's quota holds for its children together. Empty where there is none or none can be read.
    """
    found = (_v2_quota(folder) or _v1_quota(folder) for folder in folders("cpu", proc, sys))
    return tuple(quota for quota in found if quota is not None)


def throttled(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> int | None:
    """How often our quotas made us wait so far: nr_throttled of cpu.stat. Only its rise during a run means something.

    It adds up every cgroup above us that has a quota, since a parent's may bite first where siblings share it.
    None without a quota, or where no counter can be read.
    """
    counts = [quota.throttled for quota in quotas(proc, sys) if quota.throttled is not None]
    return sum(counts) if counts else None


def memory_limits(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> tuple[MemoryLimit, ...]:
    """The limits of memory from this process's cgroup upwards, nearest first. All of them bind."""
    found = []
    for folder in folders("memory", proc, sys):
        for limited, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            limit = _number(folder / limited)
            if limit is not None and limit < NO_LIMIT:
                # v1 counts those below it in a total, v2 always.
                cached = re.findall(r"^(?:total_)?inactive_file (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
                used_up = (_number(folder / used) or 0) - max(map(int, cached), default=0)
                found.append(MemoryLimit(limit, max(used_up, 0)))
    return tuple(found)


def process_limit(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> int | None:
    """The smallest limit of processes and threads of our cgroup and those above it; None where there is none."""
    found = [_number(folder / "pids.max") for folder in folders("pids", proc, sys)]
    return min((limit for limit in found if limit is not None), default=None)


def unified(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> tuple[Path, ...]:
    """The folders of our cgroup of version 2 and those above it, nearest first; the last is the top that we can see.

    Empty where only version 1 is mounted, or ours is outside of what can be seen.
    """
    found: list[Path] = []
    for version, root, point in _mounts("", proc):
        if version == "v2":
            found.extend(_way_up(_homes("", proc).get(version), root, _in(sys, point)))
    return tuple(dict.fromkeys(found))


def event_count(file: Path, event: str) -> int:
    """How often something has happened, by a cgroup's `memory.events` or `pids.events`; 0 where nobody counts it."""
    found = re.search(rf"^{event} (\d+)$", _text(file), re.MULTILINE)
    return int(found[1]) if found else 0


def folders(controller: str, proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> tuple[Path, ...]:
    """The folders of our cgroup and those above it that can hold a controller's files, nearest first, each once."""
    homes = _homes(controller, proc)
    found: dict[Path, None] = {}
    for version, root, point in _mounts(controller, proc):
        found |= dict.fromkeys(_way_up(homes.get(version), root, _in(sys, point)))  # one mounted twice counts once
    return tuple(found)


def _homes(controller: str, proc: Path) -> dict[str, PurePosixPath]:
    """The path of this process's cgroup in the hierarchies that can have the controller, by version."""
    homes: dict[str, PurePosixPath] = {}
    for line in _text(proc / "self" / "cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            homes["v2"] = PurePosixPath(path)
        elif controller in controllers.split(","):
            homes["v1"] = PurePosixPath(path)
    return homes


def _mounts(controller: str, proc: Path) -> Iterator[tuple[str, PurePosixPath, PurePosixPath]]:
    """Version, the cgroup at the top and the mount point of each mounted hierarchy that can have the controller."""
    for line in _text(proc / "self" / "mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        where, kind = left.split(" "), right.split(" ")
        if len(where) < 5:
            continue
        root, point = PurePosixPath(_unescaped(where[3])), PurePosixPath(_unescaped(where[4]))
        if kind[0] == "cgroup2":
            yield "v2", root, point
        elif kind[0] == "cgroup" and controller in kind[-1].split(","):
            yield "v1", root, point


def _way_up(home: PurePosixPath | None, root: PurePosixPath, point: Path) -> Iterator[Path]:
    # A cgroup outside the mount (another subtree, or '..' beyond the cgroup namespace) can't be seen from here, and
    # the limit at the mount's top would be somebody else's.
    if home is None or ".." in home.parts or not home.is_relative_to(root):
        return
    inside = home.relative_to(root)
    for step in (inside, *inside.parents):
        yield point / step


def _in(sys: Path, point: PurePosixPath) -> Path:
    return sys / point.relative_to("/sys") if point.is_relative_to("/sys") else Path(point)


def _v2_quota(folder: Path) -> CpuQuota | None:
    return _quota(_text(folder / "cpu.max").split(), folder / "cpu.max")


def _v1_quota(folder: Path) -> CpuQuota | None:
    source = folder / "cpu.cfs_quota_us"
    return _quota([_text(source).strip(), _text(folder / "cpu.cfs_period_us").strip()], source)


def _quota(words: list[str], source: Path) -> CpuQuota | None:
    """A quota from its time and period in microseconds; None for 'max' (v2), -1 (v1) and whatever is no such pair."""
    if len(words) != 2 or not all(word.isdecimal() and int(word) > 0 for word in words):
        return None
    return CpuQuota(int(words[0]) / int(words[1]), str(source), _throttled(source.with_name("cpu.stat")))


def _throttled(stat: Path) -> int | None:
    found = re.search(r"^nr_throttled (\d+)$", _text(stat), re.MULTILINE)
    return int(found[1]) if found else None


def _number(file: Path) -> int | None:
    """The number in a file; None for 'max', and where there is no such file."""
    text = _text(file).strip()
    return int(text) if text.isdecimal() else None


def _unescaped(field: str) -> str:
    """Undoes mountinfo's octal escapes, such as \\040 for a space."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
