"""How a terminal on this machine calls this very program."""

from __future__ import annotations

import shutil
import sysconfig
from functools import cache
from pathlib import Path

NAME = "poolscope"


@cache
def program() -> str:
    """'poolscope' where PATH leads to this installation of it, else its path: after `make run` it is in `.venv`."""
    script = Path(sysconfig.get_path("scripts")) / NAME
    found = shutil.which(NAME)
    here = found is not None and script.exists() and script.samefile(found)
    return NAME if here or not script.exists() else str(script)
