"""The verdict on a shared-list run, and what else is worth knowing about it."""

from __future__ import annotations

from poolscope.experiments.experiment import Finding, Verdict
from poolscope.experiments.shared_list import messages
from poolscope.experiments.shared_list.judgement import Agreement, disagreements, outcome
from poolscope.experiments.shared_list.state import SharedListState

OUTGROWN = 1_000_000  # numbers at which an unbounded list is held
FEW_LOST = 2  # updates that are next to nothing: a run with more has shown what there is to see
CROWD = 4  # producers, and as many consumers, that soon lose updates without a guard
LOSSES = (Agreement.LOST_UPDATES, Agreement.BROKEN_CHECK)


def verdict(state: SharedListState, usable_cpus: int) -> Verdict | None:
    """Whether the numbers agree, then how the lock was used, or why they do not agree. None before the first step."""
    found = outcome(state)
    return messages.verdict(found, state) if found else None


def findings(state: SharedListState, usable_cpus: int) -> tuple[Finding, ...]:
    """What is worth knowing beside the verdict, each with the parameters that show more."""
    params, counts, found = state.params, state.counts, []
    if params.guard == "none":
        found += _unguarded(state)
    if state.longest[0] >= OUTGROWN and not params.capacity:
        remedy = {**params.model_dump(), "capacity": 1000, "guard": "condition"}
        found.append(Finding(messages.CHECKS["outgrown"], True, messages.outgrown(OUTGROWN), remedy=remedy))
    if params.guard == "lock" and counts.empty_polls > counts.removed > 0:
        sentence = messages.polling(counts.empty_polls, counts.removed)
        numbers = {"empty_polls": counts.empty_polls, "removed": counts.removed}
        remedy = {**params.model_dump(), "guard": "condition"}
        found.append(Finding(messages.CHECKS["polling"], True, sentence, numbers, remedy))
    return tuple(found)


def _unguarded(state: SharedListState) -> list[Finding]:
    """The cure where something was lost, and how to see anything at all, or more than little, where threads are few."""
    params, agreement = state.params, outcome(state)
    found, lost = [], max((abs(pair.counted - pair.really) for pair in disagreements(state)), default=0)
    if agreement in LOSSES:
        numbers = {"disagreements": float(len(disagreements(state)))}
        remedy = {**params.model_dump(), "guard": "lock"}
        found.append(Finding(messages.CHECKS["lost"], True, messages.CURE, numbers, remedy, failure=True))
    if min(params.producers, params.consumers) >= CROWD or lost > FEW_LOST:
        return found
    crowd = {"producers": max(CROWD, params.producers), "consumers": max(CROWD, params.consumers)}
    check, sentence = "few", messages.MORE_THREADS
    if params.producers == params.consumers == 1:
        check, sentence = "alone", messages.UNGUARDED_PAIR
    return [*found, Finding(messages.CHECKS[check], True, sentence, remedy={**params.model_dump(), **crowd})]
