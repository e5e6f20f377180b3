"""One Python of a run: its host, which is started anew when an arm has ended it, and what is known of both."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from poolscope.experiments.pool_benchmark.plan import Configuration
from poolscope.protocol import codec
from poolscope.protocol.commands import MeasureOnce, OpenWork
from poolscope.protocol.kinds import SERIAL, PoolUse
from poolscope.runner.context import RunContext
from poolscope.runner.host.client import HostProcess
from poolscope.runner.host.errors import HostFailed, OrderRefused

MOST_STARTS = 10
SHOWN_PRINTS = 16 * 1024  # bytes of what the first calls printed that are passed on


class ConfigurationFailed(Exception):
    """A pass could not be done; the message is the sentence why. The other arms can go on.

    `ended`: its process has ended by that, and they go on in another.
    """

    def __init__(self, sentence: str, ended: bool) -> None:
        super().__init__(sentence)
        self.ended = ended


class InterpreterLost(Exception):
    """This Python can't take part, or no longer; the message is the sentence why."""


class InterpreterSession:
    """`about` and `preflight` are what the host said; `lost` is why this Python takes no more part, '' if it does."""

    def __init__(self, stage: RunContext, label: str, executable: str, work: dict[str, Any], limit_s: float) -> None:
        """`work` is the order that opens it: name, folder, work_ms, items, rounds, scratch."""
        self.stage = stage
        self.label = label
        self.work = work
        self.limit_s = limit_s
        self.about: dict[str, Any] = {}
        self.opened: dict[str, Any] = {}
        self.preflight: dict[str, Any] = {}
        self.lost = ""
        self._executable = executable
        self._host: HostProcess | None = None
        self._starts = 0
        self._looped = False

    def enter(self) -> None:
        """Start the host, open the work, look at it before anything is timed. Raises SideLost."""
        try:
            host = self._start()
            said = Path(self.work["scratch"]) / "said"
            try:
                self.preflight = codec.to_json(host.try_work(said, self.limit_s))
            finally:
                pass_on(said)
        except (HostFailed, OrderRefused) as failed:
            self.lose(str(failed))
        self.about["gil"] = self.preflight.pop("gil")  # a user's extension may have brought it back
        if self.preflight["raised"]:
            self.lose(self.preflight["raised"]["sentence"])

    def pass_through(self, config: Configuration, traced: bool = False, budget: int = 0) -> dict[str, Any]:
        """Have the host pass an arm once. Raises ArmFailed, after which it may be asked for others, or SideLost."""
        host = self._living()
        try:
            answer = self._pass(host, config, traced, budget)
        except HostFailed as failed:
            raise ConfigurationFailed(str(failed), ended=True) from None
        except OrderRefused as refused:
            if refused.spoiled:
                host.end()
            raise ConfigurationFailed(str(refused), ended=refused.spoiled) from None
        self._looped = self._looped or config.kind == SERIAL
        return answer

    def _pass(self, host: HostProcess, config: Configuration, traced: bool, budget: int) -> dict[str, Any]:
        use = PoolUse(config.kind, config.size, config.start_method, config.chunksize)
        order = MeasureOnce(use, traced, budget, lane=config.key)
        report = host.measure(order, self.limit_s, f"a pass of {config.words}")
        answer: dict[str, Any] = codec.to_json(report)
        return answer

    def _living(self) -> HostProcess:
        if self._host is not None and self._host.alive:
            return self._host
        try:
            host = self._start()
            if self._looped:  # the results that the others are compared with went with the host
                self._pass(host, Configuration(self.label, SERIAL), traced=False, budget=0)
        except (HostFailed, OrderRefused) as failed:
            self.lose(f"After its process had ended, Python {self.label} could not go on. {failed}")
        return host

    def _start(self) -> HostProcess:
        if self._starts == MOST_STARTS:
            self.lose(f"The process of Python {self.label} ended {MOST_STARTS} times, so it was not started again.")
        self._starts += 1
        users = ":" in self.work["name"]
        folder = self.work["folder"] if users else None
        self._host = host = HostProcess.start(self.stage, self.label, self._executable, folder, own_site=users)
        self.about = codec.to_json(host.describe())
        opened = host.open_work(OpenWork(**{**self.work, "folder": folder}), self.limit_s)
        self.opened = {"rounds": None, **(codec.to_json(opened.calibration) if opened.calibration else {})}
        self.work["rounds"] = self.opened["rounds"]  # the same work, should it be started anew
        return host

    def lose(self, why: str) -> None:
        """Take no more part. Raises SideLost."""
        self.lost = why
        self.end()
        raise InterpreterLost(why)

    def close(self) -> None:
        """Let the host close what its work has opened."""
        if self._host is not None and self._host.alive:
            self._host.close()

    def end(self) -> None:
        """End the host and all that it started, at once."""
        if self._host is not None:
            self._host.end()


def pass_on(said: Path) -> None:
    """Print what the first calls printed, as if they had done it here; the run captures it."""
    with contextlib.suppress(OSError):
        with said.open("rb") as file:
            text = file.read(SHOWN_PRINTS)
        os.write(1, text)
        said.unlink()
