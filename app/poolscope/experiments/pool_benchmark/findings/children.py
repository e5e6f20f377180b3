"""Whether the CPU time goes to child processes: to programs that a call starts, or to pools of its own."""

from __future__ import annotations

from typing import Any

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.disturbance import was_disturbed
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.pool_benchmark.work import COMPUTES, FEW, MOSTLY, WAITS, children_share, on_cpu, waits


def child_processes(state: State, usable_cpus: int) -> CheckResult:
    loop, share, busy = state.serial, children_share(state.serial), on_cpu(state.serial)
    times = loop.loop if loop else None
    if loop is None or times is None or share is None or busy is None or not state.items:
        return CheckResult(None, "unknown")
    calls = len(loop.map) * state.items
    facts: dict[str, Any] = {
        "children_s": times.children_cpu_s / calls,
        "own_s": times.cpu_s / calls,
        "children_share": share,
        "children_on_cpu": share * busy,
    }
    if share < FEW:
        return CheckResult(False, "few", facts)
    if waits(state) is None and was_disturbed(state, usable_cpus):
        return CheckResult(None, "disturbed", facts)
    if share * busy <= WAITS:
        return CheckResult(False, "wait", facts)
    if share < MOSTLY or busy < COMPUTES:
        return CheckResult(None, "both", facts)
    trial = state.reference.trial if state.reference else None
    threads = any(config.kind == "thread" for config in state.pools) or (trial is not None and trial.is_async)
    more = remedies.sizes([1, usable_cpus]) | ({} if threads else remedies.kinds(state, "thread"))
    return CheckResult(True, "compute", facts, more)
