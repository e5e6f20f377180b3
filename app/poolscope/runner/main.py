"""Waits for a run on the control channel, does it and says how it ended; when the channel closes, ends everything."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns
from typing import Any, TextIO

from poolscope.machine.processes import end_group, remove_scratch
from poolscope.protocol.records import End, Failure, Opening
from poolscope.runner.channels import keep_from_children
from poolscope.runner.context import CannotGoOn, RunContext, Stopped
from poolscope.runner.recorder import Recorder

LEAVE_S = 1.0  # seconds in which Python must have ended once the run has


def main(control: int, records: int, preload: Sequence[str] = ()) -> int:
    """Do the one run that the control channel asks for. Returns 0 when the body ended by itself or was stopped.

    `preload` names modules to import before the run is asked for, so that a warm spare answers a click at once.
    """
    for module in preload:
        importlib.import_module(module)
    platform.platform()  # the slowest of the conditions, and cached
    keep_from_children(control, records)
    commands = os.fdopen(control)
    first = commands.readline()
    scratch = Path(tempfile.gettempdir())
    if not first:  # a spare that was not needed
        remove_scratch(scratch)
        return 0
    order = json.loads(first)
    recorder = Recorder(records)
    stage = RunContext(recorder, scratch)
    recorder.emit(opening(order))
    threading.Thread(target=obey, args=(commands, stage), name="control", daemon=True).start()
    end = perform(order, stage)
    stage.worker_registry.close()
    recorder.emit(end)
    recorder.close()
    sys.stdout.flush()
    # An executor whose worker died in the middle of a result has a thread that reads it forever, and Python joins that.
    last = threading.Timer(LEAVE_S, end_group)
    last.daemon = True
    last.start()
    return 0 if end.outcome != "failed" else 1


def opening(order: dict[str, Any]) -> Opening:
    """The first record, with what the order says of the machine and what this interpreter knows about itself."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    conditions = {
        **order.get("conditions", {}),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": bool(gil),
        "start_method": order["params"].get("start_method") or multiprocessing.get_start_method(),
        "platform": platform.platform(),
        "clock_resolution_s": time.get_clock_info("perf_counter").resolution,
        "executable": sys.executable,
    }
    now = datetime.now(UTC).isoformat()
    return Opening(perf_counter_ns(), now, order["run"], order["experiment"], order["params"], conditions, os.getpid())


def perform(order: dict[str, Any], stage: RunContext) -> End:
    """Run the experiment's body to its end and put that end into words."""
    try:
        body = importlib.import_module(order["body"])
        body.run(stage, order["params"])
    except Stopped:
        return End(perf_counter_ns(), "stopped")
    except CannotGoOn as why:
        stage.emit(Failure(perf_counter_ns(), type(why).__name__, str(why)))
        return End(perf_counter_ns(), "failed", str(why))
    except Exception as error:
        name, trace = type(error).__name__, traceback.format_exc()
        stage.emit(Failure(perf_counter_ns(), name, str(error), trace, "the run's main thread"))
        return End(perf_counter_ns(), "failed", f"{type(error).__name__}: {error}")
    return End(perf_counter_ns(), "stopped" if stage.stopping.is_set() else "finished")


def obey(commands: TextIO, stage: RunContext) -> None:
    """Carry out what the control channel says. Its end means that the server is gone: nothing may outlive it."""
    for line in commands:
        order = json.loads(line)
        if order["do"] == "stop":
            stage.stop()
        elif order["do"] == "change":
            stage.change(order["values"])
        elif order["do"] == "kill":
            stage.worker_registry.kill(order["worker"], order["request"])
    end_group(stage.scratch)
