"""In what order factorials came back and where the time went, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from poolscope.experiments.factorials.samples import Number, State
from poolscope.experiments.findings import Finding, Verdict
from poolscope.text.numbers import duration, whole

NAMED = 12  # an order of so many numbers is named in full, a longer one is summed up


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """In what order results came back and where the time went; None until the run is over or all is done."""
    completed = state.completed
    if not completed or not (state.outcome or state.done == state.total):
        return None
    said = [_time_in_words(state, completed, usable_cpus), _failures_in_words(completed)]
    if state.done == state.total:
        return Verdict(_order_in_words([number.n for number in completed]), " ".join(filter(None, said)))
    left = state.total - state.done
    why = "were cancelled" if state.outcome == "stopped" else "were lost"
    said.insert(0, f"{whole(left)} {why}." if left > 1 else f"1 {why.replace('were', 'was')}.")
    ended = "Stopped after" if state.outcome == "stopped" else "Ended after"
    return Verdict(f"{ended} {whole(state.done)} of {whole(state.total)} results.", " ".join(filter(None, said)))


def _order_in_words(order: Sequence[int]) -> str:
    if len(order) == 1:
        return f"The result of {order[0]} came back."
    if list(order) == sorted(order):
        return f"Results came back in order, {order[0]} to {order[-1]}."
    if len(order) <= NAMED:
        return f"Results came back as {', '.join(map(str, order))}."
    late = f"{whole(overtaken(order))} of {whole(len(order))}"
    return f"Results came back out of order: {late} were overtaken by a later one."


def overtaken(order: Iterable[int]) -> int:
    """How many numbers of an order come after a greater one, that is after one that was submitted later."""
    count, greatest = 0, None
    for n in order:
        if greatest is None or n > greatest:
            greatest = n
        else:
            count += 1
    return count


def _time_in_words(state: State, completed: Sequence[Number], usable_cpus: int) -> str:
    """Computing (CPU time in the workers) against the span from first submission to last result.

    Not the sum of the tasks' own times against it, which under the GIL counts the same moment once for each thread
    that waits for it, and so makes threads look like a gain.
    """
    span = max((number.ended or 0) - state.begun for number in completed) / 1e9
    computing = sum(number.cpu_s or 0 for number in completed)
    inside = sum(number.seconds or 0 for number in completed)
    threads = state.params.kind == "thread"
    noun = state.params.kind if state.params.workers == 1 else "threads" if threads else "processes"
    numbers = f"{whole(len(completed))} number{'s' * (len(completed) != 1)}"
    took = f"{numbers} took {duration(span)} in {state.params.workers} {noun}, from first submission to last result;"
    if computing > 1.05 * span:
        cpus = f"on {usable_cpus} usable CPU{'s' * (usable_cpus != 1)}"
        average = f"on average {computing / span:.1f} workers computed at a time {cpus}"
        return f"{took} {duration(computing)} of computing: {average}."
    if threads and state.gil and inside > 1.3 * computing and inside > span:
        return (
            f"{took} {duration(computing)} of it computing. The tasks' own times add up to {duration(inside)} because "
            "they wait for each other: under the GIL one thread computes at a time, so more of them save no time."
        )
    if computing < 0.5 * span:
        return (
            f"{took} only {duration(computing)} of it computing, the rest went into starting workers and handing over."
        )
    if threads and state.gil:
        return f"{took} {duration(computing)} of it computing, one thread at a time under the GIL."
    return f"{took} {duration(computing)} of it computing: on average not more than one worker computed at a time."


def _failures_in_words(completed: Sequence[Number]) -> str:
    failed = [number for number in completed if number.status == "failed"]
    if not failed:
        return ""
    named = ", ".join(str(number.n) for number in sorted(failed, key=lambda number: number.n)[:NAMED])
    return f"{whole(len(failed))} failed: {named}{', …' if len(failed) > NAMED else ''}."


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """What is worth knowing beside the verdict."""
    completed = [number for number in state.completed if number.collected is not None]
    if not completed or not (state.outcome or state.done == state.total):
        return ()
    handed = sorted(completed, key=lambda number: number.collected or 0)
    differ = sum(one is not other for one, other in zip(handed, completed, strict=True))
    sentence = "as_completed handed the results over in the order in which they were completed."
    if differ:
        sentence = (
            f"as_completed handed {whole(differ)} of {whole(len(handed))} results over in another place than that in "
            "which they were completed: those that are ready when it looks for the first time come in no order."
        )
    found = [Finding("as_completed keeps the order of completion", not differ, sentence, {"differ": differ})]
    late = sum(number.status == "failed" and number.n >= 0 for number in completed)
    if late:
        found.append(
            Finding(
                "time limit reached",
                True,
                f"{whole(late)} of {whole(len(completed))} numbers ran into the limit of "
                f"{state.params.time_limit:g} s; it counts the time in the worker, waiting for the GIL included.",
                {"late": late, "time_limit": state.params.time_limit},
                {**state.params.model_dump(), "time_limit": 60.0},
            )
        )
    return tuple(found)
