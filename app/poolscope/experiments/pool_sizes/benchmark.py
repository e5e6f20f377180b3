"""A pool-sizes run as the pool benchmark sees one, so that both experiments have one judge."""

from __future__ import annotations

from typing import cast

from poolscope.experiments.pool_benchmark import state as benchmark
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_sizes.samples import Configuration, State

KEY = "serial"


def as_benchmark(state: State) -> benchmark.State:
    """One kind, `pool`, in the run's own Python, which needs no label."""
    configs = [_configuration(state, state.serial, KEY)]
    configs += [_configuration(state, config, str(config.size)) for config in state.configs]
    return benchmark.State(
        cast("WhichPoolParams", state.params),
        (benchmark.Python("", preflight={"count": state.params.items}),),
        {config.key: config for config in configs},
        state.order,
        start_method=state.start_method,
        noise=state.noise,
        outcome=state.outcome,
        reason=state.reason,
    )


def _configuration(state: State, config: Configuration, key: str) -> benchmark.Configuration:
    noise = state.noise if config.size == 0 else {}
    known = noise.get("loop_wall_s") and noise.get("loop_cpu_s") is not None
    return benchmark.Configuration(
        key,
        python="",
        kind="pool" if config.size else "serial",
        size=config.size or 1,
        start_method=state.params.start_method or "" if config.size else "",
        chunksize=state.params.chunksize,
        chunk_used=config.chunksize,
        start=config.start,
        first_ready=config.first_ready,
        map=config.map,
        stop=config.stop,
        repetitions=config.repetitions,
        traced=config.traced,
        loop={"wall_s": noise["loop_wall_s"], "cpu_s": noise["loop_cpu_s"]} if known else {},
    )
