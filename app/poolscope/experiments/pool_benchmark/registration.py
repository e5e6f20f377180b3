"""The two registrations of the pool benchmark: one kind of pool in several sizes, and every kind."""

from __future__ import annotations

from poolscope.experiments.experiment import Experiment, Meaning
from poolscope.experiments.pool_benchmark import params, pool_sizes, steering, validation, which_pool
from poolscope.experiments.pool_benchmark.measure_command import measure_command

REGISTERED = (
    Experiment(
        "pool-sizes",
        "ps",
        "Pool sizes",
        "How many workers until a pool costs more than it gains?",
        params.PoolSizesParams,
        Meaning(
            pool_sizes.initial,
            pool_sizes.fold,
            pool_sizes.verdict,
            pool_sizes.findings,
            pool_sizes.as_json,
            pool_sizes.rows,
            notes=pool_sizes.notes,
            chart=pool_sizes.chart,
            change=pool_sizes.change,
        ),
        measured=True,  # and meant to be watched beside live runs, which do not wait for it
        for_runner=lambda params, _: params.arguments(),
        steer=steering.steer,
        room="pool_benchmark",
    ),
    Experiment(
        "which-pool",
        "wp",
        "Which pool?",
        "Which pool suits this work, and why is it not faster?",
        params.WhichPoolParams,
        Meaning(
            which_pool.initial,
            which_pool.fold,
            which_pool.verdict,
            which_pool.findings,
            which_pool.as_json,
            which_pool.rows,
            table=which_pool.table,
            notes=which_pool.notes,
            chart=which_pool.chart,
            change=which_pool.change,
        ),
        measured=True,
        undisturbed=True,
        for_runner=validation.for_runner,
        choices=validation.choices,
        command=measure_command,
        steer=steering.steer,
        room="pool_benchmark",
    ),
)
