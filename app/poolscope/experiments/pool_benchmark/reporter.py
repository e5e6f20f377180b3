"""A run's findings as records."""

from __future__ import annotations

from typing import Any

from poolscope.protocol.codec import from_json
from poolscope.protocol.payloads import Untyped, WorkerLane
from poolscope.protocol.records import Progress, Result, Sample
from poolscope.runner.context import RunContext
from poolscope.runner.progress import ProgressEstimator
from poolscope.runner.tracing import lane_records

# What a worker of each kind is; under asyncio it is a place under the limit.
WORKER = {"serial": "thread", "thread": "thread", "interpreter": "interpreter", "asyncio": "task"}


class Reporter:
    """Emits to one stage."""

    def __init__(self, stage: RunContext) -> None:
        self._stage = stage

    def result(self, name: str, value: Any, config: str = "") -> None:
        self._stage.emit(Result(self._stage.now(), Untyped(name, value), config))

    def sample(self, name: str, config: str, repetition: int, nanoseconds: int) -> None:
        self._stage.emit(Sample(self._stage.now(), name, config, repetition, nanoseconds / 1e9))

    def progress(self, pace: ProgressEstimator, note: str) -> None:
        done, total, left = pace.estimate()
        self._stage.emit(Progress(self._stage.now(), done, total, left, note))
        self._stage.recorder.flush()

    def traced(self, config: str, kind: str, answer: dict[str, Any]) -> None:
        """What a traced repetition found: its summary, its memory, and who worked when on what, with lane = arm."""
        what = WORKER.get(kind, "process")
        self.result("traced", answer["traced"], config)
        if answer["memory"] is not None:
            self.result("memory", answer["memory"], config)
        lanes = [from_json(WorkerLane, lane) for lane in answer["lanes"]]
        asked, got = answer["asked"], answer["asked"] + answer["map"]
        for record in lane_records(lanes, asked, got, lane=config, actor=f"{config} · w{{}}", what=what):
            self._stage.emit(record)
