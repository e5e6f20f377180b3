"""Has the same work done by every kind of pool and by the plain loop, in turns, each Python in a process of its own.

Nothing is timed here: a host opens the work and passes its arms, and says how long it took. So a user's function that
crashes, hangs or leaves can hurt no more than its host, and the arms that are left go on in another.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from poolscope.experiments.pool_benchmark import cost_estimates
from poolscope.experiments.pool_benchmark.plan import SERIAL, Configuration, Wanted, unfit
from poolscope.experiments.pool_benchmark.reporter import Reporter
from poolscope.experiments.pool_benchmark.sessions import ConfigurationFailed, InterpreterLost, InterpreterSession
from poolscope.machine import cpu_probe, noise
from poolscope.machine.facts import read_machine
from poolscope.protocol.arguments import WhichPoolArguments
from poolscope.runner.context import CannotGoOn, RunContext
from poolscope.runner.progress import ProgressEstimator

SPANS = 4000  # of all arms together: more can't be looked at


def run(stage: RunContext, arguments: WhichPoolArguments) -> None:
    """Pre-flight, one uncounted round, the counted ones, one traced repetition an arm."""
    scratch = Path(tempfile.mkdtemp(prefix="which-pool-", dir=stage.scratch))
    a_run = Run(stage, asdict(arguments), scratch)
    try:
        a_run.go()
        for side in a_run.sides:
            side.close()
    finally:
        for side in a_run.sides:
            side.end()
        shutil.rmtree(scratch, ignore_errors=True)


class Run:
    """One run: its sides, the arms that are still passed, and what has to be remembered from pass to pass."""

    def __init__(self, stage: RunContext, params: dict[str, Any], scratch: Path) -> None:
        self.stage = stage
        self.tell = Reporter(stage)
        self.repeats: int = params["repeats"]
        self.wanted = Wanted(params["kinds"], params["sizes"], params["chunksizes"], params["start_methods"])
        self.limit_s: float = params["limit_s"]
        self.sides: list[InterpreterSession] = []
        for python in params["pythons"]:
            own = scratch / str(len(self.sides))
            own.mkdir()
            work = {**params["workload"], "work_ms": params["work_ms"], "items": params["items"], "rounds": None}
            work["scratch"] = str(own)
            self.sides.append(InterpreterSession(stage, python["label"], python["executable"], work, self.limit_s))
        self.configs: dict[Configuration, InterpreterSession] = {}
        self.skipped = "skipped"  # what an arm is that failed; at the end it has all its samples, and lacks its trace
        self.digest: str | None = None
        self.differing: set[Configuration] = set()
        self.collections: dict[Configuration, int] = {}
        self.loops: dict[Configuration, tuple[int, int]] = {}
        self.machine = read_machine()
        self.cpus = self.machine.usable_cpus
        # Before anything is known; the work that is built in has a length that is.
        self.pace = cost_estimates.beforehand(params, self.wanted, self.cpus)

    @property
    def first(self) -> InterpreterSession:
        return self.sides[0]

    def go(self) -> None:
        self.tell.progress(self.pace, "looking at the machine")
        self.tell.result("machine", asdict(self.machine))
        self.tell.result("cpu", {"effective": self.effective_cpus(), "seconds": cpu_probe.WINDOW_S})
        for side in self.sides:
            self.tell.progress(self.pace, f"pre-flight under Python {side.label}")
            self.enter(side)
        self.plan()
        self.round(0, list(self.configs))
        seed = random.SystemRandom().randrange(2**32)
        self.tell.result("seed", seed)
        order = random.Random(seed)
        before = noise.read()
        for repetition in range(1, self.repeats + 1):
            configs = list(self.configs)
            order.shuffle(configs)
            self.round(repetition, configs)
            self.tell_noise(before)
        self.skipped = "untraced"
        for config in list(self.configs):
            self.trace(config)
        self.tell_noise(before)

    def effective_cpus(self) -> dict[str, float]:
        """What one spinning process gets, and as many as there are CPUs; empty where they can't be had."""
        with contextlib.suppress(cpu_probe.NoAnswer, OSError), self.stage.recorder.quiet(), self.stage.interruptible():
            # By fork, which is the quickest: they do nothing but count.
            return {str(count): cpu_probe.effective(count, start_method="fork") for count in sorted({1, self.cpus})}
        return {}

    def enter(self, side: InterpreterSession) -> None:
        """The pre-flight of one Python. The first one's failure is the run's; another one is left out."""
        side.work["rounds"] = self.first.work["rounds"]
        try:
            side.enter()
        except InterpreterLost as lost:
            if side.preflight:
                self.tell.result("preflight", side.preflight, side.label)
            self.tell.result("python", {"why_not": str(lost)}, side.label)
            if side is self.first:
                raise CannotGoOn(str(lost)) from None
            return
        self.tell.result("python", side.about, side.label)
        self.tell.result("preflight", side.preflight, side.label)
        if side is self.first:
            self.check_length()
            if side.opened["rounds"] is not None:
                found = {name: side.opened[name] for name in ("rounds", "asked_ms", "one_call_s")}
                self.tell.result("calibration", found)

    def check_length(self) -> None:
        """Refuse at once what the limit would end after a long wait."""
        found = self.first.preflight
        loop_s = found["count"] * min(found["call_s"])  # the very first may have been long for reasons of its own
        if loop_s > self.limit_s:
            raise CannotGoOn(
                f"The plain loop over {found['count']} items would take about {loop_s:.0f} s, longer than the limit of "
                f"{self.limit_s:g} s. Take fewer items or a higher limit."
            )

    def plan(self) -> None:
        passes, guessed, reasons = {}, {}, {}
        for side in self.sides:
            if side.lost:
                continue
            for config in self.wanted.configs(side.label, side.about, side.preflight):
                self.configs[config] = side
                passes[config.key] = self.repeats + cost_estimates.UNCOUNTED
                guessed[config.key] = cost_estimates.pass_s(config, side.preflight, side.about["gil"], self.cpus)
                if why := unfit(config, side.about, side.preflight):
                    reasons[config] = why
        self.pace = ProgressEstimator(passes, guessed)
        self.tell.result("plan", [config.planned(side.preflight["count"]) for config, side in self.configs.items()])
        for config, why in reasons.items():
            self.skip(config, why)

    def round(self, repetition: int, configs: list[Configuration]) -> None:
        for config in configs:
            if config in self.configs:
                note = "warm-up" if repetition == 0 else f"repetition {repetition} of {self.repeats}"
                self.tell.progress(self.pace, f"{note}: {config.key}")
                answer = self.pass_through(config)
                if answer is not None:
                    self.count(config, repetition, answer)

    def pass_through(self, config: Configuration, traced: bool = False) -> dict[str, Any] | None:
        """One pass of an arm; None when that failed, and the arm, or all of its Python, is no more measured."""
        side = self.configs[config]
        began = perf_counter()
        try:
            answer = side.pass_through(config, traced, SPANS // len(self.configs))
        except ConfigurationFailed as failed:
            if config.kind == SERIAL and config not in self.loops:
                self.lose(side, str(failed))
            else:
                self.skip(config, str(failed))
                if failed.ended:
                    self.spare(config, str(failed))
            return None
        except InterpreterLost as lost:
            self.lose(side, str(lost))
            return None
        self.pace.record(config.key, perf_counter() - began)
        return answer

    def count(self, config: Configuration, repetition: int, answer: dict[str, Any]) -> None:
        phases = ("map",) if config.kind == SERIAL else ("start", "first_ready", "map", "stop")
        for phase in phases:
            self.tell.sample(phase, config.key, repetition, answer[phase])
        self.compare(config, repetition, answer)
        counted = repetition > 0
        self.collections[config] = self.collections.get(config, 0) + (answer["collections"] if counted else 0)
        if config.kind == SERIAL:
            wall, cpu = self.loops.get(config, (0, 0))
            self.loops[config] = (wall + answer["map"] * counted, cpu + answer["cpu"] * counted)
        if repetition == self.repeats:
            self.tell.result("gc", self.collections[config], config.key)

    def compare(self, config: Configuration, repetition: int, answer: dict[str, Any]) -> None:
        """Tell of results that are not the loop's, once an arm; and of a loop's that are not the first Python's."""
        detail = answer["detail"] if answer["same"] is False else ""
        if answer.get("digest"):
            if config.python == self.first.label:
                self.digest = answer["digest"]
            elif self.digest not in (None, answer["digest"]):
                detail = f"Its results are not those of Python {self.first.label}."
        if detail and config not in self.differing:
            self.differing.add(config)
            self.tell.result("differs", {"repetition": repetition, "detail": detail}, config.key)

    def trace(self, config: Configuration) -> None:
        if config not in self.configs:
            return
        self.tell.progress(self.pace, f"traced repetition: {config.key}")
        answer = self.pass_through(config, traced=True)
        if answer is not None:
            self.compare(config, self.repeats + 1, answer)
            self.tell.traced(config.key, config.kind, answer)
            self.tell.progress(self.pace, "")

    def skip(self, config: Configuration, why: str) -> None:
        """Pass the arm no more."""
        del self.configs[config]
        self.pace.drop(config.key)
        self.tell.result(self.skipped, why, config.key)

    def spare(self, ended: Configuration, why: str) -> None:
        """Skip what is likely to end its process as well: the same kind in other sizes, if they were never passed."""
        for config in [config for config in self.configs if config not in self.collections]:
            if (config.python, config.kind, config.start_method) == (ended.python, ended.kind, ended.start_method):
                self.skip(config, f"It was not tried after {ended.words}. {why}")

    def lose(self, side: InterpreterSession, why: str) -> None:
        """Skip all arms of a Python. Without a loop of the first one nothing can be said at all."""
        if Configuration(self.first.label, SERIAL) not in self.loops:
            raise CannotGoOn(why)
        side.end()
        for config in [config for config, of in self.configs.items() if of is side]:
            self.skip(config, why)

    def tell_noise(self, before: noise.Reading) -> None:
        for config, (wall, cpu) in self.loops.items():
            self.tell.result("loop", {"wall_s": wall / 1e9, "cpu_s": cpu / 1e9}, config.key)
        wall, cpu = self.loops[Configuration(self.first.label, SERIAL)]
        numbers: dict[str, Any] = dict(noise.read().since(before))
        loop = {"loop_wall_s": wall / 1e9, "loop_cpu_s": cpu / 1e9}
        self.tell.result("noise", {**numbers, "host_cpus": os.cpu_count(), **loop})
