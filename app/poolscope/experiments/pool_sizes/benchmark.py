"""A pool-sizes run as the pool benchmark sees one, so that both experiments have one judge."""

from __future__ import annotations

from dataclasses import fields, replace

from poolscope.experiments.pool_benchmark import state as benchmark
from poolscope.experiments.pool_sizes.samples import Configuration, State
from poolscope.protocol.payloads import LoopTimes, NoiseReading, TraceSummary


def as_benchmark(state: State) -> benchmark.State:
    """One kind, `pool`, in the run's own Python, which needs no label."""
    planned = benchmark.initial(state.params)
    noise = NoiseReading(**state.noise) if state.noise else None
    measured = {0: state.serial, **{config.size: config for config in state.configs}}
    configs = {
        key: _measured(config, measured[0 if config.serial else config.size]) for key, config in planned.configs.items()
    }
    if noise and noise.loop_wall_s and noise.loop_cpu_s is not None and planned.serial:
        key = planned.serial.key
        configs[key] = replace(configs[key], loop=LoopTimes(noise.loop_wall_s, noise.loop_cpu_s))
    return replace(planned, configs=configs, noise=noise, outcome=state.outcome, reason=state.reason)


def _measured(planned: benchmark.Configuration, config: Configuration) -> benchmark.Configuration:
    told = {"workers_used": config.size, **config.traced, "task_s": None}
    traced = {each.name: told[each.name] for each in fields(TraceSummary) if each.name in told}
    return replace(
        planned,
        chunk_used=config.chunksize or planned.chunk_used,
        start=config.start,
        first_ready=config.first_ready,
        map=config.map,
        stop=config.stop,
        repetitions=config.repetitions,
        traced=TraceSummary(**traced) if config.traced else None,
    )
