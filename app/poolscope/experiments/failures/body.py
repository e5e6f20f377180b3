"""Runs the chosen scenarios one after another, each case in an interpreter of its own that it can't harm us from."""

from __future__ import annotations

from time import perf_counter_ns

from poolscope.experiments.failures.catalogue import cases_of, chosen, key
from poolscope.experiments.failures.run_case import run_case
from poolscope.protocol.arguments import FailuresArguments
from poolscope.protocol.records import Progress
from poolscope.runner.context import RunContext


def run(context: RunContext, arguments: FailuresArguments) -> None:
    """Every case of every chosen scenario; a stop ends the case that runs and leaves the others out."""
    cases = [(name, case) for name in chosen(arguments.scenarios) for case in cases_of(name, arguments.engines)]
    for done, (name, case) in enumerate(cases):
        context.emit(Progress(perf_counter_ns(), done, len(cases), note=key(name, case)))
        run_case(context, name, case, key(name, case), arguments)
        if context.stopping.is_set():
            return
    context.emit(Progress(perf_counter_ns(), len(cases), len(cases)))
