"""Finds every cgroup (v1, v2 or both) that gives this process a CPU quota, and never raises on what it can't read.

Follows cgroups(7) and proc_pid_mountinfo(5): /proc/self/cgroup names the cgroup, /proc/self/mountinfo its folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Limit:
    """One cgroup's quota in CPUs, the file that says it, and how often the cgroup was throttled since it was made.

    `throttled` is None where cpu.stat can't be read.
    """

    cpus: float
    source: str
    throttled: int | None


def limits(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> tuple[Limit, ...]:
    """The quotas on the way from this process's cgroup up to the root that it can see, nearest first.

    All of them bind: a parent's quota holds for its children together. Empty where there is none or none can be read.
    """
    homes = _homes(proc)
    found: dict[Path, Limit] = {}
    for version, root, point in _mounts(proc):
        for folder in _way_up(homes.get(version), root, _in(sys, point)):
            limit = _v2_limit(folder) if version == "v2" else _v1_limit(folder)
            if limit is not None:
                found[folder] = limit  # a folder mounted twice counts once
    return tuple(found.values())


def _homes(proc: Path) -> dict[str, PurePosixPath]:
    """The path of this process's cgroup in the hierarchies that can carry a CPU quota, by version."""
    homes: dict[str, PurePosixPath] = {}
    for line in _text(proc / "self" / "cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            homes["v2"] = PurePosixPath(path)
        elif "cpu" in controllers.split(","):
            homes["v1"] = PurePosixPath(path)
    return homes


def _mounts(proc: Path) -> Iterator[tuple[str, PurePosixPath, PurePosixPath]]:
    """Version, the cgroup at the top and the mount point of each mounted hierarchy that can hold a CPU quota."""
    for line in _text(proc / "self" / "mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        where, kind = left.split(" "), right.split(" ")
        if len(where) < 5:
            continue
        root, point = PurePosixPath(_plain(where[3])), PurePosixPath(_plain(where[4]))
        if kind[0] == "cgroup2":
            yield "v2", root, point
        elif kind[0] == "cgroup" and "cpu" in kind[-1].split(","):
            yield "v1", root, point


def _way_up(home: PurePosixPath | None, root: PurePosixPath, point: Path) -> Iterator[Path]:
    # A cgroup outside the mount (another subtree, or '..' beyond the cgroup namespace) can't be seen from here, and
    # the quota at the mount's top would be somebody else's.
    if home is None or ".." in home.parts or not home.is_relative_to(root):
        return
    inside = home.relative_to(root)
    for step in (inside, *inside.parents):
        yield point / step


def _in(sys: Path, point: PurePosixPath) -> Path:
    return sys / point.relative_to("/sys") if point.is_relative_to("/sys") else Path(point)


def _v2_limit(folder: Path) -> Limit | None:
    return _limit(_text(folder / "cpu.max").split(), folder / "cpu.max")


def _v1_limit(folder: Path) -> Limit | None:
    source = folder / "cpu.cfs_quota_us"
    return _limit([_text(source).strip(), _text(folder / "cpu.cfs_period_us").strip()], source)


def _limit(words: list[str], source: Path) -> Limit | None:
    """A limit from quota and period in microseconds; None for 'max' (v2), -1 (v1) and whatever is no such pair."""
    if len(words) != 2 or not all(word.isdecimal() and int(word) > 0 for word in words):
        return None
    return Limit(int(words[0]) / int(words[1]), str(source), _throttled(source.with_name("cpu.stat")))


def _throttled(stat: Path) -> int | None:
    found = re.search(r"^nr_throttled (\d+)$", _text(stat), re.MULTILINE)
    return int(found[1]) if found else None


def _plain(field: str) -> str:
    """Undoes mountinfo's octal escapes, such as \\040 for a space."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
