"""Whether a coroutine gives the event loop back while it works, so that others can go on."""

from __future__ import annotations

from typing import Any

from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.recommendation import eligible_configs
from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.pool_benchmark.work import (
    BLOCKS,
    COMPUTES,
    SHARES_LOOP,
    SHORTEST_CALL_S,
    WAITS,
    blocks_event_loop,
    is_childrens_work,
    loop_use,
    overlapped,
    seconds_per_item,
)
from poolscope.protocol.payloads import LoopUse
from poolscope.text.sentences import Part


def event_loop_blocked(state: State, usable_cpus: int) -> CheckResult:
    trial = state.reference.trial if state.reference else None
    if trial is None:
        return CheckResult(None, "unknown")
    if not trial.is_async:
        return CheckResult(False, "no coroutine")
    use, per_item = loop_use(state), seconds_per_item(state)
    if use is None or per_item is None:
        return CheckResult(None, "unknown")
    at_once = max((config.size for config in eligible_configs(state) if config.kind == "asyncio"), default=1)
    facts: dict[str, Any] = {
        "blocked_share": use.blocked_share,
        "longest_s": use.longest_s,
        "seconds_per_item": per_item,
        "at_once": at_once,
        "overlapped": overlapped(state),
    }
    if use.blocked_share <= SHARES_LOOP:
        return CheckResult(False, "shares", facts)
    if per_item < SHORTEST_CALL_S:
        return CheckResult(None, "short", facts)
    if use.blocked_share < BLOCKS:
        return CheckResult(None, "partly", facts)
    if not blocks_event_loop(state):
        return CheckResult(None, "overlaps", facts)
    facts["instead"] = Part(_instead(state, use))
    lost_share = max(0.0, 1 - 1 / (at_once * use.blocked_share))
    return CheckResult(True, _instead(state, use), facts, lost_share=lost_share)


def _instead(state: State, use: LoopUse) -> str:
    """By what the steps are long, which decides what would help."""
    if is_childrens_work(state.serial):
        return "programs"
    on_cpu = use.cpu_s / use.blocked_s if use.blocked_s else 0.0
    return "computes" if on_cpu >= COMPUTES else "waits" if on_cpu <= WAITS else "both"
