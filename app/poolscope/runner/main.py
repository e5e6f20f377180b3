"""Waits for a run on the control channel, does it and says how it ended; when the channel closes, ends everything."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import platform
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns
from typing import TextIO

from poolscope.machine import memory
from poolscope.machine.facts import read_machine
from poolscope.machine.processes import end_group, remove_scratch
from poolscope.protocol import codec
from poolscope.protocol.commands import (
    BeginRun,
    ChangeControls,
    Command,
    ContinueRounds,
    KillWorkerProcess,
    ProcessLimits,
    StopRun,
)
from poolscope.protocol.payloads import FailureCode, PythonFacts
from poolscope.protocol.records import End, Failure, Opening
from poolscope.runner.channels import keep_from_children
from poolscope.runner.context import PlainFailure, RunContext, Stopped, WorkerDied
from poolscope.runner.recorder import Recorder

LEAVE_S = 1.0  # seconds in which Python must have ended once the run has
WANTED_MEMORY = "The kernel killed a process of it for want of memory."


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
    begin = codec.from_line(Command, first)
    assert isinstance(begin, BeginRun)
    if begin.limits is not None:
        keep_to(begin.limits)
    recorder = Recorder(records)
    context = RunContext(recorder, scratch, server=begin.server)
    recorder.emit(opening(begin))
    threading.Thread(target=obey, args=(commands, context), name="control", daemon=True).start()
    end = perform(begin, context)
    context.worker_registry.close()
    recorder.close(end)
    sys.stdout.flush()
    # An executor whose worker died in the middle of a result has a thread that reads it forever, and Python joins that.
    last = threading.Timer(LEAVE_S, end_group)
    last.daemon = True
    last.start()
    return 0 if end.outcome != "failed" else 1


def keep_to(limits: ProcessLimits) -> None:
    """Limit this process and all that it starts, and never more than it is limited already."""
    wanted = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, limits.open_files)]
    wanted += [(resource.RLIMIT_FSIZE, limits.file_bytes)]
    if limits.cpu_s is not None:
        wanted += [(resource.RLIMIT_CPU, limits.cpu_s)]
    for kind, most in wanted:
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def opening(begin: BeginRun) -> Opening:
    """The first record, with the machine as it is now and this interpreter as it knows itself."""
    now = datetime.now(UTC).isoformat()
    python = read_python(getattr(begin.arguments, "start_method", None))
    return Opening(
        perf_counter_ns(), now, begin.run, begin.experiment, begin.arguments, read_machine(), python, os.getpid()
    )


def read_python(start_method: str | None) -> PythonFacts:
    """This interpreter; `start_method` is the one that the run asks for, None for the platform's default."""
    return PythonFacts(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        gil=bool(getattr(sys, "_is_gil_enabled", lambda: True)()),
        start_method=start_method or multiprocessing.get_start_method(),
        platform=platform.platform(),
        clock_resolution_s=time.get_clock_info("perf_counter").resolution,
        executable=sys.executable,
        nice=os.nice(0),
    )


def perform(begin: BeginRun, context: RunContext) -> End:
    """Run the experiment's body to its end and put that end into words."""
    kills = memory.MemoryKills()
    try:
        body = importlib.import_module(begin.body)
        body.run(context, begin.arguments)
    except Stopped:
        return End(perf_counter_ns(), "stopped")
    except PlainFailure as why:
        context.emit(Failure(perf_counter_ns(), type(why).__name__, str(why)))
        exit_code = None if isinstance(why, WorkerDied) and why.on_request else why.exit_code
        return failure(str(why), why.code, exit_code, kills)
    except Exception as error:
        name, trace = type(error).__name__, traceback.format_exc()
        context.emit(Failure(perf_counter_ns(), name, str(error), trace, "the run's main thread"))
        return End(perf_counter_ns(), "failed", f"{name}: {error}")
    return End(perf_counter_ns(), "stopped" if context.stopping.is_set() else "finished")


def failure(reason: str, code: FailureCode | None, exit_code: int | None, kills: memory.MemoryKills) -> End:
    """The end of a run that failed, perhaps because a process of it ended with `exit_code`.

    SIGKILL that nobody asked for is the kernel's where it has killed for want of memory since the run began.
    """
    if code is None and exit_code == -signal.SIGKILL and kills.happened:
        return End(perf_counter_ns(), "failed", f"{WANTED_MEMORY} {reason}", "out-of-memory")
    return End(perf_counter_ns(), "failed", reason, code)


def obey(commands: TextIO, context: RunContext) -> None:
    """Carry out the server's commands. When the channel ends, the server is gone and nothing may outlive it."""
    for line in commands:
        match codec.from_line(Command, line):
            case StopRun():
                context.stop()
            case ChangeControls() as change:
                context.change(change)
            case ContinueRounds() as advice:
                context.advise(advice)
            case KillWorkerProcess(worker, request):
                context.worker_registry.kill(worker, request)
    end_group(context.scratch)
