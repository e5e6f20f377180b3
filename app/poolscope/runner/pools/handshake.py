"""The end of start-up: every worker has answered a first task, none of them two, and its set-up went well.

An executor starts its workers on demand and a Pool returns before its children can work, so only the workers' own
answers tell when a pool is ready. Processes meet at a barrier, threads and interpreters at a pipe.
"""

from __future__ import annotations

import concurrent.futures
import os
import pickle
import select
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from time import monotonic
from typing import Any

from poolscope.protocol.payloads import Breakage
from poolscope.runner.pools import worker_side
from poolscope.runner.pools.worker_side import FirstSign, UnpickledAt
from poolscope.workloads.work import Work

START_LIMIT_S = 30.0  # in which all workers must have answered
END_LIMIT_S = 2.0  # for whatever is told to end and can be hoped to
POLL_S = 0.05  # between two looks whether a worker failed before it could arrive


class PoolFailed(Exception):
    """The pool did not start, or what was to cross to its workers can't; the message is a sentence.

    `breakage` is there where what a worker sent back can't be read.
    """

    def __init__(self, sentence: str, breakage: Breakage | None = None) -> None:
        super().__init__(sentence)
        self.breakage = breakage


class SetUpFailed(Exception):
    """The user's own per-worker set-up raised; the message says what."""


def too_slow(size: int) -> PoolFailed:
    return PoolFailed(
        f"Not all of the {size} workers answered within {START_LIMIT_S:.0f} s. "
        "The machine may be out of memory or of processes; try fewer workers."
    )


def unreadable(reason: str) -> PoolFailed:
    """What reading a worker's message raised, which stops an executor and lets a Pool wait for ever."""
    sentence = f"What a task returned or raised can't be unpickled: {reason}."
    return PoolFailed(sentence, Breakage("exception-unreadable", unreadable=reason))


def check_set_up(answers: Sequence[FirstSign]) -> None:
    """Raise SetUpFailed for the first worker whose set-up raised."""
    for answer in answers:
        if answer.set_up_error is not None:
            raise SetUpFailed(f"The set-up function raised {answer.set_up_error}.")


def needed_by_workers(work: Work) -> tuple[UnpickledAt, Callable[..., Any], tuple[type, ...]]:
    """What a worker process must have imported to do the work: its function and the classes of its items."""
    first = work.items[0] if work.items else None
    entries = first.values() if isinstance(first, dict) else first if isinstance(first, list | tuple) else ()
    classes = {type(part) for part in (first, *entries)}
    return UnpickledAt(), work.call, tuple(each for each in classes if imported_by_name(each))


def imported_by_name(named: type) -> bool:
    """Whether a class is unpickled by importing its module."""
    if named.__module__ in ("builtins", "__main__"):
        return False
    with suppress(Exception):  # one that is defined in a function; its instances may be pickled in their own way
        return bool(pickle.dumps(named))
    return False


def first_answers(futures: Sequence[Future[FirstSign]], limit_s: float) -> list[FirstSign]:
    """The answers that were given in time, in the order in which the workers arrived. Raises what a future holds."""
    answered = concurrent.futures.wait(futures, limit_s).done
    return sorted((future.result() for future in answered), key=lambda answer: answer.arrived)


def meet_at_pipe(
    executor: Executor, size: int, function: Callable[[Any], Any], setup: Callable[[], Any] | None
) -> list[FirstSign]:
    """Have each of `size` threads or interpreters answer. Raises PoolFailed when not all arrive in time."""
    arrived, arrivals, gate, opened = ends = *os.pipe(), *os.pipe()
    answer = worker_side.answer_from_thread
    futures = [executor.submit(answer, arrivals, gate, function, setup) for _ in range(size)]
    try:
        await_arrivals(arrived, futures)
    finally:
        os.write(opened, b"." * size)
        # A worker that is still in its set-up will write to them: better leaked than closed and their numbers reused.
        if not concurrent.futures.wait(futures, END_LIMIT_S).not_done:
            for end in ends:
                os.close(end)
    return first_answers(futures, 0)


def await_arrivals(arrived: int, futures: Sequence[Future[Any]]) -> None:
    """Return when a byte of each worker has arrived, or one has failed before. Raises PoolFailed when time is up."""
    until = monotonic() + START_LIMIT_S
    count = 0
    while count < len(futures) and not any(future.done() for future in futures):
        if select.select([arrived], [], [], POLL_S)[0]:
            count += len(os.read(arrived, len(futures)))
        elif monotonic() > until:
            raise too_slow(len(futures))
