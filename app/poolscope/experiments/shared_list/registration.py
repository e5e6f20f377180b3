"""The shared list as bench, pages, API and command line see it."""

from __future__ import annotations

from operator import attrgetter

from poolscope.experiments.experiment import Experiment, Meaning
from poolscope.experiments.shared_list import export, params, state, verdict

REGISTERED = (
    Experiment(
        "shared-list",
        "sl",
        "Shared list",
        "Do producers and consumers stay in step over one list?",
        params.SharedListParams,
        Meaning(
            state.initial,
            state.fold,
            verdict.verdict,
            verdict.findings,
            export.as_json,
            export.rows,
            log=export.log,
            paused=attrgetter("paused"),
            in_force=attrgetter("delays"),
        ),
        controls=params.SharedListControls,
    ),
)
