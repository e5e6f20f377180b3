"""Sends what a run of the pool benchmark finds out as records."""

from __future__ import annotations

from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.payloads import MeasurementReport, Payload, PlannedConfiguration
from poolscope.protocol.records import Progress, Result, Sample
from poolscope.runner.context import RunContext
from poolscope.runner.progress import ProgressEstimator
from poolscope.runner.tracing import lane_records

# What a worker of each kind is, where it is no process; under asyncio it is a place under the limit.
WORKERS = {SERIAL: "thread", "thread": "thread", "interpreter": "interpreter", "asyncio": "task"}

# The start methods whose workers may have to import the user's modules, where forked ones have them.
IMPORTING = ("spawn", "forkserver")


class Reporter:
    """Emits records to one run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def result(self, payload: Payload, key: str = "") -> None:
        """`key` names the configuration, or the Python, that the payload is about; '' for the run."""
        self._context.emit(Result(self._context.now(), payload, key))

    def progress(self, estimator: ProgressEstimator, note: str, config: PlannedConfiguration | None = None) -> None:
        done, total, left = estimator.estimate()
        key = config.key if config else ""
        self._context.emit(Progress(self._context.now(), done, total, left, note, key))
        self._context.recorder.flush()

    def samples(self, config: PlannedConfiguration, repetition: int, report: MeasurementReport) -> None:
        """The times of one repetition; a plain loop has a map alone."""
        phases = {"map": report.map}
        if config.kind != SERIAL:
            phases = {"start": report.start, "first_ready": report.first_ready, "map": report.map, "stop": report.stop}
        if config.start_method in IMPORTING:
            phases["imported"] = report.imported
        for name, nanoseconds in phases.items():
            self._context.emit(Sample(self._context.now(), name, config.key, repetition, nanoseconds / 1e9))

    def traced(self, config: PlannedConfiguration, report: MeasurementReport) -> None:
        """What a traced repetition found: its summary, its memory, and a lane for each worker."""
        if report.traced is not None:
            self.result(report.traced, config.key)
        if report.memory is not None:
            self.result(report.memory, config.key)
        if report.shipped is not None:
            self.result(report.shipped, config.key)
        what, got = WORKERS.get(config.kind, "process"), report.asked + report.map
        actor = config.key + " · w{}"
        for record in lane_records(report.lanes, report.asked, got, lane=config.key, actor=actor, what=what):
            self._context.emit(record)
