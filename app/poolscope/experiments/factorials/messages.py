"""The sentences about factorials: their order, their times, what failed, and the findings."""

from __future__ import annotations

from collections.abc import Sequence

from poolscope.experiments.experiment import CheckTitles
from poolscope.experiments.factorials.judgement import TimeSpent, TimeUse, overtaken
from poolscope.protocol.records import TaskFailure
from poolscope.text.numbers import count, duration, whole

NAMED = 12  # an order of so many numbers is named in full, a longer one is summed up

# What each check looks for, and what is so where it is not found.
CHECKS = {
    "order": CheckTitles("as_completed keeps the order of completion", "as_completed changed the order of completion"),
    "time limit": CheckTitles("time limit reached", "no task reached its time limit"),
}

ORDER_KEPT = "as_completed handed the results over in the order in which they were completed."


def failure(n: int, found: TaskFailure, time_limit: float) -> str:
    """Why a number has no value."""
    match found.code:
        case "negative number":
            return "n! is not defined for negative numbers."
        case "time limit":
            done, factors = whole(found.factors), whole(n - 1)
            return f"{n}! ran into its limit of {time_limit:g} s after {done} of {factors} factors."
        case "exception":
            return found.message


def order(completed: Sequence[int], handed_elsewhere: int = 0) -> str:
    """In what order the numbers were completed, and whether `as_completed` handed them over in another.

    `handed_elsewhere` counts those that it handed over in another place; 0 where both orders are one.
    """
    if len(completed) == 1:
        return f"The result of {completed[0]} came back."
    if handed_elsewhere:
        order = _order_in_words(completed)
        handed = f"{whole(handed_elsewhere)} of {whole(len(completed))}"
        return f"Tasks were completed {order}; as_completed handed {handed} over in another place."
    return f"Results came back {_order_in_words(completed)}."


def _order_in_words(numbers: Sequence[int]) -> str:
    if list(numbers) == sorted(numbers):
        return f"in order, {numbers[0]} to {numbers[-1]}"
    if len(numbers) <= NAMED:
        return f"as {', '.join(map(str, numbers))}"
    return f"out of order: {whole(overtaken(numbers))} of {whole(len(numbers))} were overtaken by a later one"


def unfinished(done: int, total: int, stopped: bool) -> tuple[str, str]:
    """Of a run that ended early: its headline, and what became of the others."""
    verb = "was" if total - done == 1 else "were"
    lost = f"{whole(total - done)} {verb} {'cancelled' if stopped else 'lost'}."
    return f"{'Stopped' if stopped else 'Ended'} after {whole(done)} of {whole(total)} results.", lost


def time_spent(
    numbers: int, workers: int, busy: int, kind: str, use: TimeUse, times: TimeSpent, usable_cpus: int
) -> str:
    """Where the time went; of the pool's `workers`, `busy` got a number."""
    pool = count(workers, kind) if busy == workers else f"a pool of {count(workers, kind)}, of which {busy} got a task"
    took = f"{count(numbers, 'number')} took {duration(times.span)} in {pool}, from first submission to last result;"
    computing, inside = duration(times.computing), duration(times.inside)
    match use:
        case TimeUse.PARALLEL:
            average = f"on average {times.computing / times.span:.1f} workers computed at a time"
            return f"{took} {computing} of CPU time: {average} on {count(usable_cpus, 'usable CPU')}."
        case TimeUse.WAITED_FOR_GIL:
            return (
                f"{took} {computing} of it computing. The tasks' own times add up to {inside} because they wait for "
                "each other: under the GIL one thread computes at a time, so more of them save no time."
            )
        case TimeUse.OVERHEAD:
            return (
                f"{took} only {computing} of it was CPU time of the tasks, which took {inside} together; the rest "
                "went into starting workers and handing items over."
            )
        case TimeUse.GIL_BOUND:
            return f"{took} {computing} of it computing, one thread at a time under the GIL."
        case TimeUse.ONE_AT_A_TIME:
            return f"{took} {computing} of it computing: on average not more than one worker computed at a time."


def failures(numbers: Sequence[int]) -> str:
    """Which numbers have no value; '' where all have one."""
    if not numbers:
        return ""
    named = ", ".join(map(str, sorted(numbers)[:NAMED]))
    return f"{whole(len(numbers))} failed: {named}{', …' if len(numbers) > NAMED else ''}."


def order_not_kept(differ: int, of: int) -> str:
    return (
        f"as_completed handed {whole(differ)} of {whole(of)} results over in another place than that in which they "
        "were completed: those that are ready when it looks for the first time come in no order."
    )


def time_limit_reached(late: int, of: int, time_limit: float) -> str:
    return (
        f"{whole(late)} of {count(of, 'number')} ran into the limit of {time_limit:g} s; it counts the time in the "
        "worker, waiting for the GIL included."
    )
