"""In what order factorials came back and where the time went, as codes and numbers; `messages` has the words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from poolscope.experiments.factorials.state import FactorialsState


class TimeUse(StrEnum):
    """Where the time between the first submission and the last result went."""

    PARALLEL = "parallel"  # more CPU time than wall time: workers computed side by side
    WAITED_FOR_GIL = "waited for the GIL"  # the tasks' own times add up, for they waited for each other
    OVERHEAD = "overhead"  # most of it was no computing
    GIL_BOUND = "one at a time under the GIL"
    ONE_AT_A_TIME = "one at a time"


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Seconds: `span` from the first submission to the last result, CPU time in the workers, and their own times.

    The own times count the same moment once for each thread that waits in it; `computing` does not.
    """

    span: float
    computing: float
    inside: float


def is_over(state: FactorialsState) -> bool:
    return bool(state.completed) and bool(state.outcome or state.done == state.total)


def times(state: FactorialsState) -> TimeSpent:
    """Of all completed numbers, of which there must be one."""
    completed = state.completed
    return TimeSpent(
        span=max((number.ended or 0) - state.begun for number in completed) / 1e9,
        # No number computes for longer than it took; the CPU's clock may be the coarser one.
        computing=sum(min(number.cpu_s or 0, number.seconds or 0) for number in completed),
        inside=sum(number.seconds or 0 for number in completed),
    )


def time_use(state: FactorialsState, spent: TimeSpent) -> TimeUse:
    gil = state.params.kind == "thread" and state.gil
    if spent.computing > 1.05 * spent.span:
        return TimeUse.PARALLEL
    if gil and spent.inside > 1.3 * spent.computing and spent.inside > spent.span:
        return TimeUse.WAITED_FOR_GIL
    if spent.computing < 0.5 * spent.span:
        return TimeUse.OVERHEAD
    return TimeUse.GIL_BOUND if gil else TimeUse.ONE_AT_A_TIME


def overtaken(order: Iterable[int]) -> int:
    """How many numbers of an order come after a greater one, that is after one that was submitted later."""
    count, greatest = 0, None
    for n in order:
        if greatest is None or n > greatest:
            greatest = n
        else:
            count += 1
    return count


def workers_with_tasks(state: FactorialsState) -> int:
    """How many of the pool's workers got a number: where the numbers are short, a few workers may take them all."""
    return len({number.worker for number in state.numbers} - {""})


def handed_over_elsewhere(state: FactorialsState) -> int:
    """How many results `as_completed` handed over in another place than that in which they were completed."""
    completed = [number for number in state.completed if number.collected is not None]
    collected = sorted(completed, key=lambda number: number.collected or 0)
    return sum(one is not other for one, other in zip(collected, completed, strict=True))
