"""What may be asked of a live run beside stopping it: to change its controls, and to have one of its workers killed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from poolscope.errors import BadParameters, NobodyToKill, ParameterError
from poolscope.experiments.parameters import parse
from poolscope.protocol.commands import ChangeControls, KillWorkerProcess
from poolscope.protocol.records import Fault
from poolscope.runs.run import Run
from poolscope.runs.runner_process import Runner

LONGEST_ANSWER = 3.0  # seconds; a runner gives up after two, but may be in the middle of something timed


def change(run: Run, runner: Runner | None, raw: Mapping[str, Any]) -> None:
    """Change the controls of a live run. Raises BadParameters."""
    if run.experiment.controls is None or runner is None or run.end is not None:
        raise BadParameters((ParameterError("", f"Run {run.id} has nothing that can be changed now."),))
    controls = parse(run.experiment.controls, raw)
    wanted = controls.model_dump(exclude_none=True)
    # What stays as it is counts too: a new minimum must not exceed the maximum that is in force.
    in_force = {**run.controls, **{name: value for name, value in wanted.items() if name != "paused"}}
    parse(run.experiment.params, {**run.params.model_dump(), **in_force})
    run.controls = in_force
    runner.send(ChangeControls(**wanted))


async def kill(run: Run, runner: Runner | None, worker: int) -> None:
    """Have worker `worker` killed, now or within two seconds. Raises NobodyToKill; then nobody was."""
    most = run.params.worker_processes
    if runner is None or run.end is not None or run.stopping:
        raise NobodyToKill(f"Run {run.id} is not running now, so it has no worker to kill.")
    if most == 0:
        raise NobodyToKill(f"Run {run.id} has no worker processes. A thread can't be killed, only asked to end.")
    if worker > most:
        raise NobodyToKill(f"Run {run.id} has at most {most} workers at a time; there is no worker {worker}.")
    run.requests += 1
    request = run.requests
    runner.send(KillWorkerProcess(worker, request))
    fault = await answer(run, request)
    if fault is not None and fault.pid is None:
        there = f"it has {fault.of} now" if fault.of else "it has none now"
        raise NobodyToKill(f"Run {run.id} had no worker {worker} when it was asked for; {there}.")
    if fault is None and not run.status.live:
        raise NobodyToKill(f"Run {run.id} ended before worker {worker} could be killed.")


async def answer(run: Run, request: int) -> Fault | None:
    """What came of a request, as the run's records tell it; None when they don't in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_ANSWER):
            while run.status.live and not told(run, request):
                await run.notifier.newer_than(run.notifier.version)
    return told(run, request)


def told(run: Run, request: int) -> Fault | None:
    return next((fault for fault in run.faults if fault.request == request), None)
