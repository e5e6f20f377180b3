"""Whether the figures can be trusted: the same results everywhere, no output, a quiet machine."""

from __future__ import annotations

from poolscope.experiments.disturbance import signs_in_words
from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.disturbance import judge_disturbance
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.state import State


def results_differ(state: State, usable_cpus: int) -> CheckResult:
    differing = [config for config in state.configs.values() if config.differs]
    repeats = [python.trial.repeats_equal for python in state.pythons if python.trial]
    if not state.comparable:
        return CheckResult(True, "no call repeats", {"settings": 0})
    if differing:
        facts = {"config": differing[0], "detail": differing[0].differs, "settings": len(differing)}
        others = {"others": len(differing) - 1} if len(differing) > 1 else {}
        return CheckResult(True, "differ", {**facts, **others})
    if not repeats or None in repeats:
        return CheckResult(None, "unknown")
    return CheckResult(False, "same", {"settings": 0})


def keeps_global_state(state: State, usable_cpus: int) -> CheckResult:
    """Counters, caches and the like: they are no fault, but they make a pool do other work than the loop does."""
    if not any(python.trial for python in state.pythons):
        return CheckResult(None, "unknown")
    if not state.changed:
        return CheckResult(False, "none", {"globals": 0})
    return CheckResult(True, "changes", {"globals": len(state.changed), "names": state.changed})


def prints(state: State, usable_cpus: int) -> CheckResult:
    known = [python.trial.printed for python in state.pythons if python.trial]
    if not known:
        return CheckResult(None, "unknown")
    facts = {"tried_bytes": max(known), "bytes": state.printed}
    if max(known):
        return CheckResult(True, "prints", facts)
    return CheckResult(None, "later", facts) if state.printed else CheckResult(False, "silent", facts)


def run_was_disturbed(state: State, usable_cpus: int) -> CheckResult:
    judged = judge_disturbance(state, usable_cpus)
    if judged is None:
        return CheckResult(None, "unread")
    facts = {
        "wall_over_cpu": judged.wall_over_cpu,
        "others_cpus": judged.others_cpus,
        "signs": signs_in_words(judged),
    }
    more = remedies.more_repetitions(state) if judged.disturbed else {}
    return CheckResult(judged.disturbed, "judged" if judged.signs else "silent", facts, more)
