"""The verdict on a failures run, and what the sentinel proves."""

from __future__ import annotations

from poolscope.experiments.experiment import Finding, Verdict
from poolscope.experiments.failures import messages
from poolscope.experiments.failures.catalogue import BY_HAND, SCENARIOS
from poolscope.experiments.failures.export import left
from poolscope.experiments.failures.payloads import CaseEnding
from poolscope.experiments.failures.state import NOT_TRIED, FailuresState


def verdict(state: FailuresState, usable_cpus: int) -> Verdict | None:
    """One case: its own outcome. Several: of how many that failed nobody would have been told, and where, or what one
    scenario teaches. None while it runs."""
    ended = [case for case in state.cases.values() if case.seconds is not None and case.ending not in NOT_TRIED]
    if not state.outcome or not ended:
        return None
    if len(state.scenarios) == 1 and len(state.of(state.scenarios[0])) == 1:
        case = ended[0]
        unharmed = case.scenario == BY_HAND and case.well  # what to do after a death is no advice where nobody died
        lesson = messages.KILL_ONE if unharmed else SCENARIOS[case.scenario].explanation
        return Verdict(messages.case_sentence(case), lesson)
    failed = [case for case in ended if not case.late and not case.well]
    untold = [case for case in failed if case.unreported]
    titles = list(dict.fromkeys(SCENARIOS[case.scenario].title for case in untold))
    alone = len(state.scenarios) == 1
    lesson = SCENARIOS[state.scenarios[0]].explanation if alone else messages.untold(titles)
    late, well = sum(case.late for case in ended), sum(case.well for case in ended)
    rule = messages.UNREPORTED if untold else ""
    rest = (lesson, rule, messages.not_counted(late, well), messages.leftovers(left(state)))
    return Verdict(messages.headline(len(untold), len(failed)), " ".join(filter(None, rest)))


def findings(state: FailuresState, usable_cpus: int) -> tuple[Finding, ...]:
    """What the sentinel proves, and cases that went wrong themselves."""
    ended = [case for case in state.cases.values() if case.observed.leftovers is not None]
    if not state.outcome or not ended:
        return ()
    found = left(state)
    counts = {kind: float(len(things)) for kind, things in found.items()}
    clean = not any(counts.values())
    sentence = messages.leftovers(found)
    results = [Finding(messages.CHECKS["leftovers"], clean, sentence, counts, wanted=True, failure=True)]
    broken = [case for case in ended if case.ending is CaseEnding.BROKEN]
    if broken:
        numbers = {"broken": float(len(broken))}
        sentence = messages.broken(broken)
        results.append(Finding(messages.CHECKS["broken"], False, sentence, numbers, wanted=True, failure=True))
    return tuple(results)
