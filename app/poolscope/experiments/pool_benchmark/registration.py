"""The two registrations of the pool benchmark: one kind of pool in several sizes, and every kind."""

from __future__ import annotations

from poolscope.experiments.experiment import Experiment, Meaning
from poolscope.experiments.pool_benchmark import (
    charts,
    export,
    findings,
    params,
    recommendation,
    remedies,
    size_charts,
    state,
    validation,
    verdict,
)
from poolscope.experiments.pool_benchmark.measure_command import measure_command

REGISTERED = (
    Experiment(
        "pool-sizes",
        "ps",
        "Pool sizes",
        "How many workers until a pool costs more than it gains?",
        params.PoolSizesParams,
        Meaning(
            state.initial,
            state.fold,
            verdict.verdict,
            findings.findings,
            export.pool_sizes_json,
            export.pool_sizes_rows,
            notes=export.rounds_notes,
            chart=size_charts.chart,
            change=remedies.change,
        ),
        measured=True,  # and meant to be watched beside live runs, which do not wait for it
        for_runner=lambda params, _: params.arguments(),
        steer=recommendation.steer,
        room="pool_benchmark",
    ),
    Experiment(
        "which-pool",
        "wp",
        "Which pool?",
        "Which pool suits this work, and why is it not faster?",
        params.WhichPoolParams,
        Meaning(
            state.initial,
            state.fold,
            verdict.verdict,
            findings.findings,
            export.which_pool_json,
            export.which_pool_rows,
            table=export.table,
            notes=export.notes,
            chart=charts.chart,
            change=remedies.change,
        ),
        measured=True,
        undisturbed=True,
        for_runner=validation.for_runner,
        choices=validation.choices,
        command=measure_command,
        steer=recommendation.steer,
        room="pool_benchmark",
    ),
)
