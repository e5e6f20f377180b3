"""Producer threads add random numbers to one list, consumer threads take the oldest, for a while, under a guard."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from typing import Any

from poolscope.experiments.shared_list.guards import GUARDS, SharedList
from poolscope.experiments.shared_list.watch import Pace, Watch, Worker
from poolscope.protocol.records import Count, Progress
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


def run(stage: RunContext, params: Mapping[str, Any]) -> None:
    """Run the threads for `seconds`, pauses not counted, or until the stage is stopped."""
    pace = Pace(params["delay_min"], params["delay_max"], threading.Event(), threading.Event())
    pace.running.set()
    pace.note()
    watch = Watch(stage)
    shared = GUARDS[params["guard"]](watch, params["capacity"])
    workers: list[Worker] = [Producer(n + 1, shared, watch, pace) for n in range(params["producers"])]
    workers += [Consumer(n + 1, shared, watch, pace) for n in range(params["consumers"])]
    for worker in workers:
        watch.add(worker)
    stage.on_change(lambda values: change(stage, pace, shared, values))
    stage.recorder.sample(watch.sample)
    for worker in workers:
        worker.start()
    try:
        let_run(stage, pace, params["seconds"])
    finally:
        pace.stopping.set()
        pace.running.set()
        shared.wake()
        for worker in workers:
            worker.join()
        watch.settle()


def let_run(stage: RunContext, pace: Pace, seconds: float) -> None:
    """Wait until the threads have run for `seconds`; a pause stops the clock."""
    ran, last = 0.0, stage.now()
    while ran < seconds and not stage.stopping.wait(min(LOOK, seconds - ran)):
        now = stage.now()
        if pace.running.is_set():
            ran += (now - last) / 1e9
        last = now
        stage.emit(Progress(now, min(ran, seconds), seconds, max(seconds - ran, 0.0)))


def change(stage: RunContext, pace: Pace, shared: SharedList, values: Mapping[str, Any]) -> None:
    """Take over new delays, pause or resume; the change itself is recorded."""
    pace.delay_min = values.get("delay_min", pace.delay_min)
    pace.delay_max = values.get("delay_max", pace.delay_max)
    if values.get("paused") is True:
        pace.running.clear()
        shared.wake()
    elif values.get("paused") is False:
        pace.running.set()
    pace.note()
    controls = {"delay_min": pace.delay_min, "delay_max": pace.delay_max, "paused": not pace.running.is_set()}
    stage.emit(Count(stage.now(), "controls", controls))
