"""How long a repetition of each configuration takes, roughly, before one has been timed.

For the time left and for refusing absurd plans, never for a result. Pure, standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from poolscope.experiments.pool_benchmark.plan import UNCOUNTED
from poolscope.protocol.kinds import COPIES_ITEMS, IN_PROCESSES, SERIAL
from poolscope.protocol.payloads import PlannedConfiguration, TrialReport

# Seconds, from measurements on one 2-CPU machine: one message to a worker, and the start of one worker.
MESSAGE_S = 1e-4
WORKER_S = {"fork": 0.01, "forkserver": 0.03, "spawn": 0.08}
UNKNOWN_WORKER_S = 0.05  # where the start method is the platform's own
# dask's stay for the run, which pays once for them: a repetition connects, and each worker imports what it needs.
ENGINE_WORKER_S = {"loky": 0.2, "joblib": 0.4, "dask": 0.1}
IN_PROCESS_WORKER_S = {"interpreter": 0.05, "thread": 0.0005}


@dataclass(frozen=True, slots=True)
class WorkCost:
    """What is assumed of a work: how many items, the seconds of one call, of pickling one item and its result, and
    of pickling the function, which every message carries."""

    items: int
    call_s: float
    waits: bool
    pickle_s: float = 0.0
    function_s: float = 0.0

    @classmethod
    def of_trial(cls, trial: TrialReport) -> WorkCost:
        call_s, cpu_s = (fmean(times) if times else 0.0 for times in (trial.call_s, trial.cpu_s))
        return cls(
            trial.count,
            call_s,
            waits=cpu_s < call_s / 2,
            pickle_s=trial.pickle_s or 0.0,
            function_s=trial.parcel.seconds if trial.parcel else 0.0,
        )


def shortest_call_s(trial: TrialReport) -> float:
    """Seconds of the shortest call that did its work: the very first one may have been long for other reasons."""
    remembered = trial.remembered is not None and trial.remembered.how in ("per item", "per object")
    return min(trial.call_s if remembered else (*trial.call_s, *trial.again_s))


def repetition_s(config: PlannedConfiguration, cost: WorkCost, *, gil: bool, cpus: int) -> float:
    """Seconds of one repetition, start-up and shutdown included."""
    map_s = -(-cost.items // _at_once(config, cost, gil, cpus)) * cost.call_s
    if config.kind in (SERIAL, "asyncio"):
        return map_s
    carried_s = cost.function_s if config.kind in COPIES_ITEMS else 0.0
    messages_s = cost.items / config.chunk_used * (MESSAGE_S + carried_s)
    if config.kind in IN_PROCESSES:
        worker_s = ENGINE_WORKER_S.get(config.kind) or WORKER_S.get(config.start_method, UNKNOWN_WORKER_S)
        replaced = cost.items // (config.chunk_used * config.max_tasks) if config.max_tasks else 0
        return map_s + messages_s + cost.items * cost.pickle_s + (config.size + replaced) * worker_s
    return map_s + messages_s + config.size * IN_PROCESS_WORKER_S[config.kind]


def _at_once(config: PlannedConfiguration, cost: WorkCost, gil: bool, cpus: int) -> int:
    """How many items are in work at the same time."""
    if config.kind == SERIAL or (config.kind == "asyncio" and not cost.waits):
        return 1
    if cost.waits:
        return config.size
    return 1 if config.kind == "thread" and gil else min(config.size, cpus)


def run_s(
    configs: Iterable[PlannedConfiguration], cost: WorkCost, repeats: int, *, gil: bool = True, cpus: int
) -> float:
    """Seconds of a whole run."""
    return sum(repetition_s(config, cost, gil=gil, cpus=cpus) for config in configs) * (repeats + UNCOUNTED)
