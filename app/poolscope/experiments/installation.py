"""What one installation offers beside what is built in: its user's own work, and other Pythons to run it in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field


def this_python() -> dict[str, str]:
    """The Python that we run in, by the label that it always has: {'3.11': its path}."""
    build = "t" if "t" in getattr(sys, "abiflags", "") else ""
    return {f"{sys.version_info.major}.{sys.version_info.minor}{build}": sys.executable}


@dataclass(frozen=True, slots=True)
class Installation:
    """Set by who starts Poolscope, never by who asks for a run: only what is named here is ever imported or started.

    `workloads` are names of one's own work, place:function@items+setup, imported from `folder` and `path`, which is the
    PYTHONPATH, and done in `working_folder`, where that is another one. `pythons` are paths by label, this one first.
    `searching` says that others are still being looked for. `executors` are factories of executors, place:name, by the
    names that they are offered by; `engines` says whether pools of other packages are. `cluster` is the address of a
    dask scheduler, '' where a run starts its own.
    """

    workloads: tuple[str, ...] = ()
    folder: str = ""
    path: tuple[str, ...] = ()
    pythons: Mapping[str, str] = field(default_factory=this_python)
    searching: bool = False
    working_folder: str = ""
    executors: Mapping[str, str] = field(default_factory=dict)
    engines: bool = True
    cluster: str = ""
