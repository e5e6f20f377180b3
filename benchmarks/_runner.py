"""Runs an experiment's body in a runner of its own, as the server starts it, and returns its records."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import poolscope
from poolscope.experiments.experiment import Installation
from poolscope.experiments.parameters import Params
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol import codec
from poolscope.protocol.commands import BeginRun
from poolscope.protocol.records import End, Record, from_line

RUNNER = Path(poolscope.__file__).resolve().parent / "runner"


def perform(experiment: str, params: Params, installation: Installation | None = None) -> list[Record]:
    """All records of one run. Raises RuntimeError when it does not finish."""
    about = EXPERIMENTS[experiment]
    arguments = about.arguments(params, installation or Installation())
    begin = BeginRun("benchmark", experiment, about.body, arguments)
    control_read, control = os.pipe()
    records_read, records = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(RUNNER), str(control_read), str(records), about.body],
        pass_fds=(control_read, records),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    os.close(control_read)
    os.close(records)
    try:
        os.write(control, codec.to_line(begin) + b"\n")
        with os.fdopen(records_read, "rb") as lines:
            said = [from_line(line) for line in lines]
    finally:
        os.close(control)  # the runner then ends its whole group by itself
        process.wait()
    end = said[-1]
    if not isinstance(end, End) or end.outcome != "finished":
        raise RuntimeError(f"the run did not finish: {end}")
    return said
