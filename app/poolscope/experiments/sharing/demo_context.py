"""What a tool's demonstration is given: how much to do, workers, and the means to record what they did."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.catalog import SEPARATOR, SPANS_AN_ACTOR
from poolscope.experiments.sharing.payloads import LockTotals, StepLine
from poolscope.protocol.records import Actor, Result, Span
from poolscope.runner.context import RunContext

MOST_DEMONSTRATED = 2000  # operations; a demonstration is for looking at
POINTS = 600


@dataclass(slots=True)
class DemoContext:
    """One tool's part of a run: how many workers do how much, and how processes are started."""

    run: RunContext
    tool: str
    workers: int
    operations: int
    start_method: str
    spans_left: dict[str, int] = field(default_factory=dict)

    @property
    def start_context(self) -> Any:
        """multiprocessing, with the start method of the run."""
        context = multiprocessing.get_context(self.start_method or None)
        if context.get_start_method() == "forkserver":
            # Without it every worker would import all this after its start.
            context.set_forkserver_preload(["__main__", "poolscope.experiments.sharing.handlers"])
        return context

    @property
    def demonstrated(self) -> int:
        return min(self.operations, MOST_DEMONSTRATED)

    def parts(self, operations: int) -> list[int]:
        """The operations, shared out among the workers."""
        each, rest = divmod(operations, self.workers)
        return [each + (number < rest) for number in range(self.workers)]

    def threads(self, jobs: Sequence[worker_group.Job]) -> list[worker_group.WorkerResult]:
        """Run each job in a thread of its own; the wait for them ends when the run is to stop."""
        return worker_group.threads(jobs, self.run)

    def processes(self, jobs: Sequence[worker_group.Job]) -> list[worker_group.WorkerResult]:
        """The same with processes."""
        return worker_group.processes(self.run, self.start_context, jobs, self.tool)

    def actor(self, name: str, what: str = "thread", pid: int | None = None) -> str:
        """Introduce an actor of the picture and return its whole name."""
        whole = f"{self.tool}{SEPARATOR}{name}"
        self.run.emit(Actor(perf_counter_ns(), whole, "started", what, "worker", pid))
        self.spans_left[whole] = SPANS_AN_ACTOR
        return whole

    def spans(self, actor: str, spans: Iterable[tuple[str, int, int]]) -> None:
        """Record (state, t0, t1) of an actor, in order; of very many only the first are sent, the others counted."""
        left_out = 0
        for state, t0, t1 in spans:
            if self.spans_left[actor] <= 0:
                left_out += 1
                continue
            self.spans_left[actor] -= 1
            self.run.emit(Span(actor, state, t0, t1, lane=self.tool))
        if left_out:
            self.run.recorder.leave_out("span", left_out)

    def step_line(self, label: str, points: Sequence[tuple[int, int]]) -> None:
        """Record a quantity over time as (stamp, value) pairs, thinned out if there are very many."""
        ordered = sorted(points)
        every = -(-len(ordered) // POINTS) or 1
        self.run.emit(Result(perf_counter_ns(), StepLine(label, tuple(ordered[::every])), self.tool))


def totals(actor: str, steps: Sequence[tuple[int, int, int]]) -> LockTotals:
    """The sums of a thread's (asked, got, released) stamps; a wait is counted if it took longer than a free lock."""
    name = actor.rpartition(SEPARATOR)[2]
    waits = [got - asked for asked, got, _ in steps if got - asked > FREE_NS]
    holds = [released - got for _, got, released in steps]
    return LockTotals(name, len(waits), sum(waits) / 1e9, len(holds), sum(holds) / 1e9)


FREE_NS = 5_000  # a lock that nobody holds is had within that, the two stamps included
