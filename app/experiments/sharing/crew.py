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
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing import connection
from time import perf_counter_ns
from typing import Any

from app.runner.stage import WorkerDied
from app.runner.watch import manner

LIMIT_S = 60.0

Job = tuple[Callable[..., Any], tuple[Any, ...]]
Waiting = Callable[[], AbstractContextManager[None]]


class Overdue(Exception):
    """Workers did not end in time; the message says how many."""


@dataclass(frozen=True, slots=True)
class Stint:
    """What one worker did between two stamps (perf_counter_ns); `pid` is its process."""

    began: int
    ended: int
    value: Any
    pid: int


def elapsed(stints: Sequence[Stint]) -> int:
    """From the first to begin to the last to end, in nanoseconds."""
    return max(stint.ended for stint in stints) - min(stint.began for stint in stints)


def threads(jobs: Sequence[Job], limit_s: float = LIMIT_S, waiting: Waiting = nullcontext) -> list[Stint]:
    """Run each job in a thread of its own. Raises what a job raises, and Overdue. `waiting` is around the wait."""
    gate = threading.Barrier(len(jobs))
    stints: list[Stint | BaseException | None] = [None] * len(jobs)

    def work(place: int, job: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            gate.wait(limit_s)
            began = perf_counter_ns()
            value = job(*args)
            stints[place] = Stint(began, perf_counter_ns(), value, os.getpid())
        except BaseException as error:  # it is raised again where the result is wanted
            stints[place] = error

    crew = [
        threading.Thread(target=work, args=(place, job, args), name=f"thread {place + 1}", daemon=True)
        for place, (job, args) in enumerate(jobs)
    ]
    for thread in crew:
        thread.start()
    end = time.monotonic() + limit_s
    with waiting():
        for thread in crew:
            thread.join(max(0.0, end - time.monotonic()))
    return [done(stint, len(jobs), limit_s) for stint in stints]


def done(stint: Stint | BaseException | None, count: int, limit_s: float) -> Stint:
    if stint is None:
        raise Overdue(f"Of {count} threads some had not ended after {limit_s:g} s.")
    if isinstance(stint, BaseException):
        raise stint
    return stint


def processes(
    context: Any, jobs: Sequence[Job], limit_s: float = LIMIT_S, waiting: Waiting = nullcontext
) -> list[Stint]:
    """Run each job in a process of its own. Raises what a job raises, WorkerDied and Overdue.

    However it is left, no process of it remains.
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
        return collect(crew, [receive for receive, _ in ends], limit_s, waiting)
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


def collect(crew: Sequence[Any], replies: Sequence[Any], limit_s: float, waiting: Waiting) -> list[Stint]:
    """Each worker's reply, in their order; then every worker has ended.

    Only the waits can be interrupted: an exit code that was read and not noted could not be read again.
    """
    found: dict[int, Stint] = {}
    end = time.monotonic() + limit_s
    while len(found) < len(crew):
        open_ones = [place for place in range(len(crew)) if place not in found]
        waited = [replies[place] for place in open_ones] + [crew[place].sentinel for place in open_ones]
        with waiting():
            heard = connection.wait(waited, max(0.0, end - time.monotonic()))
        if not heard:
            raise Overdue(f"{len(open_ones)} of {len(crew)} processes had not answered after {limit_s:g} s.")
        for place in open_ones:
            if replies[place].poll():
                answer = replies[place].recv()
                if isinstance(answer, BaseException):
                    raise answer
                found[place] = answer
            elif crew[place].exitcode is not None:
                raise WorkerDied(
                    f"Worker {place + 1} of {len(crew)} {manner(crew[place].exitcode)} before it had answered. "
                    "The round was ended; what was measured before is kept."
                )
    for process in crew:
        with waiting():
            connection.wait([process.sentinel], max(0.1, end - time.monotonic()))
        process.join(0)
    return [found[place] for place in range(len(crew))]


def stint_in_process(gate: Any, reply: Any, limit_s: float, job: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """What a worker process runs."""
    try:
        gate.wait(limit_s)
        began = perf_counter_ns()
        value = job(*args)
        reply.send(Stint(began, perf_counter_ns(), value, os.getpid()))
    except Exception as error:
        reply.send(error)
