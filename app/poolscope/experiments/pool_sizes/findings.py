"""The checks that a pool-sizes run goes through: those of the pool benchmark that make sense for one kind."""

from __future__ import annotations

from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_benchmark import findings as benchmark
from poolscope.experiments.pool_sizes.benchmark import as_benchmark
from poolscope.experiments.pool_sizes.samples import State


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    return benchmark.findings(as_benchmark(state), usable_cpus)
