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
from poolscope.runner.context import PlainFailure, RunContext, WorkerDied
from poolscope.runner.pools.monitor import ON_REQUEST

LIMIT_S = 60.0

Job = tuple[Callable[..., Any], tuple[Any, ...]]


class Overdue(PlainFailure):
    """Workers did not end in time; the message says how many."""


@dataclass(frozen=True, slots=True)
class WorkerResult:
    """What one worker did between two stamps (perf_counter_ns); `pid` is its process."""

    began: int
    ended: int
    value: Any
    pid: int


def elapsed(results: Sequence[WorkerResult]) -> int:
    """From the first to begin to the last to end, in nanoseconds."""
    return max(result.ended for result in results) - min(result.began for result in results)


def threads(jobs: Sequence[Job], context: RunContext | None = None, limit_s: float = LIMIT_S) -> list[WorkerResult]:
    """Run each job in a thread of its own; a stop of the run ends the wait. Raises what a job raises, and Overdue."""
    gate = threading.Barrier(len(jobs))
    results: list[WorkerResult | BaseException | None] = [None] * len(jobs)

    def work(place: int, job: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            gate.wait(limit_s)
            began = perf_counter_ns()
            value = job(*args)
            results[place] = WorkerResult(began, perf_counter_ns(), value, os.getpid())
        except BaseException as error:  # it is raised again where the result is wanted
            results[place] = error

    workers = [
        threading.Thread(target=work, args=(place, job, args), name=f"thread {place + 1}", daemon=True)
        for place, (job, args) in enumerate(jobs)
    ]
    for thread in workers:
        thread.start()
    end = time.monotonic() + limit_s
    with context.interruptible() if context else nullcontext():
        for thread in workers:
            thread.join(max(0.0, end - time.monotonic()))
    return [result_of(result, len(jobs), limit_s) for result in results]


def result_of(result: WorkerResult | BaseException | None, count: int, limit_s: float) -> WorkerResult:
    if result is None:
        raise Overdue(f"Of {count} threads some had not ended after {limit_s:g} s.")
    if isinstance(result, BaseException):
        raise result
    return result


def processes(
    context: RunContext, start_context: Any, jobs: Sequence[Job], tool: str = "", limit_s: float = LIMIT_S
) -> list[WorkerResult]:
    """Run each job in a process of its own. Raises what a job raises, WorkerDied and Overdue.

    They are in the run's worker registry as '`tool` · process 1' and so on. However it is left, no process remains.
    """
    gate = start_context.Barrier(len(jobs))
    ends = [start_context.Pipe(duplex=False) for _ in jobs]
    workers = [
        start_context.Process(target=work_in_process, args=(gate, send, limit_s, job, args), daemon=True)
        for (job, args), (_, send) in zip(jobs, ends, strict=True)
    ]
    begun = []
    try:
        for process in workers:
            begun.append(process)
            process.start()
        with context.worker_registry.at_work(workers, f"{tool}{SEPARATOR}process {{}}".format, tool):
            return collect(context, workers, [receive for receive, _ in ends], limit_s)
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


def collect(context: RunContext, workers: Sequence[Any], replies: Sequence[Any], limit_s: float) -> list[WorkerResult]:
    """Each worker's reply, in their order; then every worker has ended.

    Only the waits can be interrupted: an exit code that was read and not noted could not be read again.
    """
    found: dict[int, WorkerResult] = {}
    end = time.monotonic() + limit_s
    while len(found) < len(workers):
        open_ones = [place for place in range(len(workers)) if place not in found]
        waited = [replies[place] for place in open_ones] + [workers[place].sentinel for place in open_ones]
        with context.interruptible():
            heard = connection.wait(waited, max(0.0, end - time.monotonic()))
        if not heard:
            raise Overdue(f"{len(open_ones)} of {len(workers)} processes had not answered after {limit_s:g} s.")
        for place in open_ones:
            gone = workers[place].exitcode is not None  # looked at first: it may answer and end between two looks
            if replies[place].poll():
                answer = replies[place].recv()
                if isinstance(answer, BaseException):
                    raise killed_on_request(context, workers) or answer
                found[place] = answer
            elif gone:
                raise killed_on_request(context, workers) or WorkerDied(
                    loss(place, workers, f"{exit_description(workers[place].exitcode)} before it had answered"),
                    exit_code=workers[place].exitcode,
                )
    for process in workers:
        with context.interruptible():
            connection.wait([process.sentinel], max(0.1, end - time.monotonic()))
        process.join(0)
    if died := killed_on_request(context, workers):  # with its answer given, but not yet ended
        raise died
    return [found[place] for place in range(len(workers))]


def killed_on_request(context: RunContext, workers: Sequence[Any]) -> WorkerDied | None:
    """That one was killed on request, which another may have noticed first; None where nobody was."""
    for place, process in enumerate(workers):
        if process.pid in context.worker_registry.killed:
            return WorkerDied(loss(place, workers, f"{ON_REQUEST} before its round was over"))
    return None


def loss(place: int, workers: Sequence[Any], how: str) -> str:
    return (
        f"Worker {place + 1} of {len(workers)} (process {workers[place].pid}) {how}. "
        "The round was ended; what was measured before is kept."
    )


def work_in_process(gate: Any, reply: Any, limit_s: float, job: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """What a worker process runs."""
    try:
        gate.wait(limit_s)
        began = perf_counter_ns()
        value = job(*args)
        reply.send(WorkerResult(began, perf_counter_ns(), value, os.getpid()))
    except Exception as error:
        reply.send(error)
