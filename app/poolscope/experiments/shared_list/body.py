"""Producer threads add random numbers to one list, consumer threads take the oldest, for a while, under a guard."""

from __future__ import annotations

import random
import threading

from poolscope.experiments.shared_list.guards import GUARDS, SharedList
from poolscope.experiments.shared_list.payloads import ControlsInForce
from poolscope.experiments.shared_list.watch import Pace, Watch, Worker
from poolscope.protocol.arguments import SharedListArguments
from poolscope.protocol.commands import ChangeControls
from poolscope.protocol.records import Progress, Result
from poolscope.runner.context import RunContext

LOOK = 0.25  # seconds between two looks at the clock


class Producer(Worker):
    def __init__(self, number: int, shared: SharedList, watch: Watch, pace: Pace) -> None:
        super().__init__(f"producer {number}", "producer", watch, pace)
        self.shared = shared

    def run(self) -> None:
        pace = self.pace
        while not pace.stopping.is_set():
            self.shared.add(self, random.randint(1, 100))
            if pace.rests:
                self.sleep()


class Consumer(Worker):
    def __init__(self, number: int, shared: SharedList, watch: Watch, pace: Pace) -> None:
        super().__init__(f"consumer {number}", "consumer", watch, pace)
        self.shared = shared

    def run(self) -> None:
        pace = self.pace
        while not pace.stopping.is_set():
            self.shared.take(self)
            if pace.rests:
                self.sleep()


def run(context: RunContext, arguments: SharedListArguments) -> None:
    """Run the threads for `seconds`, pauses not counted, or until the run is stopped."""
    pace = Pace(arguments.delay_min, arguments.delay_max, threading.Event(), threading.Event())
    pace.running.set()
    pace.note()
    watch = Watch(context)
    shared = GUARDS[arguments.guard](watch, arguments.capacity)
    workers: list[Worker] = [Producer(n + 1, shared, watch, pace) for n in range(arguments.producers)]
    workers += [Consumer(n + 1, shared, watch, pace) for n in range(arguments.consumers)]
    for worker in workers:
        watch.add(worker)
    context.on_change(lambda change: apply(context, pace, shared, change))
    context.recorder.sample(watch.sample)
    for worker in workers:
        worker.start()
    try:
        let_run(context, pace, arguments.seconds)
    finally:
        pace.stopping.set()
        pace.running.set()
        shared.wake()
        for worker in workers:
            worker.join()
        watch.settle()


def let_run(context: RunContext, pace: Pace, seconds: float) -> None:
    """Wait until the threads have run for `seconds`; a pause stops the clock."""
    ran, last = 0.0, context.now()
    while ran < seconds and not context.stopping.wait(min(LOOK, seconds - ran)):
        now = context.now()
        if pace.running.is_set():
            ran += (now - last) / 1e9
        last = now
        context.emit(Progress(now, min(ran, seconds), seconds, max(seconds - ran, 0.0)))


def apply(context: RunContext, pace: Pace, shared: SharedList, change: ChangeControls) -> None:
    """Take over new delays, pause or resume; the change itself is recorded."""
    if change.delay_min is not None:
        pace.delay_min = change.delay_min
    if change.delay_max is not None:
        pace.delay_max = change.delay_max
    if change.paused is True:
        pace.running.clear()
        shared.wake()
    elif change.paused is False:
        pace.running.set()
    pace.note()
    controls = ControlsInForce(pace.delay_min, pace.delay_max, paused=not pace.running.is_set())
    context.emit(Result(context.now(), controls))
