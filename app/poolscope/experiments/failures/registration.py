"""The failures as bench, pages, API and command line see them."""

from __future__ import annotations

from poolscope.experiments.experiment import Experiment, Meaning
from poolscope.experiments.failures import export, params, state, verdict

REGISTERED = (
    Experiment(
        "failures",
        "fl",
        "Failures",
        "When something breaks in a worker, who finds out?",
        params.FailuresParams,
        Meaning(
            state.initial,
            state.fold,
            verdict.verdict,
            verdict.findings,
            export.as_json,
            export.rows,
        ),
        for_runner=params.for_runner,
        choices=params.choices,
    ),
)
