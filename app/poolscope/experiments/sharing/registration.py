"""Sharing data as bench, pages, API and command line see it."""

from __future__ import annotations

from poolscope.experiments.experiment import Experiment, Meaning
from poolscope.experiments.sharing import charts, export, findings, params, state, verdict

REGISTERED = (
    Experiment(
        "sharing",
        "sd",
        "Sharing data",
        "Which tool shares data correctly, and at what price?",
        params.SharingParams,
        Meaning(
            state.initial,
            state.fold,
            verdict.verdict,
            findings.findings,
            export.as_json,
            export.rows,
            chart=charts.chart,
        ),
        measured=True,
        undisturbed=True,
    ),
)
