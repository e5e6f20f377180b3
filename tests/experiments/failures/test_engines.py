"""Faults under pools of other packages, with real workers: what is observed, and that nothing of them is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from poolscope.experiments.failures.catalogue import key
from poolscope.experiments.failures.export import left, matrix
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.failures.run_case import run_case
from poolscope.experiments.failures.state import FailuresState, fold, initial
from poolscope.protocol.arguments import FailuresArguments
from poolscope.protocol.records import from_line
from poolscope.runner.context import RunContext
from poolscope.runner.recorder import Recorder


def seen_under(engine: str, fault: str, folder: Path) -> FailuresState:
    """What is known of one case, made alone."""
    params = FailuresParams(scenarios=["side-by-side"], engines=[engine], task=0.6, limit=0.3)
    arguments = FailuresArguments(("side-by-side",), params.task, params.limit, (engine,))
    case = f"{fault} / {engine}"
    with (folder / "records").open("wb") as written:
        recorder = Recorder(os.dup(written.fileno()))
        run_case(RunContext(recorder, folder), "side-by-side", case, key("side-by-side", case), arguments)
        recorder.close()
    state = initial(params)
    for line in (folder / "records").read_bytes().splitlines():
        state = fold(state, from_line(line))
    assert sorted(entry.name for entry in folder.iterdir()) == ["records"]
    return state


@pytest.mark.parametrize(
    ("engine", "fault", "outcome", "exception", "usable"),
    [
        ("loky", "exits", "pool broken", "TerminatedWorkerError", False),
        ("loky", "result not picklable", "raised", "TypeError", True),
        ("dask", "exits", "raised", "KilledWorker", True),
    ],
)
def test_a_fault_is_observed_and_leaves_nothing(
    engine: str, fault: str, outcome: str, exception: str, usable: bool, tmp_path: Path
) -> None:
    state = seen_under(engine, fault, tmp_path)
    (cell,) = matrix(state)
    assert (cell["tool"], cell["outcome"], cell["exception"]) == (engine, outcome, exception)
    (case,) = state.cases.values()
    assert case.observed.usable is usable
    assert not any(left(state).values())
    deaths = [moment for moment in case.moments if moment.text.endswith("is gone")]
    made = [moment for moment in case.moments if "os._exit" in moment.text]
    assert len(made) == {"loky": 1, "dask": 4}[engine] * (fault == "exits")
    assert len(deaths) >= len(made)
