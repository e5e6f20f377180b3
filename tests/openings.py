"""The first record of a run, for tests that fold records of their own."""

from __future__ import annotations

from poolscope.protocol.arguments import Arguments, FailuresArguments
from poolscope.protocol.payloads import MachineFacts, PythonFacts
from poolscope.protocol.records import Opening

ARGUMENTS = FailuresArguments(("thread-queue",), 1.0, 0.5)


def opening(
    experiment: str = "failures",
    t: int = 0,
    *,
    python: str = "3.11.7",
    gil: bool = True,
    start_method: str = "fork",
    machine: MachineFacts | None = None,
    arguments: Arguments = ARGUMENTS,
    pid: int = 4711,
) -> Opening:
    facts = PythonFacts(python, "CPython", gil, start_method, "Linux-6.1", 1e-9, "/usr/bin/python3")
    return Opening(t, "2026-01-01T00:00:00+00:00", "xx-0001", experiment, arguments, machine, facts, pid)


def machine(usable_cpus: int) -> MachineFacts:
    """A machine of which nothing else is known."""
    return MachineFacts(
        usable_cpus=usable_cpus,
        usable_cpus_why="",
        logical_cpus=usable_cpus,
        physical_cpus=None,
        affinity_cpus=usable_cpus,
        siblings=(),
        smt=None,
        cpu_quota=None,
        cpu_quota_source=None,
        cpu="x86_64",
        cpu_frequency_mhz=None,
        memory_available=None,
        load_before=None,
    )
