"""Shows each tool at work once, then times all of them in turns, in a shuffled order, round by round."""

from __future__ import annotations

import gc
import random
import traceback
from dataclasses import asdict
from time import perf_counter
from typing import Any

from poolscope.experiments.sharing.catalog import TOOLS, chosen
from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.handlers import HANDLERS
from poolscope.machine import noise
from poolscope.protocol.arguments import SharingArguments
from poolscope.protocol.payloads import Untyped
from poolscope.protocol.records import Failure, Progress, Result, Sample
from poolscope.runner.context import RunContext
from poolscope.runner.progress import ProgressEstimator


def run(stage: RunContext, arguments: SharingArguments) -> None:
    """Demonstrate the chosen tools, then time them."""
    Run(stage, arguments).go()


class Run:
    """One run: the tools, and what is known of how long each takes."""

    def __init__(self, stage: RunContext, arguments: SharingArguments) -> None:
        self.stage = stage
        self.names = list(chosen(arguments.tools))
        self.operations = arguments.operations
        self.workers = arguments.workers
        self.repeats = arguments.repeats
        self.start_method = arguments.start_method or ""
        self.pace = ProgressEstimator({})
        self.usable: list[str] = []
        self.raised: Exception | None = None

    def go(self) -> None:
        """What a tool raises is that tool's own failure; the run fails with it when no other tool is left."""
        before = noise.read_counters()
        for place, name in enumerate(self.names):
            self.tell_progress(f"shows {TOOLS[name].short}", place)
            try:
                if self.demonstrate(name):
                    self.usable.append(name)
            except Exception as error:
                self.tell_failure(name, error)
        self.pace = ProgressEstimator(dict.fromkeys(self.usable, self.repeats + 1))
        self.rounds()
        self.result("noise", asdict(noise.read_counters().since(before)))
        self.tell_progress("", len(self.names))
        if self.raised and not self.usable:
            raise self.raised

    def demonstrate(self, name: str) -> bool:
        """Show one tool at work. Whether it is there, so that it can be timed."""
        self.result("phase", "shown", name)
        self.stage.raise_if_interrupted()
        outcome = HANDLERS[name].demonstrate(self.show(name))
        told = asdict(outcome) | {"round": TOOLS[name].amount(self.operations)}
        self.result("outcome", told, name)
        self.stage.recorder.flush()
        return not outcome.missing

    def rounds(self) -> None:
        seed = random.SystemRandom().randrange(2**32)
        self.result("seed", seed)
        order = random.Random(seed)
        for repetition in range(self.repeats + 1):
            turn = list(self.usable)
            if repetition:
                order.shuffle(turn)
            for name in turn:
                note = f"repetition {repetition} of {self.repeats}" if repetition else "warm-up"
                self.tell_progress(f"{note}: {TOOLS[name].short}", len(self.names))
                try:
                    self.measure(name, repetition)
                except Exception as error:
                    self.usable.remove(name)
                    self.pace.drop(name)
                    self.tell_failure(name, error)

    def measure(self, name: str, repetition: int) -> None:
        """One timed round. Nothing is recorded in it; the collector has just run, as before every other one."""
        show, amount = self.show(name), TOOLS[name].amount(self.operations)
        began = perf_counter()
        gc.collect()
        self.stage.raise_if_interrupted()
        with self.stage.recorder.quiet():
            nanoseconds = HANDLERS[name].measure(show, amount)
        self.pace.record(name, perf_counter() - began)
        self.stage.emit(Sample(self.stage.now(), "round", name, repetition, nanoseconds / 1e9))
        self.stage.recorder.flush()

    def tell_failure(self, name: str, error: Exception) -> None:
        self.raised = error
        kind, trace = type(error).__name__, traceback.format_exc()
        self.stage.emit(Failure(self.stage.now(), kind, str(error), trace, TOOLS[name].title, name))
        self.result("raised", {"type": kind, "message": str(error), "traceback": trace}, name)
        self.stage.recorder.flush()

    def show(self, name: str) -> DemoContext:
        return DemoContext(self.stage, name, self.workers, self.operations, self.start_method)

    def tell_progress(self, note: str, shown: int) -> None:
        done, total, left = self.pace.estimate()
        rounds = total or len(self.names) * (self.repeats + 1)
        whole = len(self.names) + rounds
        self.stage.emit(Progress(self.stage.now(), shown + done, whole, left if total else None, note))
        self.stage.recorder.flush()

    def result(self, name: str, value: Any, config: str = "") -> None:
        self.stage.emit(Result(self.stage.now(), Untyped(name, value), config))
