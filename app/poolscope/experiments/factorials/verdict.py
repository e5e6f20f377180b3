"""The verdict on a factorials run, and what else is worth knowing about it."""

from __future__ import annotations

from poolscope.experiments.experiment import Finding, Verdict
from poolscope.experiments.factorials import messages
from poolscope.experiments.factorials.judgement import (
    handed_over_elsewhere,
    is_over,
    time_use,
    times,
    workers_with_tasks,
)
from poolscope.experiments.factorials.state import FactorialsState


def verdict(state: FactorialsState, usable_cpus: int) -> Verdict | None:
    """In what order results came back and where the time went; None until the run is over or all is done."""
    if not is_over(state):
        return None
    completed, params, spent = state.completed, state.params, times(state)
    use, busy = time_use(state, spent), workers_with_tasks(state)
    rest = [
        messages.time_spent(len(completed), params.workers, busy, params.kind, use, spent, usable_cpus),
        messages.failures([number.n for number in completed if number.status == "failed"]),
    ]
    if state.done == state.total:
        headline = messages.order([number.n for number in completed], handed_over_elsewhere(state))
    else:
        headline, lost = messages.unfinished(state.done, state.total, stopped=state.outcome == "stopped")
        rest.insert(0, lost)
    return Verdict(headline, " ".join(filter(None, rest)))


def findings(state: FactorialsState, usable_cpus: int) -> tuple[Finding, ...]:
    """What is worth knowing beside the verdict."""
    completed = [number for number in state.completed if number.collected is not None]
    if not completed or not is_over(state):
        return ()
    differ = handed_over_elsewhere(state)
    sentence = messages.order_not_kept(differ, len(completed)) if differ else messages.ORDER_KEPT
    found = [Finding(messages.CHECKS["order"], not differ, sentence, {"differ": differ}, wanted=True)]
    late = sum(number.failure is not None and number.failure.code == "time limit" for number in completed)
    if late:
        limit = state.params.time_limit
        sentence = messages.time_limit_reached(late, len(completed), limit)
        remedy = {**state.params.model_dump(), "time_limit": 60.0}
        reached = {"late": late, "time_limit": limit}
        found.append(Finding(messages.CHECKS["time limit"], True, sentence, reached, remedy, failure=True))
    return tuple(found)
