"""What it takes to have all items before a map begins, which no map's time shows: seconds, and memory."""

from __future__ import annotations

from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.state import State

# Of a single call with the items made for it: a tenth can be felt. Below some milliseconds it is the clock's.
MUCH, SHORT_S = 0.10, 5e-3
MUCH_MEMORY = 64 * 2**20
TWO_FIGURES_AGREE = 4  # the growth of a process may show less than the items have, but not by so much


def items_made_beforehand(state: State, usable_cpus: int) -> CheckResult:
    trial = state.reference.trial if state.reference else None
    if state.params.built_in:
        return CheckResult(False, "at hand")
    if trial is None or trial.made is None:
        return CheckResult(None, "unknown")
    made = trial.made
    pickled = trial.item_bytes * trial.count if trial.item_bytes is not None else None
    facts: dict[str, Any] = {"items": trial.count, "made_s": made.seconds, "memory": made.memory, "pickled": pickled}
    if not made.lazy:
        return CheckResult(False, "at hand", facts)
    recommendation = recommend(state)
    config = (recommendation.config or recommendation.best) if recommendation else state.serial
    if config is None or not config.total:
        return CheckResult(None, "unknown", facts)
    call_s = median(config.total)
    share = made.seconds / (made.seconds + call_s)
    facts |= {"config": config, "call_s": call_s, "share": share}
    long, large = share >= MUCH and made.seconds >= SHORT_S, made.memory >= MUCH_MEMORY
    if made.full:
        return CheckResult(True, "full", facts, lost_share=share)
    if long or large:
        code = "long and large" if long and large else "long" if long else "large"
        return CheckResult(True, code, facts, lost_share=share if long else None)
    if pickled is not None and pickled >= MUCH_MEMORY and pickled > TWO_FIGURES_AGREE * made.memory:
        return CheckResult(None, "figures differ", facts)
    return CheckResult(False, "cheap", facts)
