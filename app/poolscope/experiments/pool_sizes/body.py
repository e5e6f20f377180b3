"""Maps the same items in pools of each size and in the plain loop, in turns, and says what each of them took."""

from __future__ import annotations

import random
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from poolscope.machine import noise
from poolscope.protocol.arguments import PoolSizesArguments
from poolscope.protocol.kinds import chunk_used
from poolscope.protocol.payloads import Untyped
from poolscope.protocol.records import Progress, Result, Sample
from poolscope.runner.context import RunContext
from poolscope.runner.pools.kinds import PoolUse, measure
from poolscope.runner.progress import ProgressEstimator
from poolscope.runner.tracing import lane_records, trace_summary, worker_lanes
from poolscope.workloads.catalog import WORKLOADS
from poolscope.workloads.work import set_up

SERIAL = "serial"
SHOWN_RESULTS = 1000
LONGEST_VALUE = 60  # digits of a result that are sent; beyond, its ends and its length are


class WrongResult(Exception):
    """A pool returned something else than the plain loop did."""


def run(stage: RunContext, arguments: PoolSizesArguments) -> None:
    """One uncounted round, the counted ones, one traced repetition a size."""
    scratch = Path(tempfile.mkdtemp(prefix="pool-sizes-", dir=stage.scratch))
    try:
        Run(stage, asdict(arguments), scratch).go()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class Run:
    """One run of the experiment: the plan, made once, and what has to be remembered from arm to arm."""

    def __init__(self, stage: RunContext, params: dict[str, Any], scratch: Path) -> None:
        self.stage = stage
        self.items = range(params["first"], params["last"] + 1)
        self.sizes: list[int] = params["sizes"]
        self.repeats: int = params["repeats"]
        self.start_method: str = params["start_method"] or ""
        self.chunksize: int = params["chunksize"]
        self.method: str = params["method"]
        with stage.interruptible():
            self.work = set_up(params["workload"], params["work_ms"], len(self.items), scratch, first=params["first"])
        self.length_ms = params["work_ms"] or WORKLOADS[params["workload"]].work_ms
        self.expected: list[Any] = []
        self.collections: dict[str, int] = {}
        self.loop_wall_ns = self.loop_cpu_ns = 0
        # An arm is passed once uncounted and `repeats` times counted; every pool once more for its trace.
        passes = {str(size): self.repeats + 2 for size in self.sizes}
        self.pace = ProgressEstimator({SERIAL: self.repeats + 1, **passes})

    def go(self) -> None:
        self.announce()
        self.round(0, [SERIAL, *map(str, self.sizes)])
        seed = random.SystemRandom().randrange(2**32)
        self.result("seed", seed)
        order = random.Random(seed)
        before = noise.read_counters()
        for repetition in range(1, self.repeats + 1):
            configs = [SERIAL, *map(str, self.sizes)]
            order.shuffle(configs)
            self.round(repetition, configs)
            self.tell_noise(before)
        for size in self.sizes:
            self.trace(size)
        self.tell_noise(before)

    def use(self, size: int) -> PoolUse:
        return PoolUse("pool", size, self.start_method, self.chunksize, self.method)

    def announce(self) -> None:
        for size in self.sizes:
            used = chunk_used("pool", self.chunksize, len(self.items), size, self.method)
            self.result("chunksize", used, str(size))
        if self.work.rounds is not None:
            found = {"rounds": self.work.rounds, "asked_ms": self.length_ms, "one_call_s": self.work.one_call_s}
            self.result("calibration", found)

    def round(self, repetition: int, configs: list[str]) -> None:
        for config in configs:
            self.tell_progress("warm-up" if repetition == 0 else f"repetition {repetition} of {self.repeats}")
            began = perf_counter()
            if config == SERIAL:
                self.loop(repetition)
            else:
                self.pool(repetition, int(config))
            self.pace.record(config, perf_counter() - began)

    def loop(self, repetition: int) -> None:
        measurement = measure(self.stage, PoolUse(SERIAL), self.work)
        self.sample("map", SERIAL, repetition, measurement.map)
        if repetition == 0:
            self.expected = measurement.results
            self.result("results", shown(measurement.results), SERIAL)
        else:
            self.loop_wall_ns += measurement.map
            self.loop_cpu_ns += measurement.cpu or 0
        self.check(measurement.results, SERIAL, repetition)
        self.count_collections(SERIAL, repetition, measurement.collections)

    def pool(self, repetition: int, size: int) -> None:
        measurement = measure(self.stage, self.use(size), self.work)
        config = str(size)
        self.sample("start", config, repetition, measurement.start)
        self.sample("first_ready", config, repetition, measurement.first_ready)
        self.sample("map", config, repetition, measurement.map)
        self.sample("stop", config, repetition, measurement.stop)
        if repetition == 0:
            self.result("results", shown(measurement.results), config)
        self.check(measurement.results, config, repetition)
        self.count_collections(config, repetition, measurement.collections)

    def trace(self, size: int) -> None:
        self.tell_progress(f"traced repetition of {size}")
        began = perf_counter()
        measurement = measure(self.stage, self.use(size), self.work, traced=True)
        config = str(size)
        self.pace.record(config, perf_counter() - began)
        self.check(measurement.results, config, self.repeats + 1)
        words = None if self.method == "imap_unordered" else [str(item) for item in self.items]
        lanes = worker_lanes(measurement, words, 4000 // len(self.sizes))
        self.result("traced", asdict(trace_summary(measurement)), config)
        got = measurement.asked + measurement.map
        for record in lane_records(lanes, measurement.asked, got, lane=config, actor=f"{size} workers · w{{}}"):
            self.stage.emit(record)
        self.tell_progress("")

    def check(self, results: list[Any], config: str, repetition: int) -> None:
        same = results == self.expected
        if self.method == "imap_unordered" and not same:
            same = sorted(results) == sorted(self.expected)
        if not same:
            pool = "The plain loop" if config == SERIAL else f"A pool of {config}"
            raise WrongResult(f"{pool} returned other results in repetition {repetition} than the plain loop at first.")

    def count_collections(self, config: str, repetition: int, collections: int) -> None:
        self.collections[config] = self.collections.get(config, 0) + (collections if repetition else 0)
        if repetition == self.repeats:
            self.result("gc", self.collections[config], config)

    def tell_noise(self, before: noise.NoiseCounters) -> None:
        loop_wall_s, loop_cpu_s = self.loop_wall_ns / 1e9, self.loop_cpu_ns / 1e9
        reading = noise.read_counters().since(before, loop_wall_s=loop_wall_s, loop_cpu_s=loop_cpu_s)
        self.result("noise", asdict(reading))

    def tell_progress(self, note: str) -> None:
        done, total, left = self.pace.estimate()
        self.stage.emit(Progress(self.stage.now(), done, total, left, note))
        self.stage.recorder.flush()

    def sample(self, name: str, config: str, repetition: int, nanoseconds: int) -> None:
        self.stage.emit(Sample(self.stage.now(), name, config, repetition, nanoseconds / 1e9))

    def result(self, name: str, value: Any, config: str = "") -> None:
        self.stage.emit(Result(self.stage.now(), Untyped(name, value), config))


def shown(results: list[Any]) -> dict[str, Any]:
    """The first results as JSON can hold them and a page can show them, and how many there are."""
    return {"count": len(results), "first": [short(value) for value in results[:SHOWN_RESULTS]]}


def short(value: Any) -> Any:
    """A number that JSON's readers would round becomes a text; a very long one its ends and the count of its digits."""
    if not isinstance(value, int) or abs(value) < 2**53:
        return value
    bits = value.bit_length()
    if bits < LONGEST_VALUE * 3:
        return str(value)
    digits, low = int((bits - 1) * 0.30102999566398120) + 1, 10**8
    digits += value >= 10**digits  # the estimate from the bits is right or one too low
    return f"{value // 10 ** (digits - 8)}…{value % low:08d} ({digits:,} digits)"
