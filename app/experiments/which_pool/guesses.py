"""How long a pass of each arm will about take, before it has been passed: for the time left, never for a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.experiments.which_pool.arms import SENT_TO, SERIAL, Arm, Wanted
from app.runner.kinds import KINDS, lacking
from app.runner.pace import Pace
from app.runner.work import BUILT_IN

UNCOUNTED = 2  # the warm-up and the traced repetition

# Seconds, from measurements on one 2-CPU machine: one message to a worker, and one worker's start.
MESSAGE_S = 1e-4
START_S = {"fork": 0.01, "forkserver": 0.03, "spawn": 0.08}
WORKER_S = {"interpreter": 0.05, "thread": 0.0005}


def pass_s(arm: Arm, preflight: Mapping[str, Any], gil: bool, cpus: int) -> float:
    """Seconds of one pass of an arm, from what the first calls took."""
    call_s, cpu_s = mean(preflight["call_s"]), mean(preflight["cpu_s"])
    waits = cpu_s < call_s / 2
    if arm.kind == SERIAL or (arm.kind == "asyncio" and not waits):
        at_once = 1
    elif waits:
        at_once = arm.size
    else:
        at_once = 1 if arm.kind == "thread" and gil else min(arm.size, cpus)
    count = int(preflight["count"])
    map_s = -(-count // at_once) * call_s
    if arm.kind in SENT_TO:
        message_s = MESSAGE_S + (preflight["pickle_s"] or 0.0)
        return map_s + count * message_s + arm.size * START_S.get(arm.start_method, 0.05)
    return map_s + arm.size * WORKER_S.get(arm.kind, 0.0)


def beforehand(params: Mapping[str, Any], wanted: Wanted, cpus: int) -> Pace:
    """The pace of built-in work before it was looked at, by its row in the table; one that says nothing for others."""
    row = BUILT_IN.get(params["workload"]["name"])
    if row is None:
        return Pace({})
    call_s = (params["work_ms"] or row.work_ms or 0.0) / 1000
    waits = row.nature == "waiting"
    about = {"kinds": {kind: lacking(kind) for kind in KINDS}, "start_method": ""}
    preflight = {
        "count": params["items"] or row.count,
        "coroutine": waits,
        "call_s": [call_s],
        "cpu_s": [0.0 if waits else call_s],
        "pickle_s": 0.0,
    }
    arms = [arm for python in params["pythons"] for arm in wanted.arms(python["label"], about, preflight)]
    passes = {arm.key: params["repeats"] + UNCOUNTED for arm in arms}
    return Pace(passes, {arm.key: pass_s(arm, preflight, gil=True, cpus=cpus) for arm in arms})


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
