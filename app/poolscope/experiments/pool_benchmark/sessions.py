"""One Python of a run: where the work is opened, tried and measured, also after a process has ended by it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path

from poolscope.experiments.pool_benchmark.plan import in_words, planned
from poolscope.protocol.arguments import BenchmarkWork, InterpreterPath
from poolscope.protocol.commands import MeasureOnce, OpenWork
from poolscope.protocol.kinds import SERIAL, PoolUse
from poolscope.protocol.payloads import (
    Calibration,
    FailureCode,
    InterpreterFacts,
    MeasurementReport,
    PlannedConfiguration,
    TrialReport,
)
from poolscope.runner.context import RunContext
from poolscope.runner.host.client import HostProcess
from poolscope.runner.host.errors import HostFailed, OrderRefused

MOST_STARTS = 10
PASSED_ON = 16 * 1024  # bytes of what the first calls printed that are passed on


class ConfigurationFailed(Exception):
    """A repetition could not be done; the message is the sentence why. Other configurations can go on.

    `ended`: its process has ended by that, and they go on in another.
    """

    def __init__(self, sentence: str, ended: bool) -> None:
        super().__init__(sentence)
        self.ended = ended


class InterpreterLost(Exception):
    """This Python can't take part, or no longer; the message is the sentence why, `code` the kind of failure."""

    def __init__(self, sentence: str, code: FailureCode | None = None) -> None:
        super().__init__(sentence)
        self.code = code


class InterpreterSession:
    """The work in a host process of one Python, which is started anew when a configuration has ended it.

    `facts`, `trial` and `calibration` are what the host reported, the first two from `enter` on. `lost` is why this
    Python takes no more part, '' if it does.
    """

    facts: InterpreterFacts
    trial: TrialReport | None = None
    calibration: Calibration | None = None

    def __init__(
        self, context: RunContext, python: InterpreterPath, work: BenchmarkWork, scratch: Path, limit_s: float
    ) -> None:
        self.label = python.label
        self.rounds: int | None = None  # of another Python's calibration, so that all do the same work
        self.lost = ""
        self._context = context
        self._executable = python.executable
        self._work = work
        self._scratch = scratch
        self._limit_s = limit_s
        self._host: HostProcess | None = None
        self._starts = 0
        self._looped = False

    def enter(self) -> TrialReport:
        """Start the host, open the work, try it before anything is timed. Raises InterpreterLost."""
        try:
            host = self._start()
            prints = self._scratch / "prints"
            try:
                self.trial = trial = host.try_work(prints, self._limit_s)
            finally:
                pass_on(prints)
        except HostFailed as failed:
            self._lose(str(failed))
        except OrderRefused as refused:
            self._lose(str(refused), refused.code)
        self.facts = replace(self.facts, gil=trial.gil)  # a user's extension may have brought it back
        if trial.raised:
            self._lose(trial.raised.sentence)
        return trial

    def measure(self, config: PlannedConfiguration, *, traced: bool, spans: int) -> MeasurementReport:
        """Have the host do one repetition; of a traced one at most `spans` are kept.

        Raises ConfigurationFailed, after which it may be asked for others, or InterpreterLost.
        """
        host = self._living()
        try:
            report = self._measure(host, config, traced, spans)
        except HostFailed as failed:
            raise ConfigurationFailed(str(failed), ended=True) from None
        except OrderRefused as refused:
            if refused.spoiled:
                host.end()
            raise ConfigurationFailed(str(refused), ended=refused.spoiled) from None
        self._looped = self._looped or config.kind == SERIAL
        return report

    def _measure(self, host: HostProcess, config: PlannedConfiguration, traced: bool, spans: int) -> MeasurementReport:
        use = PoolUse(config.kind, config.size, config.start_method, config.chunksize, config.method)
        order = MeasureOnce(use, traced, spans, lane=config.key)
        return host.measure(order, self._limit_s, f"a pass of {in_words(config)}")

    def _living(self) -> HostProcess:
        if self._host is not None and self._host.alive:
            return self._host
        try:
            host = self._start()
            if self._looped:  # the results that the others are compared with went with the host
                self._measure(host, planned(self.label, SERIAL, items=1), traced=False, spans=0)
        except (HostFailed, OrderRefused) as failed:
            self._lose(f"After its process had ended, Python {self.label} could not go on. {failed}")
        return host

    def _start(self) -> HostProcess:
        if self._starts == MOST_STARTS:
            self._lose(f"The process of Python {self.label} ended {MOST_STARTS} times, so it was not started again.")
        self._starts += 1
        users = ":" in self._work.name
        folder = self._work.folder if users else None
        self._host = host = HostProcess.start(self._context, self.label, self._executable, folder, own_site=users)
        self.facts = host.describe()
        opened = host.open_work(OpenWork(self._work, str(self._scratch), self.rounds), self._limit_s)
        if opened.calibration is not None:
            self.calibration = self.calibration or opened.calibration
            self.rounds = opened.calibration.rounds  # the same work, should it be started anew
        return host

    def _lose(self, why: str, code: FailureCode | None = None) -> None:
        """Take no more part. Raises InterpreterLost."""
        self.lost = why
        self.end()
        raise InterpreterLost(why, code)

    def close(self) -> None:
        """Let the host close what its work has opened."""
        if self._host is not None and self._host.alive:
            self._host.close()

    def end(self) -> None:
        """End the host and all that it started, at once."""
        if self._host is not None:
            self._host.end()


def pass_on(prints: Path) -> None:
    """Print what the first calls printed, as if they had done it here; the run captures it."""
    with contextlib.suppress(OSError):
        with prints.open("rb") as file:
            text = file.read(PASSED_ON)
        os.write(1, text)
        prints.unlink()
