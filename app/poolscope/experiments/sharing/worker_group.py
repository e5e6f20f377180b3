"""Threads or processes that begin together and are stamped: when each began and ended, and what it returned.

    main      start all ──┐                          ┌── collect ── join
    worker 1      up ──── gate ▏began … job … ended ▏ reply
    worker 2         up ─ gate ▏began … job … ended ▏ reply

Starting them is not in the stamps, so a round's time is the time of what the workers do. A stop may break in only while
main waits for them: a process begun and not noted, or a segment made and not registered, would outlive the run.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import connection
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing.catalog import SEPARATOR
from poolscope.machine.processes import exit_description
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools.monitor import ON_REQUEST

LIMIT_S = 60.0

Job = tuple[Callable[..., Any], tuple[Any, ...]]


class Overdue(Exception):
    """Workers did not end in time; the message says how many."""


@dataclass(frozen=True, slots=True)
class WorkerResult:
    """What one worker did between two stamps (perf_counter_ns); `pid` is its process."""

    began: int
    ended: int
    value: Any
    pid: int


def elapsed(stints: Sequence[WorkerResult]) -> int:
    """From the first to begin to the last to end, in nanoseconds."""
    return max(stint.ended for stint in stints) - min(stint.began for stint in stints)


def threads(jobs: Sequence[Job], stage: RunContext | None = None, limit_s: float = LIMIT_S) -> list[WorkerResult]:
    """Run each job in a thread of its own; a stop of `stage` ends the wait. Raises what a job raises, and Overdue."""
    gate = threading.Barrier(len(jobs))
    stints: list[WorkerResult | BaseException | None] = [None] * len(jobs)

    def work(place: int, job: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            gate.wait(limit_s)
            began = perf_counter_ns()
            value = job(*args)
            stints[place] = WorkerResult(began, perf_counter_ns(), value, os.getpid())
        except BaseException as error:  # it is raised again where the result is wanted
            stints[place] = error

    crew = [
        threading.Thread(target=work, args=(place, job, args), name=f"thread {place + 1}", daemon=True)
        for place, (job, args) in enumerate(jobs)
    ]
    for thread in crew:
        thread.start()
    end = time.monotonic() + limit_s
    with stage.interruptible() if stage else nullcontext():
        for thread in crew:
            thread.join(max(0.0, end - time.monotonic()))
    return [done(stint, len(jobs), limit_s) for stint in stints]


def done(stint: WorkerResult | BaseException | None, count: int, limit_s: float) -> WorkerResult:
    if stint is None:
        raise Overdue(f"Of {count} threads some had not ended after {limit_s:g} s.")
    if isinstance(stint, BaseException):
        raise stint
    return stint


def processes(
    stage: RunContext, context: Any, jobs: Sequence[Job], tool: str = "", limit_s: float = LIMIT_S
) -> list[WorkerResult]:
    """Run each job in a process of its own. Raises what a job raises, WorkerDied and Overdue.

    They are on the stage's roster as '`tool` · process 1' and so on. However it is left, no process of it remains.
    """
    gate = context.Barrier(len(jobs))
    ends = [context.Pipe(duplex=False) for _ in jobs]
    crew = [
        context.Process(target=stint_in_process, args=(gate, send, limit_s, job, args), daemon=True)
        for (job, args), (_, send) in zip(jobs, ends, strict=True)
    ]
    begun = []
    try:
        for process in crew:
            begun.append(process)
            process.start()
        with stage.worker_registry.at_work(crew, f"{tool}{SEPARATOR}process {{}}".format, tool):
            return collect(stage, crew, [receive for receive, _ in ends], limit_s)
    finally:
        for process in begun:
            if process.pid is not None:
                if process.exitcode is None:
                    process.kill()
                process.join()
                process.close()
        for pair in ends:
            for end in pair:
                end.close()


def collect(stage: RunContext, crew: Sequence[Any], replies: Sequence[Any], limit_s: float) -> list[WorkerResult]:
    """Each worker's reply, in their order; then every worker has ended.

    Only the waits can be interrupted: an exit code that was read and not noted could not be read again.
    """
    found: dict[int, WorkerResult] = {}
    end = time.monotonic() + limit_s
    while len(found) < len(crew):
        open_ones = [place for place in range(len(crew)) if place not in found]
        waited = [replies[place] for place in open_ones] + [crew[place].sentinel for place in open_ones]
        with stage.interruptible():
            heard = connection.wait(waited, max(0.0, end - time.monotonic()))
        if not heard:
            raise Overdue(f"{len(open_ones)} of {len(crew)} processes had not answered after {limit_s:g} s.")
        for place in open_ones:
            gone = crew[place].exitcode is not None  # looked at first: it may answer and end between two looks
            if replies[place].poll():
                answer = replies[place].recv()
                if isinstance(answer, BaseException):
                    raise bereaved(stage, crew) or answer
                found[place] = answer
            elif gone:
                raise bereaved(stage, crew) or WorkerDied(
                    lost(place, crew, f"{exit_description(crew[place].exitcode)} before it had answered")
                )
    for process in crew:
        with stage.interruptible():
            connection.wait([process.sentinel], max(0.1, end - time.monotonic()))
        process.join(0)
    if died := bereaved(stage, crew):  # with its answer given, but not yet ended
        raise died
    return [found[place] for place in range(len(crew))]


def bereaved(stage: RunContext, crew: Sequence[Any]) -> WorkerDied | None:
    """That one was killed on request, which another may have noticed first; None where nobody was."""
    for place, process in enumerate(crew):
        if process.pid in stage.worker_registry.killed:
            return WorkerDied(lost(place, crew, f"{ON_REQUEST} before its round was over"))
    return None


def lost(place: int, crew: Sequence[Any], how: str) -> str:
    return (
        f"Worker {place + 1} of {len(crew)} (process {crew[place].pid}) {how}. "
        "The round was ended; what was measured before is kept."
    )


def stint_in_process(gate: Any, reply: Any, limit_s: float, job: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """What a worker process runs."""
    try:
        gate.wait(limit_s)
        began = perf_counter_ns()
        value = job(*args)
        reply.send(WorkerResult(began, perf_counter_ns(), value, os.getpid()))
    except Exception as error:
        reply.send(error)
