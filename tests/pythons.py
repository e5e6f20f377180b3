"""Other Pythons of this machine, for the tests of what must run under each of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PLACES = (
    (Path.home() / ".cache" / "poolscope-pythons", ("*/bin", "*/usr/bin")),
    (Path.home() / ".pyenv" / "versions", ("*/bin",)),
)
SAY = "import sys; print('python%d.%d%s' % (*sys.version_info[:2], sys.abiflags))"


@cache
def executable_of(name: str) -> str:
    """The path of the Python called `name`, such as python3.13t. Skips the test where there is none."""
    on_path = shutil.which(name)
    kept = [str(path) for root, folders in PLACES for folder in folders for path in root.glob(f"{folder}/{name}")]
    for path in [on_path, *kept] if on_path else kept:
        # The folder of 3.13t has a python3.13 too, and a shim may start none.
        done = subprocess.run([path, "-c", SAY], capture_output=True, text=True, timeout=20)
        if done.stdout.strip() == name:
            return path
    pytest.skip(f"there is no {name} on this machine")


def made_environment(folder: Path) -> str:
    """The Python of a virtual environment that is made in `folder`, from the Python that ours was made from."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    (folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    return str(folder / "bin" / "python")
