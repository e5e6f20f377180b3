"""`poolscope doctor`: what this machine offers, and what stands in the way."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from poolscope.cli.output import error_exits
from poolscope.machine import cgroups, cpu_probe, interpreters, memory
from poolscope.machine.facts import read_machine
from poolscope.runs.earlier_journals import earlier_journals
from poolscope.runs.earlier_journals import in_words as earlier_in_words
from poolscope.runs.run_cgroups import find_subtree
from poolscope.settings import Settings, read_settings
from poolscope.text import numbers

EXTRAS = {"uvloop": "a faster event loop", "httptools": "a faster HTTP parser"}
PROBE = Path(cpu_probe.__file__)  # run in a process of its own, for the start method may import the main module again
PROBE_LIMIT_S = 30.0


def command(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Show what this machine offers.

    Python, CPUs, start methods, limits, other Pythons, the data folder and optional extras.
    """
    with error_exits():
        report = examine(read_settings())
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in table_rows(report):
        table.add_row(name, text.replace("[", r"\["))
    Console(highlight=False).print(table)


def examine(settings: Settings) -> dict[str, Any]:
    """Everything that the command tells, as JSON has it. Raises BadParameters for settings that make no sense."""
    found = asyncio.run(interpreters.find(*interpreters.parse_setting(settings.pythons)))
    subtree = find_subtree()
    journal, facts = settings.journal_path, read_machine()
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "gil": bool(gil),
        "platform": platform.platform(),
        "cpus": {
            "usable": facts.usable_cpus,
            "why": facts.usable_cpus_why,
            "logical": facts.logical_cpus,
            "physical": facts.physical_cpus,
            "affinity": facts.affinity_cpus,
            "siblings": facts.siblings,
            "smt": facts.smt,
            "quota": facts.cpu_quota,
            "quota_source": facts.cpu_quota_source,
            "throttled": cgroups.throttled(),
            "model": facts.cpu,
            "frequency_mhz": facts.cpu_frequency_mhz,
            "effective": effective(sorted({1, facts.affinity_cpus})),
        },
        "memory_available": facts.memory_available,
        "start_methods": multiprocessing.get_all_start_methods(),
        "start_method": multiprocessing.get_start_method(),
        "cgroup_limits": {
            "cpu": [{"cpus": quota.cpus, "source": quota.source} for quota in cgroups.quotas()],
            "memory": memory.limit(),
            "pids": cgroups.process_limit(),
        },
        "run_cgroups": {"below": str(subtree.folder) if subtree.folder else None, "why_not": subtree.why_not},
        "pythons": [asdict(python) for python in found],
        "data": {"file": str(journal), **access(journal), "earlier": [str(each) for each in earlier_journals(journal)]},
        "extras": {name: importlib.util.find_spec(name) is not None for name in EXTRAS},
    }


def table_rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same as lines of a table."""
    truth, limits, data = report["cpus"], report["cgroup_limits"], report["data"]
    yield "Python", f"{report['implementation']} {report['python']}, {report['executable']}"
    yield "GIL", "on: one thread computes at a time" if report["gil"] else "off: threads compute at the same time"
    yield "platform", report["platform"]
    known = filter(None, (truth["model"], truth["frequency_mhz"] and numbers.frequency(truth["frequency_mhz"])))
    yield "CPU", ", ".join(known) or "not known"
    physical = truth["physical"] or "an unknown number of"
    yield "CPUs", f"{truth['logical']} on {physical} cores; this process may run on {truth['affinity']}"
    yield "hyper-threads", truth["smt"] or "not known"
    yield "usable CPUs", truth["why"]
    got = [f"{cpus:.2f} with {numbers.count(int(busy), 'busy process')}" for busy, cpus in truth["effective"].items()]
    yield "effective CPUs", (", ".join(got) or "not known") + "; measured just now"
    yield "start methods", ", ".join(report["start_methods"]) + f" (default: {report['start_method']})"
    quotas = ", ".join(f"{each['cpus']:g} CPUs from {each['source']}" for each in limits["cpu"])
    throttled = "" if truth["throttled"] is None else f"; throttled {truth['throttled']:,} times so far"
    yield "CPU quota", f"{quotas}{throttled}" if quotas else "none"
    yield "free memory", numbers.size(report["memory_available"])
    yield "memory limit", numbers.size(limits["memory"]) if limits["memory"] else "none"
    yield "process limit", f"{limits['pids']:,}" if limits["pids"] else "none"
    own = report["run_cgroups"]
    yield "cgroup of a run", f"its own, below {own['below']}" if own["below"] else f"none: {own['why_not']}"
    for each in report["pythons"]:
        if not each["why_not"]:
            yield f"Python {each['label']}", python_in_words(each)
    for each in report["pythons"]:
        if each["why_not"]:
            yield "left out", f"{each['path']}: {each['why_not']}"
    yield "data", f"{data['file']}: {'can be written' if data['writable'] else data['why']}"
    if data["earlier"]:
        yield "earlier runs", earlier_in_words(data["file"], data["earlier"])
    for name, what in EXTRAS.items():
        yield name, f"{'installed' if report['extras'][name] else 'not installed'} ({what})"


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


def effective(numbers: Sequence[int]) -> dict[str, float]:
    """The CPUs that so many spinning processes got, by their number; {} where that could not be measured."""
    program = [sys.executable, "-I", "-S", str(PROBE), *map(str, numbers)]
    try:
        said = subprocess.run(program, capture_output=True, text=True, timeout=PROBE_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    found: dict[str, float] = json.loads(said.stdout)
    return found


def python_in_words(python: dict[str, Any]) -> str:
    """'CPython 3.13.5, free-threaded, GIL off; fork, spawn; /usr/bin/python3.13t'."""
    build = "free-threaded, " if python["free_threaded"] else ""
    gil = f"{build}GIL {'on' if python['gil'] else 'off'}"
    return (
        f"{python['implementation']} {python['version']}, {gil}; {', '.join(python['start_methods'])}; {python['path']}"
    )
