"""Which size maps fastest and whether it beats the plain loop, by the judge of the pool benchmark."""

from __future__ import annotations

from poolscope.experiments.findings import Verdict
from poolscope.experiments.pool_benchmark import verdict as benchmark
from poolscope.experiments.pool_sizes.benchmark import as_benchmark
from poolscope.experiments.pool_sizes.samples import State


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """None until every pool has the few repetitions that an interval takes, or the run is over with less."""
    return benchmark.verdict(as_benchmark(state), usable_cpus)
