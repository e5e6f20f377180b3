"""Runs the chosen scenarios one after another, each case but one in an interpreter that it can't harm us from."""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns

from poolscope.experiments.failures import by_hand
from poolscope.experiments.failures.catalogue import BY_HAND, cases_of, chosen, key
from poolscope.experiments.failures.run_case import run_case
from poolscope.protocol.arguments import FailuresArguments
from poolscope.protocol.records import Progress
from poolscope.runner.context import RunContext


def run(context: RunContext, arguments: FailuresArguments) -> None:
    """Every case of every chosen scenario; a stop ends the case that runs and leaves the others out."""
    cases = [(name, case) for name in chosen(arguments.scenarios) for case in cases_of(name, arguments.engines)]
    for done, (name, case) in enumerate(cases):
        context.emit(Progress(perf_counter_ns(), done, len(cases), note=key(name, case)))
        if name == BY_HAND:
            by_hand.run(context, arguments.wait, partial(_tell_wait, context, done, len(cases)))
        else:
            run_case(context, name, case, key(name, case), arguments)
        if context.stopping.is_set():
            return
    context.emit(Progress(perf_counter_ns(), len(cases), len(cases)))


def _tell_wait(context: RunContext, done: int, cases: int, seconds_left: float) -> None:
    """Say how long the run still waits for somebody."""
    context.emit(Progress(perf_counter_ns(), done, cases, seconds_left, key(BY_HAND, "")))
