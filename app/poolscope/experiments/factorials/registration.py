"""The factorials as bench, pages, API and command line see them."""

from __future__ import annotations

from poolscope.experiments.experiment import Experiment, Meaning
from poolscope.experiments.factorials import export, params, state, verdict

REGISTERED = (
    Experiment(
        "factorials",
        "fa",
        "Factorials",
        "In what order do results come back from a pool?",
        params.FactorialsParams,
        Meaning(
            state.initial,
            state.fold,
            verdict.verdict,
            verdict.findings,
            export.as_json,
            export.rows,
        ),
    ),
)
