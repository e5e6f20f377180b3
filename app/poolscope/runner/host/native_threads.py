"""The libraries of this process that compute in threads of their own, as BLAS and OpenMP do, and how many there are."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from poolscope.protocol.native import LIBRARIES

PROC = Path("/proc/self")


def native_libraries(proc: Path = PROC) -> tuple[str, ...]:
    """The names of those that are loaded, by the files that the process has mapped; () without a /proc."""
    try:
        maps = (proc / "maps").read_text(errors="replace")
    except OSError:
        return ()
    return tuple(name for name, library in LIBRARIES.items() if re.search(library.path, maps))


def native_threads(proc: Path = PROC) -> int | None:
    """How many threads the process has that Python did not start; None without a /proc."""
    try:
        status = (proc / "status").read_text()
    except OSError:
        return None
    found = re.search(r"^Threads:\s+(\d+)", status, re.MULTILINE)
    return max(0, int(found[1]) - threading.active_count()) if found else None
