"""`poolscope doctor`: what this machine offers, and what stands in the way."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli import options
from app.cli.speech import spoken
from app.measure import cgroups, cpus

EXTRAS = {"uvloop": "a faster event loop", "httptools": "a faster HTTP parser"}
NAMES = re.compile(r"python3(\.\d+t?)?")
ASK_S = 5.0  # a Python that has not said its version by then is left out


def command(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Tell what this machine offers: Python, CPUs, start methods, limits, other Pythons, the data folder, extras."""
    with spoken():
        found = examined(options.read().journal_path)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    for name, text in in_words(found):
        table.add_row(name, text.replace("[", r"\["))
    Console(highlight=False).print(table)


def examined(journal: Path) -> dict[str, Any]:
    """Everything that the command tells, as JSON has it."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "gil": bool(gil),
        "platform": platform.platform(),
        "cpus": asdict(cpus.read()),
        "start_methods": multiprocessing.get_all_start_methods(),
        "start_method": multiprocessing.get_start_method(),
        "cgroup_limits": {
            "cpu": [{"cpus": limit.cpus, "source": limit.source} for limit in cgroups.limits()],
            "memory": limit_of("memory", ("memory.max", "memory.limit_in_bytes")),
            "pids": limit_of("pids", ("pids.max",)),
        },
        "pythons": [{"name": name, "version": version} for name, version in pythons()],
        "data": {"file": str(journal), **access(journal)},
        "extras": {name: importlib.util.find_spec(name) is not None for name in EXTRAS},
    }


def in_words(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same as lines of a table."""
    truth, limits, data = found["cpus"], found["cgroup_limits"], found["data"]
    yield "Python", f"{found['implementation']} {found['python']}, {found['executable']}"
    yield "GIL", "on: one thread computes at a time" if found["gil"] else "off: threads compute at the same time"
    yield "platform", found["platform"]
    yield "CPU", truth["model"] or "not known"
    yield "usable CPUs", truth["why"]
    yield "start methods", ", ".join(found["start_methods"]) + f" (default: {found['start_method']})"
    quotas = ", ".join(f"{each['cpus']:g} CPUs by {each['source']}" for each in limits["cpu"])
    yield "CPU quota", quotas or "none"
    yield "memory limit", f"{limits['memory'] / 2**20:,.0f} MiB" if limits["memory"] else "none"
    yield "process limit", f"{limits['pids']:,}" if limits["pids"] else "none"
    yield "Pythons", ", ".join(f"{each['name']} ({each['version']})" for each in found["pythons"]) or "none on the path"
    yield "data", f"{data['file']}: {'can be written' if data['writable'] else data['why']}"
    for name, what in EXTRAS.items():
        yield name, f"{'installed' if found['extras'][name] else 'not installed'} ({what})"


def access(journal: Path) -> dict[str, Any]:
    """Whether runs can be kept there, tried out without leaving anything behind."""
    folder = next(each for each in journal.absolute().parents if each.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return {"writable": False, "why": f"{folder}: {error.strerror}"}
    if journal.exists() and not os.access(journal, os.R_OK | os.W_OK):
        return {"writable": False, "why": "the file can't be written"}
    return {"writable": True, "why": ""}


def pythons() -> Iterator[tuple[str, str]]:
    """Other Pythons on the path, by name and version: the first of each name that runs, as a shell would find it."""
    folders = [Path(folder) for folder in os.get_exec_path() if Path(folder).is_dir()]
    paths = [path for folder in folders for path in sorted(folder.glob("python3*")) if NAMES.fullmatch(path.name)]
    with ThreadPoolExecutor(8) as at_once:
        versions = at_once.map(version_of, paths)
        found = [(path.name, version) for path, version in zip(paths, versions, strict=True) if version]
    yield from sorted(dict(reversed(found)).items())


def version_of(python: Path) -> str:
    """'3.13.5' or '3.13.5 without GIL'; '' for what is no Python that runs."""
    ask = (
        "import platform, sys; print(platform.python_version(), "
        "'' if getattr(sys, '_is_gil_enabled', lambda: True)() else 'without GIL')"
    )
    try:
        asked = subprocess.run([python, "-I", "-S", "-c", ask], capture_output=True, text=True, timeout=ASK_S)
    except (OSError, subprocess.TimeoutExpired, UnicodeError):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def limit_of(
    controller: str, names: tuple[str, ...], proc: Path = Path("/proc"), sys: Path = Path("/sys")
) -> int | None:
    """The smallest limit of our cgroup and those above it, v2 or v1; None where there is none."""
    found = []
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", controller):
            continue
        root = sys / "fs" / "cgroup" / controllers
        home = root / path.lstrip("/")
        for folder in (home, *home.parents):
            if folder.is_relative_to(root):
                found += [int(text) for name in names if (text := _text(folder / name)).isdecimal()]
    # v1 says 'no limit' with a number near 2**63.
    return min((limit for limit in found if limit < 2**60), default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
