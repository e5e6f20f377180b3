"""What the findings say of a work of this folder, after its trial and its plain loop in a real host process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from poolscope.experiments.pool_benchmark.body import with_repetition
from poolscope.experiments.pool_benchmark.state import State
from poolscope.protocol.commands import MeasureOnce
from poolscope.protocol.kinds import PoolUse
from poolscope.protocol.payloads import LoopTimes, MeasurementReport, TraceSummary, TrialReport
from poolscope.protocol.records import Result
from poolscope.runner.host.client import HostProcess

from tests.cases.measuring import LIMIT_S
from tests.experiments.pool_benchmark.invented_runs import about, told


def tried(host: HostProcess, folder: Path) -> TrialReport:
    return host.try_work(folder / "prints", LIMIT_S)


def looped(host: HostProcess, *, traced: bool = False) -> MeasurementReport:
    return host.measure(MeasureOnce(PoolUse("serial"), traced=traced), LIMIT_S, "the plain loop")


def times_of(report: MeasurementReport, *, cpus: float | None = None) -> LoopTimes:
    """The loop's times; with `cpus`, as on a quiet machine where the work would have kept so many busy all the time.

    On a busy one the wall time of child processes and of threads that have ended is the others'.
    """
    times = with_repetition(LoopTimes(0.0, 0.0), report)
    return times if cpus is None else replace(times, wall_s=times.cost_s / cpus, ready_s=0.0)


def state_with(
    times: LoopTimes,
    trial: TrialReport,
    *,
    pools: Sequence[str] = ("thread 2", "process 2"),
    gain: float = 1.9,
    traces: Mapping[str, TraceSummary] | None = None,
) -> State:
    """A run with five such repetitions of the loop, whose pools were so many times as fast."""
    wall_ms = times.wall_s * 1e3
    maps = {"serial": about(wall_ms)} | {pool: about(wall_ms / gain) for pool in pools}
    whole = LoopTimes(*(getattr(times, field.name) * len(maps["serial"]) for field in fields(LoopTimes)))
    changes = {field.name: getattr(trial, field.name) for field in fields(TrialReport) if field.name != "count"}
    return told(
        maps,
        items=trial.count,
        tried=changes,
        loop_share=None,
        traces=traces,
        asked={"workload": "mine:work@items"},
        more=[Result(0, whole, "serial")],
    )
