"""What a live run can be told beside to stop: to change its controls, and to have one of its workers killed."""

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
from poolscope.runs.runner_process import RunnerProcess

ANSWER_LIMIT_S = 3.0  # seconds; a runner gives up after two, but may be in the middle of something timed


def change_controls(run: Run, runner: RunnerProcess | None, raw: Mapping[str, Any]) -> None:
    """Change the controls of a live run. Raises BadParameters."""
    if run.experiment.controls is None or runner is None or run.end is not None:
        raise BadParameters((ParameterError("", f"Run {run.id} has nothing that can be changed now."),))
    controls = parse(run.experiment.controls, raw)
    changes = controls.model_dump(exclude_none=True)
    # What stays as it is counts too: a new minimum must not exceed the maximum that is in force.
    in_force = {**run.controls, **{name: value for name, value in changes.items() if name != "paused"}}
    parse(run.experiment.params, {**run.params.model_dump(), **in_force})
    run.controls = in_force
    runner.send(ChangeControls(**changes))


async def kill_worker(run: Run, runner: RunnerProcess | None, worker: int) -> None:
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
    fault = await answer_to(run, request)
    if fault is not None and fault.pid is None:
        others = f"it has {fault.of} now" if fault.of else "it has none now"
        raise NobodyToKill(f"Run {run.id} had no worker {worker} when it was asked for; {others}.")
    if fault is None and not run.status.live:
        raise NobodyToKill(f"Run {run.id} ended before worker {worker} could be killed.")


async def answer_to(run: Run, request: int) -> Fault | None:
    """The record that answers a request; None when none comes in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_LIMIT_S):
            while run.status.live and not _find_fault(run, request):
                await run.notifier.newer_than(run.notifier.version)
    return _find_fault(run, request)


def _find_fault(run: Run, request: int) -> Fault | None:
    return next((fault for fault in run.faults if fault.request == request), None)
