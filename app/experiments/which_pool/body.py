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
from pathlib import Path
from time import perf_counter
from typing import Any

from app.experiments.which_pool import guesses
from app.experiments.which_pool.arms import SERIAL, Arm, Wanted, unfit
from app.experiments.which_pool.machine import machine, usable_cpus
from app.experiments.which_pool.sides import ArmFailed, Side, SideLost
from app.experiments.which_pool.telling import Telling
from app.runner import noise, spin
from app.runner.pace import Pace
from app.runner.stage import CannotGoOn, Stage

SPANS = 4000  # of all arms together: more can't be looked at


def run(stage: Stage, params: dict[str, Any]) -> None:
    """Pre-flight, one uncounted round, the counted ones, one traced repetition an arm."""
    scratch = Path(tempfile.mkdtemp(prefix="which-pool-", dir=stage.scratch))
    a_run = Run(stage, params, scratch)
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

    def __init__(self, stage: Stage, params: dict[str, Any], scratch: Path) -> None:
        self.stage = stage
        self.tell = Telling(stage)
        self.repeats: int = params["repeats"]
        self.wanted = Wanted(params["kinds"], params["sizes"], params["chunksizes"], params["start_methods"])
        self.limit_s: float = params["limit_s"]
        self.sides: list[Side] = []
        for python in params["pythons"]:
            own = scratch / str(len(self.sides))
            own.mkdir()
            work = {**params["workload"], "work_ms": params["work_ms"], "items": params["items"], "rounds": None}
            work["scratch"] = str(own)
            self.sides.append(Side(stage, python["label"], python["executable"], work, self.limit_s))
        self.arms: dict[Arm, Side] = {}
        self.skipped = "skipped"  # what an arm is that failed; at the end it has all its samples, and lacks its trace
        self.digest: str | None = None
        self.differing: set[Arm] = set()
        self.collections: dict[Arm, int] = {}
        self.loops: dict[Arm, tuple[int, int]] = {}
        self.cpus = len(usable_cpus())
        # Before anything is known; the work that is built in has a length that is.
        self.pace = guesses.beforehand(params, self.wanted, self.cpus)

    @property
    def first(self) -> Side:
        return self.sides[0]

    def go(self) -> None:
        self.tell.progress(self.pace, "looking at the machine")
        self.tell.result("machine", machine())
        self.tell.result("cpu", {"effective": self.effective_cpus(), "seconds": spin.WINDOW_S})
        for side in self.sides:
            self.tell.progress(self.pace, f"pre-flight under Python {side.label}")
            self.enter(side)
        self.plan()
        self.round(0, list(self.arms))
        seed = random.SystemRandom().randrange(2**32)
        self.tell.result("seed", seed)
        order = random.Random(seed)
        before = noise.read()
        for repetition in range(1, self.repeats + 1):
            arms = list(self.arms)
            order.shuffle(arms)
            self.round(repetition, arms)
            self.tell_noise(before)
        self.skipped = "untraced"
        for arm in list(self.arms):
            self.trace(arm)
        self.tell_noise(before)

    def effective_cpus(self) -> dict[str, float]:
        """What one spinning process gets, and as many as there are CPUs; empty where they can't be had."""
        with contextlib.suppress(spin.NoAnswer, OSError), self.stage.recorder.quiet(), self.stage.interruptible():
            # By fork, which is the quickest: they do nothing but count.
            return {str(count): spin.effective(count, start_method="fork") for count in sorted({1, self.cpus})}
        return {}

    def enter(self, side: Side) -> None:
        """The pre-flight of one Python. The first one's failure is the run's; another one is left out."""
        side.work["rounds"] = self.first.work["rounds"]
        try:
            side.enter()
        except SideLost as lost:
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
            for arm in self.wanted.arms(side.label, side.about, side.preflight):
                self.arms[arm] = side
                passes[arm.key] = self.repeats + guesses.UNCOUNTED
                guessed[arm.key] = guesses.pass_s(arm, side.preflight, side.about["gil"], self.cpus)
                if why := unfit(arm, side.about, side.preflight):
                    reasons[arm] = why
        self.pace = Pace(passes, guessed)
        self.tell.result("plan", [arm.planned(side.preflight["count"]) for arm, side in self.arms.items()])
        for arm, why in reasons.items():
            self.skip(arm, why)

    def round(self, repetition: int, arms: list[Arm]) -> None:
        for arm in arms:
            if arm in self.arms:
                note = "warm-up" if repetition == 0 else f"repetition {repetition} of {self.repeats}"
                self.tell.progress(self.pace, f"{note}: {arm.key}")
                answer = self.pass_through(arm)
                if answer is not None:
                    self.count(arm, repetition, answer)

    def pass_through(self, arm: Arm, traced: bool = False) -> dict[str, Any] | None:
        """One pass of an arm; None when that failed, and the arm, or all of its Python, is no more measured."""
        side = self.arms[arm]
        began = perf_counter()
        try:
            answer = side.pass_through(arm, traced, SPANS // len(self.arms))
        except ArmFailed as failed:
            if arm.kind == SERIAL and arm not in self.loops:
                self.lose(side, str(failed))
            else:
                self.skip(arm, str(failed))
                if failed.ended:
                    self.spare(arm, str(failed))
            return None
        except SideLost as lost:
            self.lose(side, str(lost))
            return None
        self.pace.took(arm.key, perf_counter() - began)
        return answer

    def count(self, arm: Arm, repetition: int, answer: dict[str, Any]) -> None:
        phases = ("map",) if arm.kind == SERIAL else ("start", "first_ready", "map", "stop")
        for phase in phases:
            self.tell.sample(phase, arm.key, repetition, answer[phase])
        self.compare(arm, repetition, answer)
        counted = repetition > 0
        self.collections[arm] = self.collections.get(arm, 0) + (answer["collections"] if counted else 0)
        if arm.kind == SERIAL:
            wall, cpu = self.loops.get(arm, (0, 0))
            self.loops[arm] = (wall + answer["map"] * counted, cpu + answer["cpu"] * counted)
        if repetition == self.repeats:
            self.tell.result("gc", self.collections[arm], arm.key)

    def compare(self, arm: Arm, repetition: int, answer: dict[str, Any]) -> None:
        """Tell of results that are not the loop's, once an arm; and of a loop's that are not the first Python's."""
        detail = answer["detail"] if answer["same"] is False else ""
        if answer.get("digest"):
            if arm.python == self.first.label:
                self.digest = answer["digest"]
            elif self.digest not in (None, answer["digest"]):
                detail = f"Its results are not those of Python {self.first.label}."
        if detail and arm not in self.differing:
            self.differing.add(arm)
            self.tell.result("differs", {"repetition": repetition, "detail": detail}, arm.key)

    def trace(self, arm: Arm) -> None:
        if arm not in self.arms:
            return
        self.tell.progress(self.pace, f"traced repetition: {arm.key}")
        answer = self.pass_through(arm, traced=True)
        if answer is not None:
            self.compare(arm, self.repeats + 1, answer)
            self.tell.traced(arm.key, arm.kind, answer)
            self.tell.progress(self.pace, "")

    def skip(self, arm: Arm, why: str) -> None:
        """Pass the arm no more."""
        del self.arms[arm]
        self.pace.drop(arm.key)
        self.tell.result(self.skipped, why, arm.key)

    def spare(self, ended: Arm, why: str) -> None:
        """Skip what is likely to end its process as well: the same kind in other sizes, if they were never passed."""
        for arm in [arm for arm in self.arms if arm not in self.collections]:
            if (arm.python, arm.kind, arm.start_method) == (ended.python, ended.kind, ended.start_method):
                self.skip(arm, f"It was not tried after {ended.words}. {why}")

    def lose(self, side: Side, why: str) -> None:
        """Skip all arms of a Python. Without a loop of the first one nothing can be said at all."""
        if Arm(self.first.label, SERIAL) not in self.loops:
            raise CannotGoOn(why)
        side.end()
        for arm in [arm for arm, of in self.arms.items() if of is side]:
            self.skip(arm, why)

    def tell_noise(self, before: noise.Reading) -> None:
        for arm, (wall, cpu) in self.loops.items():
            self.tell.result("loop", {"wall_s": wall / 1e9, "cpu_s": cpu / 1e9}, arm.key)
        wall, cpu = self.loops[Arm(self.first.label, SERIAL)]
        numbers: dict[str, Any] = dict(noise.read().since(before))
        loop = {"loop_wall_s": wall / 1e9, "loop_cpu_s": cpu / 1e9}
        self.tell.result("noise", {**numbers, "host_cpus": os.cpu_count(), **loop})
