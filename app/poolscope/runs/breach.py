"""Why a run is ended that did not end itself; and which one must, where live runs hold more than they may. Pure.

A run may hold more than was estimated as long as there is enough for all: nobody is hurt by that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from poolscope.experiments.demand import Demand
from poolscope.protocol.payloads import FailureCode
from poolscope.runs.budget import ResourceBudget
from poolscope.runs.usage import SessionUsage
from poolscope.text.numbers import duration, size

# A runner that a signal has stopped goes on where that was a moment's business; after so many looks it won't.
SUSPENDED_LOOKS = 5


@dataclass(frozen=True, slots=True)
class Breach:
    """Why a run ended that did not end itself: the kind, where programs can tell, and a sentence."""

    code: FailureCode | None
    sentence: str


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A live run at one look: what it was expected to take, what it holds, for how many looks it was suspended, and how
    many seconds it has lasted."""

    demand: Demand
    usage: SessionUsage
    suspended: int = 0
    lasted_s: float = 0.0


def find_breach(
    runs: Mapping[str, LookedAt], budget: ResourceBudget, cpu_limit_s: float | None, limit_s: float | None = None
) -> tuple[str, Breach] | None:
    """The run that must end, by its id, and why; None where all can go on."""
    for run_id, run in runs.items():
        if run.suspended >= SUSPENDED_LOOKS:
            return run_id, Breach(
                "suspended",
                f"It was ended because a signal had stopped its runner process, which did not go on within "
                f"{SUSPENDED_LOOKS} s.",
            )
        if limit_s is not None and run.lasted_s > limit_s:
            return run_id, Breach(
                "time-limit", f"It was ended after {duration(limit_s)}, which is as long as a run may last here."
            )
        if cpu_limit_s is not None and run.usage.cpu_s > cpu_limit_s:
            return run_id, Breach(
                "cpu-limit",
                f"It was ended after {duration(run.usage.cpu_s)} of CPU time, of which a run may take "
                f"{duration(cpu_limit_s)} here.",
            )
    tasks = sum(run.usage.tasks for run in runs.values())
    if budget.processes is not None and tasks > budget.processes:
        worst = max(runs, key=lambda run_id: runs[run_id].usage.tasks - runs[run_id].demand.processes)
        return worst, Breach(
            "process-limit",
            f"It was ended with {runs[worst].usage.tasks:,} processes and threads, where about "
            f"{runs[worst].demand.processes:,} were expected and all runs may have {budget.processes:,} here.",
        )
    if budget.memory is not None and sum(run.usage.resident for run in runs.values()) > budget.memory:
        held = {run_id: run.usage.shared_once for run_id, run in runs.items()}
        if sum(held.values()) > budget.memory:
            worst = max(runs, key=lambda run_id: held[run_id] - runs[run_id].demand.memory)
            return worst, Breach(
                "memory-limit",
                f"It was ended with {size(held[worst])} of memory, where about {size(runs[worst].demand.memory)} were "
                f"expected and all runs may have {size(budget.memory)} here.",
            )
    return None
