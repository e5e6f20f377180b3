"""What a host's Python is and has."""

from __future__ import annotations

import multiprocessing
import platform
import sys
from typing import Any

from poolscope.protocol.kinds import KINDS

# Now: asyncio would else be a part of the first repetition, or be looked for on a user's path by then.
from poolscope.runner.pools import asyncio_ as _  # noqa: F401
from poolscope.runner.pools.kinds import lacking


def description() -> dict[str, Any]:
    """This Python, its start methods (its own first choice apart), and why it has not got a kind (None: it has)."""
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": gil(),
        "executable": sys.executable,
        "start_method": multiprocessing.get_context().get_start_method(),
        "start_methods": multiprocessing.get_all_start_methods(),
        "kinds": {kind: lacking(kind) for kind in KINDS},
    }


def gil() -> bool:
    """Whether threads take turns; a module that is not ready for free threads can bring that back."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())
