"""Tells how much memory new processes could still take here, and what limits it; None where nobody says."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import psutil

# v1 says 'no limit' with a number near 2**63.
NO_LIMIT = 2**60


def available(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> int | None:
    """Bytes: the least of what the host has free or can free at once, and of what is left in each cgroup above us."""
    left = [limit - used for limit, used in _groups(proc, sys)]
    with contextlib.suppress(OSError, RuntimeError, psutil.Error):
        left.append(psutil.virtual_memory().available)
    return max(min(left), 0) if left else None


def limit(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> int | None:
    """The smallest memory limit of our cgroup and those above it, v2 or v1, in bytes; None where there is none."""
    return min((limit for limit, _ in _groups(proc, sys)), default=None)


def _groups(proc: Path, sys: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of each cgroup that has a limit; what the kernel would give up first is not counted as used."""
    for folder in folders("memory", proc, sys):
        for limited, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            limit = number(folder / limited)
            if limit is not None and limit < NO_LIMIT:
                # v1 counts those below it in a total, v2 always.
                cached = re.findall(r"^(?:total_)?inactive_file (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
                yield limit, max((number(folder / used) or 0) - max(map(int, cached), default=0), 0)


def folders(controller: str, proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> Iterator[Path]:
    """The folders of our cgroup and those above it that can have files of a controller, v2 or v1."""
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers in ("", controller):
            root = sys / "fs" / "cgroup" / controllers
            home = root / path.lstrip("/")
            yield from (folder for folder in (home, *home.parents) if folder.is_relative_to(root))


def number(file: Path) -> int | None:
    """The number in a file; None for 'max', and where there is no such file."""
    text = _text(file).strip()
    return int(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
