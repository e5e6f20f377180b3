"""Whether the figures can be trusted: the same results everywhere, no output, a quiet machine."""

from __future__ import annotations

from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_benchmark.disturbance import disturbed
from poolscope.experiments.pool_benchmark.naming import setting
from poolscope.experiments.pool_benchmark.params import MOST_REPEATS
from poolscope.experiments.pool_benchmark.state import State
from poolscope.text.language import capital, format_list
from poolscope.text.numbers import size


def results_differ(state: State, usable_cpus: int) -> Finding:
    check = "results differ, or can't be repeated"
    other = [config for config in state.configs.values() if config.differs]
    repeats = [python.trial.repeats_equal for python in state.pythons if python.trial]
    if not state.comparable:
        sentence = (
            "The same item gave another result when it was called again, in the plain loop too, so results can't be "
            "compared between pools."
        )
        return Finding(check, True, sentence, {"settings": 0})
    if other:
        first = other[0]
        more = f" So do {len(other) - 1} other settings." if len(other) > 1 else ""
        sentence = f"{capital(setting(state, first))}: {first.differs}{more}"
        return Finding(check, True, sentence, {"settings": len(other)})
    if not repeats or None in repeats:
        sentence = "Whether an item gives the same result twice can't be told: its results can't be compared."
        return Finding(check, None, sentence)
    return Finding(check, False, "Every setting gave what the plain loop gave.", {"settings": 0})


def keeps_global_state(state: State, usable_cpus: int) -> Finding:
    """Counters, caches and the like: they are no fault, but they make a pool do other work than the loop does."""
    check = "the work keeps global state"
    if not any(python.trial for python in state.pythons):
        return Finding(check, None, "Its globals were not looked at.")
    if not state.changed:
        return Finding(check, False, "It changed no global that it names.", {"globals": 0})
    one = len(state.changed) == 1
    named = format_list(state.changed)
    sentence = (
        f"It changes the global{'' if one else 's'} {named}: threads share {'it' if one else 'them'}, every process "
        f"and interpreter has its own, and what it writes there does not come back. What one call leaves there can "
        "change the results of the next, or shorten it as a cache does: the plain loop and threads find it filled."
    )
    return Finding(check, True, sentence, {"globals": len(state.changed)})


def prints(state: State, usable_cpus: int) -> Finding:
    check = "the work prints"
    known = [python.trial.printed for python in state.pythons if python.trial]
    if not known:
        return Finding(check, None, "It was not listened to.")
    most, numbers = max(known), {"tried_bytes": max(known), "bytes": state.printed}
    if most:
        sentence = (
            f"It printed {size(most)} when it was tried and {size(state.printed)} in all; writing takes its time, "
            "and the lines of several workers mix."
        )
        return Finding(check, True, sentence, numbers)
    if state.printed:
        sentence = f"{size(state.printed)} were written during the run, though nothing when the work was tried."
        return Finding(check, None, sentence, numbers)
    return Finding(check, False, "It printed nothing.", numbers)


def run_was_disturbed(state: State, usable_cpus: int) -> Finding:
    check = "the run was disturbed"
    judged = disturbed(state, usable_cpus)
    if judged is None:
        return Finding(check, None, "Nothing is known yet of what else ran.")
    numbers = {"wall_over_cpu": judged.wall_over_cpu, "others_cpus": judged.others_cpus}
    sentence = " ".join(judged.reasons) or "What was read does not say."
    more = {"repeats": min(MOST_REPEATS, max(10, 2 * state.params.repeats))} if judged.disturbed else {}
    return Finding(check, judged.disturbed, sentence, numbers, more)
