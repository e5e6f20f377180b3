"""The checks of a pool benchmark's run; each holds, does not, or can't be told, with its numbers."""

from __future__ import annotations

from collections.abc import Callable

from poolscope.experiments.experiment import Finding
from poolscope.experiments.pool_benchmark import messages, remedies
from poolscope.experiments.pool_benchmark.findings.breakage import hangs, nests_pools, workers_break
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.findings.cpus import (
    larger_pools_untried,
    more_workers_than_cpus,
    oversubscribed,
    quota_bites,
    siblings_share_cores,
)
from poolscope.experiments.pool_benchmark.findings.dispatch import (
    chunks_too_large,
    chunks_too_small,
    chunks_vary,
    function_too_large,
    stragglers,
    too_large_to_hand_over,
    work_too_small,
)
from poolscope.experiments.pool_benchmark.findings.function import (
    child_processes,
    event_loop_blocked,
    gil_held,
    items_changed,
    items_made_beforehand,
    light_kinds_suffice,
    results_lazy,
    results_remembered,
)
from poolscope.experiments.pool_benchmark.findings.overhead import (
    has_cluster,
    memory_runs_short,
    replacing_workers_costs,
    sent_with_every_map,
    start_up_outweighs,
)
from poolscope.experiments.pool_benchmark.findings.validity import (
    cpu_speed_changed,
    keeps_global_state,
    prints,
    results_differ,
    run_was_disturbed,
    slow_items,
    unsettled,
)
from poolscope.experiments.pool_benchmark.naming import family
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.remedies import compares_kinds
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import why_unfounded

Check = Callable[[State, int], CheckResult]

# In the order in which they matter, where what they cost is not known.
CHECKS: tuple[Check, ...] = (
    hangs,
    workers_break,
    nests_pools,
    results_lazy,
    results_remembered,
    items_changed,
    work_too_small,
    event_loop_blocked,
    gil_held,
    child_processes,
    light_kinds_suffice,
    function_too_large,
    too_large_to_hand_over,
    sent_with_every_map,
    chunks_too_small,
    chunks_too_large,
    chunks_vary,
    stragglers,
    more_workers_than_cpus,
    larger_pools_untried,
    quota_bites,
    siblings_share_cores,
    oversubscribed,
    start_up_outweighs,
    memory_runs_short,
    replacing_workers_costs,
    items_made_beforehand,
    results_differ,
    keeps_global_state,
    slow_items,
    prints,
    run_was_disturbed,
    cpu_speed_changed,
    unsettled,
)
# A comparison of one kind's sizes has neither threads nor a stranger's work; what it can't see it does not list.
ABOUT_KINDS_OR_UNKNOWN_WORK = {
    hangs,
    workers_break,
    nests_pools,
    results_lazy,
    results_remembered,
    items_changed,
    function_too_large,
    event_loop_blocked,
    gil_held,
    child_processes,
    light_kinds_suffice,
    too_large_to_hand_over,
    oversubscribed,
    memory_runs_short,
    replacing_workers_costs,
    items_made_beforehand,
    results_differ,
    keeps_global_state,
    slow_items,
    prints,
}
# The plain loop and the first calls are enough for them.
ABOUT_THE_LOOP = {
    results_lazy,
    results_remembered,
    items_changed,
    event_loop_blocked,
    child_processes,
    oversubscribed,
}
# They say nothing where the times are not those of the work.
ABOUT_TIMES = {
    work_too_small,
    gil_held,
    light_kinds_suffice,
    function_too_large,
    too_large_to_hand_over,
    sent_with_every_map,
    chunks_too_small,
    chunks_too_large,
    stragglers,
    more_workers_than_cpus,
    larger_pools_untried,
    oversubscribed,
    start_up_outweighs,
    unsettled,
}
# Nor do these where a call ends before its work does, which may run into the next one.
ABOUT_WHOLE_CALLS = {results_remembered, child_processes}
# Where kinds are compared, the chunks that a pool chooses are a part of what it is compared by.
ABOUT_SIZES_ALONE = {chunks_vary}
ABOUT_CLUSTERS: set[Check] = {sent_with_every_map}
# Where one of these holds, something broke; the others tell what costs time, or what to take with care.
FAILURES: set[Check] = {hangs, workers_break, nests_pools}
# What makes results wrong in a pool; others differ by what no comparison should look at, such as a process's id.
WRONG_RESULTS = {"differ", "same-random-state", "shared-generator", "main-globals", "shared-globals", "own-globals"}


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """Every check that makes sense for the experiment; none before the loop was measured and a pool was, or broke.

    Of a run that ended before a pool was measured, those that the plain loop is enough for.
    """
    measured = any(config.map or config.breakage for config in state.pools)
    if state.serial is None or not state.serial.map or not (measured or state.outcome):
        return ()
    senseless: set[Check] = set(ABOUT_SIZES_ALONE if compares_kinds(state) else ABOUT_KINDS_OR_UNKNOWN_WORK)
    if not has_cluster(state):
        senseless |= ABOUT_CLUSTERS
    if not measured:
        senseless |= set(CHECKS) - ABOUT_THE_LOOP
    why = why_unfounded(state)
    unfounded = ABOUT_TIMES | (ABOUT_WHOLE_CALLS if why == "lazy" else set()) if why else set()
    results = [
        (check, CheckResult(None, "unfounded") if check in unfounded else check(state, usable_cpus))
        for check in CHECKS
        if check not in senseless
    ]
    recommended = _recommended(state)
    results.sort(key=lambda checked: _rank(checked[1], recommended))
    return tuple(_finding(state, check, result, recommended) for check, result in results)


def _recommended(state: State) -> str:
    """The family of the pool to use; '' where no pool is recommended."""
    choice = recommend(state)
    return family(choice.config) if choice and choice.config and not choice.config.serial else ""


def _is_for_others(result: CheckResult, recommended: str) -> bool:
    """Whether the remedy is for pools of another family than the recommended one's, be they as fast or not."""
    about = {family(fact) for fact in result.facts.values() if isinstance(fact, Configuration)}
    return bool(result.remedy and recommended and about) and recommended not in about


def _rank(result: CheckResult, recommended: str) -> tuple[bool, bool, float]:
    """What holds comes first, with the cause that costs most; remedies for other pools than the one to use after it."""
    if not result.holds:
        return True, False, 0.0
    return False, _is_for_others(result, recommended), -(result.lost_share or 0.0)


def _finding(state: State, check: Check, result: CheckResult, recommended: str) -> Finding:
    name = check.__name__
    remedy = {} if remedies.changes_nothing(state, result.remedy) else result.remedy
    return Finding(
        messages.CHECKS[name],
        result.holds,
        messages.finding_sentence(state, name, result.code, result.facts),
        result.numbers,
        remedy,
        f"{name}: {result.code}",
        failure=check in FAILURES or (check is results_differ and result.code in WRONG_RESULTS),
        not_recommended=_is_for_others(result, recommended) or remedies.only_leaves_out(state, result.remedy),
    )
