"""How long a pass of each arm will about take, before it has been passed: for the time left, never for a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poolscope.experiments.pool_benchmark.plan import SENT_TO, Configuration, Wanted
from poolscope.protocol.kinds import KINDS, SERIAL
from poolscope.runner.pools.kinds import lacking
from poolscope.runner.progress import ProgressEstimator
from poolscope.workloads.catalog import WORKLOADS

UNCOUNTED = 2  # the warm-up and the traced repetition

# Seconds, from measurements on one 2-CPU machine: one message to a worker, and one worker's start.
MESSAGE_S = 1e-4
START_S = {"fork": 0.01, "forkserver": 0.03, "spawn": 0.08}
WORKER_S = {"interpreter": 0.05, "thread": 0.0005}


def pass_s(config: Configuration, preflight: Mapping[str, Any], gil: bool, cpus: int) -> float:
    """Seconds of one pass of an arm, from what the first calls took."""
    call_s, cpu_s = mean(preflight["call_s"]), mean(preflight["cpu_s"])
    waits = cpu_s < call_s / 2
    if config.kind == SERIAL or (config.kind == "asyncio" and not waits):
        at_once = 1
    elif waits:
        at_once = config.size
    else:
        at_once = 1 if config.kind == "thread" and gil else min(config.size, cpus)
    count = int(preflight["count"])
    map_s = -(-count // at_once) * call_s
    if config.kind in SENT_TO:
        message_s = MESSAGE_S + (preflight["pickle_s"] or 0.0)
        return map_s + count * message_s + config.size * START_S.get(config.start_method, 0.05)
    return map_s + config.size * WORKER_S.get(config.kind, 0.0)


def beforehand(params: Mapping[str, Any], wanted: Wanted, cpus: int) -> ProgressEstimator:
    """The pace of built-in work before it was looked at, by its row in the table; one that says nothing for others."""
    row = WORKLOADS.get(params["workload"]["name"])
    if row is None:
        return ProgressEstimator({})
    call_s = (params["work_ms"] or row.work_ms or 0.0) / 1000
    waits = bool(row.waits)
    about = {"kinds": {kind: lacking(kind) for kind in KINDS}, "start_method": ""}
    preflight = {
        "count": params["items"] or row.count,
        "coroutine": waits,
        "call_s": [call_s],
        "cpu_s": [0.0 if waits else call_s],
        "pickle_s": 0.0,
    }
    configs = [config for python in params["pythons"] for config in wanted.configs(python["label"], about, preflight)]
    passes = {config.key: params["repeats"] + UNCOUNTED for config in configs}
    return ProgressEstimator(passes, {config.key: pass_s(config, preflight, gil=True, cpus=cpus) for config in configs})


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
