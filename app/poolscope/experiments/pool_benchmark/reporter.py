"""A run's findings as records."""

from __future__ import annotations

from typing import Any

from poolscope.protocol.payloads import Untyped
from poolscope.protocol.records import Actor, Progress, Result, Sample, Span
from poolscope.runner.context import RunContext
from poolscope.runner.progress import ProgressEstimator

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
        lanes, what = answer["lanes"], WORKER.get(kind, "process")
        self.result("traced", answer["traced"], config)
        if answer["memory"] is not None:
            self.result("memory", answer["memory"], config)
        for number, (worker, spans) in enumerate(lanes["workers"], start=1):
            name = f"{config} · w{number}"
            pid = worker if what == "process" else None
            self._stage.emit(Actor(lanes["asked"], name, "started", what, "worker", pid))
            for started, ended, word in spans:
                self._stage.emit(Span(name, "running", started, ended, word, config))
            self._stage.emit(Actor(lanes["got"], name, "ended", what, "worker", pid))
