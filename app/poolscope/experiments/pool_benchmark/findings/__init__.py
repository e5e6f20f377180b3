"""The checks that a which-pool run goes through; each holds, does not, or can't be told, with its numbers."""

from __future__ import annotations

from collections.abc import Callable

from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_benchmark.findings.cpus import (
    more_workers_than_cpus,
    oversubscribed,
    quota_bites,
    siblings_share_cores,
)
from poolscope.experiments.pool_benchmark.findings.dispatch import (
    chunks_too_large,
    chunks_too_small,
    too_large_to_hand_over,
)
from poolscope.experiments.pool_benchmark.findings.gil import gil_held, light_kinds_suffice
from poolscope.experiments.pool_benchmark.findings.granularity import stragglers, work_too_small
from poolscope.experiments.pool_benchmark.findings.overhead import memory_runs_short, start_up_outweighs
from poolscope.experiments.pool_benchmark.findings.validity import (
    keeps_global_state,
    prints,
    results_differ,
    run_was_disturbed,
)
from poolscope.experiments.pool_benchmark.state import State

CHECKS: tuple[Callable[[State, int], Finding], ...] = (
    work_too_small,
    gil_held,
    light_kinds_suffice,
    too_large_to_hand_over,
    chunks_too_small,
    chunks_too_large,
    stragglers,
    more_workers_than_cpus,
    quota_bites,
    siblings_share_cores,
    oversubscribed,
    start_up_outweighs,
    memory_runs_short,
    results_differ,
    keeps_global_state,
    prints,
    run_was_disturbed,
)


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """Every check, in the order in which they matter; none before the plain loop and a pool have a sample."""
    if state.serial is None or not state.serial.map or not any(config.map for config in state.pools):
        return ()
    return tuple(check(state, usable_cpus) for check in CHECKS)
