"""What it costs that workers are replaced after so many tasks."""

from __future__ import annotations

from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.recommendation import eligible_configs
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.stats.intervals import Ratio, ratio

NOTHING = 1.05  # where the interval ends below it, replacing costs less than can be felt
LATER = 10  # a remedy replaces workers so many times as seldom


def replacing_workers_costs(state: State, usable_cpus: int) -> CheckResult:
    replacing = [config for config in state.pools if config.max_tasks]
    if not replacing:
        return CheckResult(False, "never")
    measured = [config for config in eligible_configs(state) if config.max_tasks]
    if not measured:
        return CheckResult(None, "unmeasured")
    pairs = [(config, base) for config in measured if (base := _kept(state, config))]
    if not pairs:
        return CheckResult(None, "not compared", {}, {"max_tasks": sorted({0, *state.params.max_tasks})})
    judged = [(config, base, ratio(config.map, base.map)) for config, base in pairs]
    return _costliest(state, *max(judged, key=lambda one: one[2].value))


def _costliest(state: State, config: Configuration, base: Configuration, cost: Ratio) -> CheckResult:
    tasks = -(-(state.items or 0) // config.chunk_used)
    if answers_count(state, config):
        tasks += config.size
    replaced = max(0, -(-tasks // config.max_tasks) - config.size) or None
    extra_s = median(config.map) - median(base.map)
    facts: dict[str, Any] = {
        "config": config,
        "base": base,
        "cost": cost,
        "tasks": config.max_tasks,
        "replaced": replaced,
        "each_s": extra_s * config.size / replaced if replaced and extra_s > 0 else None,
        "replaced_s": median(config.map),
        "base_s": median(base.map),
    }
    if cost.low is None or cost.high is None:
        return CheckResult(None, "few repetitions", facts)
    if cost.low > 1 and cost.value >= NOTHING:
        later = {"max_tasks": sorted({0, config.max_tasks * LATER})}
        return CheckResult(True, "costs", facts, later, lost_share=1 - 1 / cost.value)
    if cost.high < NOTHING:
        return CheckResult(False, "nothing", facts)
    return CheckResult(None, "undecided", facts)


def answers_count(state: State, config: Configuration) -> bool:
    """Whether every worker's first answer, before the map, is one of the tasks after which it is replaced."""
    python = state.python(config.python)
    return (
        config.kind == "process"
        and python is not None
        and python.facts is not None
        and (not python.facts.executor_replaces)
    )


def _kept(state: State, config: Configuration) -> Configuration | None:
    """The configuration whose workers stay and that differs in nothing else."""
    staying = (other for other in eligible_configs(state) if not other.max_tasks)
    return next((other for other in staying if _but_for(other) == _but_for(config)), None)


def _but_for(config: Configuration) -> tuple[object, ...]:
    return config.python, config.kind, config.start_method, config.size, config.chunksize, config.native_threads
