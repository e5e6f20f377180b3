"""What broke configurations: workers that hang, die or can't send what they raised, and pools within a Pool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.breakages import threads_in_words
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import STARTED_BY_METHOD
from poolscope.protocol.payloads import Breakage, BreakageCode

HANGS: tuple[BreakageCode, ...] = ("hung-at-fork", "hung", "hung-at-exit")
BREAKS: tuple[BreakageCode, ...] = (
    "exception-unreadable",
    "result-unreadable",
    "result-unsendable",
    "call-unreadable",
    "worker-died",
    "host-died",
    "raised",
)


def hangs(state: State, usable_cpus: int) -> CheckResult:
    """Workers that wait for what never comes, which is not the same as being slow."""
    for config, breakage in broken(state, *HANGS):
        facts = {**facts_of(config, breakage), "settings": len(list(broken(state, *HANGS)))}
        facts |= {"threads": len(breakage.threads), "waiting": sum(place.workers for place in breakage.places)}
        remedy = remedies.start_methods(state, "spawn") if breakage.code == "hung-at-fork" else {}
        return CheckResult(True, breakage.code, facts, remedy, lost_share=1.0)
    for config, breakage in broken(state, "limit"):
        return CheckResult(None, "limit", {"config": config, "limit_s": breakage.limit_s})
    trials = [python.trial for python in state.pythons if python.trial]
    threads = next((trial.threads for trial in trials if trial.threads), ())
    forked = [
        config for config in state.pools if config.kind in STARTED_BY_METHOD and forks(state, config) and config.map
    ]
    if threads and forked:
        facts = {"config": forked[0], "threads": len(threads), "named": threads_in_words(threads)}
        calls = any(trial.threads == trial.threads_of_calls == threads for trial in trials)
        code = "threads of calls" if calls else "threads at the fork"
        return CheckResult(None, code, facts, remedies.start_methods(state, "spawn"))
    return CheckResult(False, "none") if any(config.map for config in state.pools) else CheckResult(None, "unmeasured")


def workers_break(state: State, usable_cpus: int) -> CheckResult:
    """What ends a pool before its work is done."""
    found = sorted(broken(state, *BREAKS), key=lambda pair: BREAKS.index(pair[1].code))
    for config, breakage in found:
        facts = {**facts_of(config, breakage), "settings": len(found), "exit_code": breakage.exit_code}
        return CheckResult(True, breakage.code, facts, lost_share=1.0)
    return CheckResult(False, "none") if any(config.map for config in state.pools) else CheckResult(None, "unmeasured")


def nests_pools(state: State, usable_cpus: int) -> CheckResult:
    """Work that starts processes, which a Pool's workers may not."""
    for config, breakage in broken(state, "daemonic"):
        return CheckResult(True, "daemonic", facts_of(config, breakage), remedies.kinds(state, "process"), 1.0)
    if any(config.kind == "pool" and config.map for config in state.pools):
        return CheckResult(False, "none")
    return CheckResult(None, "unmeasured")


def broken(state: State, *codes: BreakageCode) -> Iterator[tuple[Configuration, Breakage]]:
    """The configurations that broke by one of the codes."""
    for config in state.configs.values():
        if config.breakage is not None and config.breakage.code in codes:
            yield config, config.breakage


def facts_of(config: Configuration, breakage: Breakage) -> dict[str, Any]:
    """The number of the item is None where it can't be told."""
    return {"config": config, "why": config.skipped, "item": breakage.items[0] if breakage.items else None}


def forks(state: State, config: Configuration) -> bool:
    python = state.python(config.python)
    own = python.facts.start_method if python and python.facts else state.start_method
    return (config.start_method or own) == "fork"
