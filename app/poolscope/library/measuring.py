"""`poolscope.measure`: which pool suits a function, asked from a notebook, a script or a test."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from poolscope.errors import BadParameters, MeasuredAlready, MeasurementFailed, ParameterError
from poolscope.experiments.experiment import Installation
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.state import State
from poolscope.library.background import BackgroundRun, MeasureProgress
from poolscope.library.handing_over import HandedOver, hand_over
from poolscope.library.lone_run import LoneRun
from poolscope.library.progress import shown
from poolscope.library.result import MeasureResult, result_of
from poolscope.machine import interpreters
from poolscope.runs.process_tree import scratch_prefix
from poolscope.runs.run import Run, Status
from poolscope.runs.runner_process import MEASURED
from poolscope.settings import Settings, read_settings

# The parameters of `which-pool` that the function and its items are given instead of.
GIVEN_OTHERWISE = ("workload", "work_ms", "items")


class MeasurementInterrupted(KeyboardInterrupt):
    """Ctrl-C: nothing is left of the measurement; `result` has what was measured until then."""

    def __init__(self, result: MeasureResult) -> None:
        super().__init__("The measurement was interrupted; `result` of this exception has what was measured.")
        self.result = result


def measure(
    function: Callable[..., Any],
    items: Iterable[Any] | Callable[[], Iterable[Any]],
    *,
    setup: Callable[[], Any] | None = None,
    progress: bool | Callable[[MeasureProgress], object] = True,
    save: bool = False,
    **parameters: Any,
) -> MeasureResult:
    """Find out which pool suits a function: threads, processes, interpreters, asyncio, or the plain loop.

    `function` is called with each of the `items`, an iterable or a callable that makes one; each worker first calls
    `setup`. That happens in processes of its own, as by `poolscope measure` on the command line: what can be imported
    there is, all else (of a notebook's cell or of `__main__`, lambdas, closures) is sent by value, which takes the
    package cloudpickle.

    `parameters` are those of the experiment `which-pool`: `kinds`, `sizes`, `chunksizes`, `start_methods`,
    `native_threads`, `pythons` (labels of `poolscope doctor`, or paths, to compare with this one), `seconds` or
    `repeats`, `star` (items are spread into arguments), `limit_s` and more; `poolscope list` has them all.

        result = poolscope.measure(parse, lines, kinds=["thread", "process"], sizes=[1, 2, 4])
        print(result)
        assert result.winner.kind == "process" and result.speedup.low > 1.5

    `progress` is shown in a terminal or a notebook; False shows nothing, and a function is called with a
    `MeasureProgress` instead. Nothing is kept unless `save` asks for it: the run is then in the user's journal, where
    `poolscope serve` shows it. In any case only one program of a user measures at a time.

    Raises BadParameters, before anything is started, with the name of each parameter and what it may be;
    MeasurementFailed where the function raises, hangs or ends its process; and MeasurementInterrupted, a
    KeyboardInterrupt with the `result` so far, on Ctrl-C.
    """
    if MEASURED in os.environ:
        raise MeasuredAlready
    settings = read_settings()
    scratch = Path(tempfile.mkdtemp(prefix=scratch_prefix(os.getpid())))
    try:
        asked = check_names(parameters)
        handed = hand_over(function, items, setup, scratch)
        lone = lone_run(settings, handed, asked, scratch, save=save)
        run, interrupted = performed(lone, progress)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    name = getattr(function, "__name__", "function")
    notes = []
    if handed.by_value:
        notes = [f"{name} was sent by value. A pool of processes of your own finds it only in a module."]
    result = result_of(run, lambda remedy: in_code(name, {**asked, **remedy}), notes, saved=save)
    if interrupted:
        raise MeasurementInterrupted(result) from None
    if run.status is not Status.FINISHED:
        raise failure(run, result)
    return result


def check_names(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that are given. Raises BadParameters for a name that is none."""
    known = [name for name in WhichPoolParams.model_fields if name not in GIVEN_OTHERWISE]
    wrong = [name for name in parameters if name not in known]
    if wrong:
        raise BadParameters(
            tuple(
                ParameterError(name, f"{name} is not a parameter of measure. There are: {', '.join(known)}.")
                for name in wrong
            )
        )
    return {name: value for name, value in parameters.items() if value is not None}


def lone_run(settings: Settings, handed: HandedOver, asked: Mapping[str, Any], scratch: Path, *, save: bool) -> LoneRun:
    """What is to be run. Raises BadParameters for a Python that can't be had."""
    others = asked.get("pythons", ())
    words = [word for word in re.split(r"[,\s]+", others) if word] if isinstance(others, str) else list(others)
    installation = Installation((handed.name,), str(scratch), handed.path, working_folder=str(Path.cwd()))
    labels: list[str] = []
    if words:
        with ThreadPoolExecutor(1) as thread:  # the caller's may have a running loop
            paths, labels = thread.submit(
                lambda: asyncio.run(interpreters.find_named(settings.pythons, "", words))
            ).result()
        installation = replace(installation, pythons=paths)
    return LoneRun(
        "which-pool",
        {**asked, "workload": handed.name, "pythons": labels},
        installation,
        journal=settings.journal_path if save else scratch / "unsaved.sqlite",
        turns=settings.journal_path,
        keep_runs=settings.keep_runs,
        journal_mib=settings.journal_mib,
    )


def performed(lone: LoneRun, progress: bool | Callable[[MeasureProgress], object]) -> tuple[Run, bool]:
    """The run once it has ended, and whether Ctrl-C ended it. Raises BadParameters."""
    background = BackgroundRun(lone, lambda sentence: print(sentence, file=sys.stderr))
    with shown(progress) as show:
        try:
            for step in background.updates():
                show(step)
        except KeyboardInterrupt:
            background.interrupt()
            return background.result(), True
        except BaseException:  # of the caller's own function
            background.interrupt()
            raise
    return background.result(), False


def failure(run: Run, result: MeasureResult) -> MeasurementFailed:
    """Why nothing could be measured, with the traceback of a function that raised."""
    error = MeasurementFailed(run.error or f"The run was {run.status}.", result)
    state: State = run.state
    for python in state.pythons:
        if python.trial and python.trial.raised:
            error.add_note(python.trial.raised.traceback)
    return error


def in_code(name: str, parameters: Mapping[str, Any]) -> str:
    """The call that asks for these parameters."""
    named = "".join(f", {name}={value!r}" for name, value in parameters.items())
    return f"measure({name}, items{named})"
