"""The experiments, one entry each; everything else about one is in its folder, its view and its templates."""

from __future__ import annotations

from operator import attrgetter

from poolscope.experiments.experiment import Experiment, Experiments, Meaning
from poolscope.experiments.factorials import export as factorials_export
from poolscope.experiments.factorials import params as factorials_params
from poolscope.experiments.factorials import state as factorials
from poolscope.experiments.factorials import verdict as factorials_verdict
from poolscope.experiments.failures import export as failures_export
from poolscope.experiments.failures import params as failures_params
from poolscope.experiments.failures import state as failures
from poolscope.experiments.failures import verdict as failures_verdict
from poolscope.experiments.pool_benchmark import params as pool_benchmark_params
from poolscope.experiments.pool_benchmark import pool_sizes, steering, validation, which_pool
from poolscope.experiments.pool_benchmark.measure_command import measure_command
from poolscope.experiments.shared_list import export as shared_list_export
from poolscope.experiments.shared_list import params as shared_list_params
from poolscope.experiments.shared_list import state as shared_list
from poolscope.experiments.shared_list import verdict as shared_list_verdict
from poolscope.experiments.sharing import charts as sharing_charts
from poolscope.experiments.sharing import export as sharing_export
from poolscope.experiments.sharing import findings as sharing_findings
from poolscope.experiments.sharing import params as sharing_params
from poolscope.experiments.sharing import state as sharing
from poolscope.experiments.sharing import verdict as sharing_verdict

EXPERIMENTS = Experiments(
    (experiment.name, experiment)
    for experiment in (
        Experiment(
            "shared-list",
            "sl",
            "Shared list",
            "Do producers and consumers stay in step over one list?",
            shared_list_params.SharedListParams,
            Meaning(
                shared_list.initial,
                shared_list.fold,
                shared_list_verdict.verdict,
                shared_list_verdict.findings,
                shared_list_export.as_json,
                shared_list_export.rows,
                log=shared_list_export.log,
                paused=attrgetter("paused"),
                in_force=attrgetter("delays"),
            ),
            controls=shared_list_params.SharedListControls,
        ),
        Experiment(
            "pool-sizes",
            "ps",
            "Pool sizes",
            "How many workers until a pool costs more than it gains?",
            pool_benchmark_params.PoolSizesParams,
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
            "factorials",
            "fa",
            "Factorials",
            "In what order do results come back from a pool?",
            factorials_params.FactorialsParams,
            Meaning(
                factorials.initial,
                factorials.fold,
                factorials_verdict.verdict,
                factorials_verdict.findings,
                factorials_export.as_json,
                factorials_export.rows,
            ),
        ),
        Experiment(
            "sharing",
            "sd",
            "Sharing data",
            "Which tool shares data correctly, and at what price?",
            sharing_params.SharingParams,
            Meaning(
                sharing.initial,
                sharing.fold,
                sharing_verdict.verdict,
                sharing_findings.findings,
                sharing_export.as_json,
                sharing_export.rows,
                chart=sharing_charts.chart,
            ),
            measured=True,
            undisturbed=True,
        ),
        Experiment(
            "failures",
            "fl",
            "Failures",
            "When something breaks in a worker, who finds out?",
            failures_params.FailuresParams,
            Meaning(
                failures.initial,
                failures.fold,
                failures_verdict.verdict,
                failures_verdict.findings,
                failures_export.as_json,
                failures_export.rows,
            ),
            for_runner=failures_params.for_runner,
            choices=failures_params.choices,
        ),
        Experiment(
            "which-pool",
            "wp",
            "Which pool?",
            "Which pool suits this work, and why is it not faster?",
            pool_benchmark_params.WhichPoolParams,
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
)
