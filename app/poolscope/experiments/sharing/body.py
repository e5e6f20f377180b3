"""Shows each tool at work once, then times all of them in turns, in a shuffled order, round by round."""

from __future__ import annotations

import gc
import random
import traceback
from dataclasses import replace
from time import perf_counter

from poolscope.experiments.sharing.catalog import TOOLS, chosen
from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.handlers import HANDLERS
from poolscope.experiments.sharing.payloads import DemonstrationBegan, ToolFailed
from poolscope.machine import noise
from poolscope.protocol.arguments import SharingArguments
from poolscope.protocol.payloads import Payload, Seed
from poolscope.protocol.records import Failure, Progress, Result, Sample
from poolscope.runner.context import PlainFailure, RunContext
from poolscope.runner.progress import ProgressEstimator


def run(context: RunContext, arguments: SharingArguments) -> None:
    """Demonstrate the chosen tools, then time them."""
    SharingSession(context, arguments).go()


class SharingSession:
    """One run: the tools, and what is known of how long each takes."""

    def __init__(self, context: RunContext, arguments: SharingArguments) -> None:
        self.context = context
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
        before = noise.read_counters(server=self.context.server)
        for place, name in enumerate(self.names):
            self.record_progress(f"shows {TOOLS[name].short}", place)
            try:
                if self.demonstrate(name):
                    self.usable.append(name)
            except Exception as error:
                self.record_failure(name, error)
        self.pace = ProgressEstimator(dict.fromkeys(self.usable, self.repeats + 1))
        self.rounds()
        self.result(noise.read_counters(server=self.context.server).since(before))
        self.record_progress("", len(self.names))
        if self.raised and not self.usable:
            raise self.raised

    def demonstrate(self, name: str) -> bool:
        """Show one tool at work. Whether it is there, so that it can be timed."""
        self.result(DemonstrationBegan(), name)
        self.context.raise_if_interrupted()
        outcome = HANDLERS[name].demonstrate(self.demo(name))
        self.result(replace(outcome, operations=TOOLS[name].amount(self.operations)), name)
        self.context.recorder.flush()
        return not outcome.missing

    def rounds(self) -> None:
        seed = random.SystemRandom().randrange(2**32)
        self.result(Seed(seed))
        order = random.Random(seed)
        for repetition in range(self.repeats + 1):
            turn = list(self.usable)
            if repetition:
                order.shuffle(turn)
            for name in turn:
                note = f"repetition {repetition} of {self.repeats}" if repetition else "warm-up"
                self.record_progress(f"{note}: {TOOLS[name].short}", len(self.names))
                try:
                    self.measure(name, repetition)
                except Exception as error:
                    self.usable.remove(name)
                    self.pace.drop(name)
                    self.record_failure(name, error)

    def measure(self, name: str, repetition: int) -> None:
        """One timed round. Nothing is recorded in it; the collector has just run, as before every other one."""
        demo, amount = self.demo(name), TOOLS[name].amount(self.operations)
        began = perf_counter()
        gc.collect()
        self.context.raise_if_interrupted()
        with self.context.recorder.quiet():
            nanoseconds = HANDLERS[name].measure(demo, amount)
        self.pace.record(name, perf_counter() - began)
        self.context.emit(Sample(self.context.now(), "round", name, repetition, nanoseconds / 1e9))
        self.context.recorder.flush()

    def record_failure(self, name: str, error: Exception) -> None:
        self.raised = error
        kind, trace = type(error).__name__, traceback.format_exc()
        self.context.emit(Failure(self.context.now(), kind, str(error), trace, TOOLS[name].title, name))
        self.result(ToolFailed(kind, str(error), trace, isinstance(error, PlainFailure)), name)
        self.context.recorder.flush()

    def demo(self, name: str) -> DemoContext:
        return DemoContext(self.context, name, self.workers, self.operations, self.start_method)

    def record_progress(self, note: str, shown: int) -> None:
        done, total, left = self.pace.estimate()
        rounds = total or len(self.names) * (self.repeats + 1)
        whole = len(self.names) + rounds
        self.context.emit(Progress(self.context.now(), shown + done, whole, left if total else None, note))
        self.context.recorder.flush()

    def result(self, payload: Payload, tool: str = "") -> None:
        self.context.emit(Result(self.context.now(), payload, tool))
