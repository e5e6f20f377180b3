"""A run's findings as records."""

from __future__ import annotations

from typing import Any

from app.records import Actor, Progress, Result, Sample, Span
from app.runner.pace import Pace
from app.runner.stage import Stage

# What a worker of each kind is; under asyncio it is a place under the limit.
WORKER = {"serial": "thread", "thread": "thread", "interpreter": "interpreter", "asyncio": "task"}


class Telling:
    """Emits to one stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def result(self, name: str, value: Any, arm: str = "") -> None:
        self._stage.emit(Result(self._stage.now(), name, value, arm))

    def sample(self, name: str, arm: str, repetition: int, nanoseconds: int) -> None:
        self._stage.emit(Sample(self._stage.now(), name, arm, repetition, nanoseconds / 1e9))

    def progress(self, pace: Pace, note: str) -> None:
        done, total, left = pace.now()
        self._stage.emit(Progress(self._stage.now(), done, total, left, note))
        self._stage.recorder.flush()

    def traced(self, arm: str, kind: str, answer: dict[str, Any]) -> None:
        """What a traced repetition found: its summary, its memory, and who worked when on what, with lane = arm."""
        lanes, what = answer["lanes"], WORKER.get(kind, "process")
        self.result("traced", answer["traced"], arm)
        if answer["memory"] is not None:
            self.result("memory", answer["memory"], arm)
        for number, (worker, spans) in enumerate(lanes["workers"], start=1):
            name = f"{arm} · w{number}"
            pid = worker if what == "process" else None
            self._stage.emit(Actor(lanes["asked"], name, "started", what, "worker", pid))
            for started, ended, word in spans:
                self._stage.emit(Span(name, "running", started, ended, word, arm))
            self._stage.emit(Actor(lanes["got"], name, "ended", what, "worker", pid))
