"""Runs an experiment's body in a runner of its own, as the server starts it, and returns its records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import poolscope
from poolscope.protocol.records import End, Record, from_line

RUNNER = Path(poolscope.__file__).resolve().parent / "runner"


def perform(experiment: str, params: dict[str, Any], conditions: dict[str, Any] | None = None) -> list[Record]:
    """All records of one run. Raises RuntimeError when it does not finish."""
    body = f"poolscope.experiments.{experiment.replace('-', '_')}.body"
    order = {
        "run": "benchmark",
        "experiment": experiment,
        "params": params,
        "body": body,
        "conditions": conditions or {},
    }
    control_read, control = os.pipe()
    records_read, records = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(RUNNER), str(control_read), str(records), body],
        pass_fds=(control_read, records),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    os.close(control_read)
    os.close(records)
    try:
        os.write(control, json.dumps(order).encode() + b"\n")
        with os.fdopen(records_read, "rb") as lines:
            said = [from_line(line) for line in lines]
    finally:
        os.close(control)  # the runner then ends its whole group by itself
        process.wait()
    end = said[-1]
    if not isinstance(end, End) or end.outcome != "finished":
        raise RuntimeError(f"the run did not finish: {end}")
    return said
