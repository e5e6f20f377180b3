"""What explains by itself why there is no winner: its headline comes before 'No clear winner' and the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poolscope.experiments.pool_benchmark.findings.breakage import hangs, nests_pools, workers_break
from poolscope.experiments.pool_benchmark.findings.calls import items_changed, results_remembered
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.findings.cpus import oversubscribed
from poolscope.experiments.pool_benchmark.findings.dispatch import function_too_large, too_large_to_hand_over
from poolscope.experiments.pool_benchmark.findings.function import LIGHT, gil_held
from poolscope.experiments.pool_benchmark.findings.validity import results_differ
from poolscope.experiments.pool_benchmark.messages import HEADLINES
from poolscope.experiments.pool_benchmark.state import State

Check = Callable[[State, int], CheckResult]

BREAKS: tuple[Check, ...] = (hangs, workers_break, nests_pools)
# They hold whatever the times are, and the first of them that does is named.
ABOUT_CALLS: tuple[Check, ...] = (results_remembered, items_changed)
COSTS: tuple[Check, ...] = (function_too_large, too_large_to_hand_over, oversubscribed)


def why_nothing_counts(state: State, usable_cpus: int, code: str) -> tuple[str, dict[str, Any]] | None:
    """The headline, by code and facts, of why no pool was measured to its end ('none finished') or none can be
    compared ('wrong results'); None where none of the checks found it."""
    checks = (results_differ,) if code == "wrong results" else (*BREAKS, *ABOUT_CALLS)
    return _first_of(state, usable_cpus, checks)


def why_no_winner(state: State, usable_cpus: int) -> tuple[str, dict[str, Any]] | None:
    """The headline of the cause that no pool gains by; None where no single one is known."""
    return _first_of(state, usable_cpus, ABOUT_CALLS) or why_no_gain(state, usable_cpus)


def why_no_gain(state: State, usable_cpus: int) -> tuple[str, dict[str, Any]] | None:
    """The same of what costs every pool its gain, of several the one that costs most."""
    # Beside processes, which have no part in it, the GIL explains threads alone.
    checks = (*COSTS, *((gil_held,) if all(config.kind in LIGHT for config in state.pools) else ()))
    return _first_of(state, usable_cpus, checks, by_cost=True)


def _first_of(
    state: State, usable_cpus: int, checks: tuple[Check, ...], *, by_cost: bool = False
) -> tuple[str, dict[str, Any]] | None:
    results = [(check.__name__, check(state, usable_cpus)) for check in checks]
    found = [(f"{name}: {result.code}", result) for name, result in results if result.holds]
    if by_cost:
        found.sort(key=lambda named: -(named[1].lost_share or 0.0))
    return next(((code, {**result.facts}) for code, result in found if code in HEADLINES), None)
