"""Admission: which run starts now, which waits, which is refused; and all runs of this server, live and ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from poolscope import __version__
from poolscope.errors import QueueFull, Refused, RunIsLive
from poolscope.experiments.experiment import Experiment
from poolscope.experiments.installation import Installation
from poolscope.experiments.parameters import Params, parse
from poolscope.experiments.registry import EXPERIMENTS, find
from poolscope.protocol import codec
from poolscope.protocol.arguments import Arguments
from poolscope.protocol.payloads import MachineFacts
from poolscope.runs.commands import change, kill
from poolscope.runs.journal import Journal
from poolscope.runs.measurement_lock import MeasurementLock
from poolscope.runs.monitor import RunMonitor
from poolscope.runs.notifier import ChangeNotifier
from poolscope.runs.prewarmed import PrewarmedRunner
from poolscope.runs.rate_limit import Pace
from poolscope.runs.recovery import identity, recover
from poolscope.runs.run import Run
from poolscope.runs.runner_process import RUNNER, Runner
from poolscope.runs.status import Status
from poolscope.runs.store import RunStore

IN_A_HURRY = (1.0, 0.5)  # as ASK and TERM, for a server that ends
LOOK_AGAIN_S = 0.5
WARM_AGAIN_S = 0.5
LONGEST_END = 6.0  # seconds after which a server that ends waits no longer
PRELOAD = [experiment.body for experiment in EXPERIMENTS.values()]

log = logging.getLogger(__name__)


class Scheduler:
    """All runs of this server. `signal` rises when a run begins, ends, or takes another place in the queue.

    `closed` says that nothing happens here any more; `signal` rises for it, so that who waits can leave.

    `look` tells what the machine is like at a run's start (usable CPUs, load …); it becomes part of the conditions.
    `python` runs the folder or file `runner`. `offers` is what runs may use of this installation.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        installation: Installation | None = None,
        look: Callable[[], MachineFacts | None] = lambda: None,
        live_limit: int = 8,
        queue_limit: int = 20,
        starts_per_minute: int = 60,
        keep_runs: int = 500,
        python: str = sys.executable,
        runner: Path = RUNNER,
    ) -> None:
        self.journal = journal
        self.installation = installation or Installation()
        self.activity = ChangeNotifier()  # rises with anything that happens to any run
        self.notifier = ChangeNotifier(self.activity)
        self._look = look
        self._live_limit, self._queue_limit = live_limit, queue_limit
        self._keep_runs = keep_runs
        self._spares = PrewarmedRunner(python, runner, PRELOAD)
        self._driver = RunMonitor(journal, lambda: self._closing)
        self._shelf = RunStore(journal)
        self._queue: list[Run] = []
        self._running: dict[str, Run] = {}
        self._runners: dict[str, Runner] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pace = Pace(starts_per_minute)
        self._turn = MeasurementLock(journal.path)
        self._looking = False
        self._entering = 0
        self._unkept = 0
        self._closing = False
        self.closed = False

    # Life of the bench

    async def open(self) -> None:
        """Open the journal, sweep what a crash left, warm a spare runner. Raises sqlite3.Error or OSError."""
        await self.journal.open()
        await recover(self.journal)
        await self._shelf.open(EXPERIMENTS)
        self._warm()

    async def close(self) -> None:
        """Interrupt all runs and leave no process behind; takes about five seconds at most."""
        if self._closing:
            return
        self._closing = True
        while self._queue:
            await self._leave_queue(self._queue[0], Status.INTERRUPTED, "The server ended while this run waited.")
        # Those that are just being started stop themselves as soon as they run.
        await asyncio.gather(*(runner.stop(*IN_A_HURRY) for runner in self._runners.values()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_END):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        await self._spares.close()
        await self.journal.close()
        self.closed = True
        self.notifier.notify()

    # What users ask for

    async def start(self, name: str, raw: Mapping[str, Any], client: str = "") -> Run:
        """Admit a run. Raises UnknownExperiment, BadParameters or Refused; then nothing was started."""
        experiment = find(name)
        params = parse(experiment.params, raw)
        arguments = experiment.arguments(params, self.installation)
        self._check_is_open()
        self._pace.check(client)
        if len(self._queue) + self._entering >= self._queue_limit and not self._has_room(experiment):
            raise QueueFull(
                f"{len(self._queue)} runs wait already, which is the limit. Try again when one has ended.", 10
            )
        self._entering += 1
        try:
            run = await self._enter(experiment, params, arguments)
        finally:
            self._entering -= 1
        self._check_is_open()
        self._shelf.put(run)
        self._queue.append(run)
        self._admit()
        self.notifier.notify()
        return run

    async def stop(self, run_id: str) -> Run:
        """Ask a run to stop; an ended one stays as it is. Raises UnknownRun."""
        run = await self.run(run_id)
        if run in self._queue:
            await self._leave_queue(run, Status.STOPPED, None)
        elif run.status.live and not run.stopping:
            run.stopping = True
            run.notifier.notify()
            if run.id in self._runners:  # else it is just being started, and stops as soon as it runs
                self._spawn(self._runners[run.id].stop())
        return run

    async def change(self, run_id: str, raw: Mapping[str, Any]) -> Run:
        """Change the controls of a live run. Raises UnknownRun or BadParameters."""
        run = await self.run(run_id)
        change(run, self._runners.get(run_id), raw)
        return run

    async def kill(self, run_id: str, worker: int) -> Run:
        """Kill a worker process of a live run, to see what becomes of it. Raises UnknownRun or NobodyToKill."""
        run = await self.run(run_id)
        await kill(run, self._runners.get(run_id), worker)
        return run

    async def delete(self, run_id: str) -> None:
        """Forget an ended run. Raises UnknownRun or RunIsLive."""
        run = await self.run(run_id)
        if run.status.live:
            raise RunIsLive(run_id)
        await self.journal.delete(run_id)
        await self._shelf.take_away(run)
        self.notifier.notify()

    # What pages ask for

    async def run(self, run_id: str) -> Run:
        """A run by its id, from memory or folded again from the journal. Raises UnknownRun."""
        return await self._shelf.run(run_id)

    async def latest(self, experiment: str) -> Run | None:
        """The newest run of an experiment."""
        return await self._shelf.latest(experiment)

    def in_memory(self) -> list[Run]:
        """Live and recent runs, oldest first."""
        return self._shelf.in_memory()

    def running(self) -> list[Run]:
        return list(self._running.values())

    def place(self, run: Run) -> int:
        """The place in the queue, from 1; 0 when it does not wait."""
        return self._queue.index(run) + 1 if run in self._queue else 0

    def queued(self) -> int:
        return len(self._queue)

    # The queue

    def _admit(self) -> None:
        """Start what may start: measured runs one at a time, others up to the limit, in order of arrival."""
        for run in list(self._queue):
            if self._has_room(run.experiment):
                if run.experiment.measured and not self._turn.take():
                    self._look_again()
                    continue
                self._queue.remove(run)
                self._running[run.id] = run
                self._spawn(self._drive(run))

    def _look_again(self) -> None:
        """Another program on this journal is measuring, and won't tell us when it has ended."""

        def look() -> None:
            self._looking = False
            if not self._closing:
                self._admit()

        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(LOOK_AGAIN_S, look)

    def _has_room(self, experiment: Experiment) -> bool:
        busy = [run for run in self._running.values() if run.experiment.measured == experiment.measured]
        return len(busy) < (1 if experiment.measured else self._live_limit)

    async def _leave_queue(self, run: Run, status: Status, error: str | None) -> None:
        self._queue.remove(run)
        run.become(status, error)
        await self._driver.save(run)
        self.notifier.notify()

    def _check_is_open(self) -> None:
        if self._closing:
            raise Refused("The server is ending. Try again when it is back.", 10)

    async def _enter(self, experiment: Experiment, params: Params, arguments: Arguments) -> Run:
        run = Run("", experiment, params, arguments=arguments, notifier=ChangeNotifier(self.activity))
        run_id = await self.journal.create(
            experiment.prefix,
            experiment.name,
            params.model_dump(mode="json"),
            run.created,
            {"server": identity(os.getpid())},
        )
        if run_id is None:
            self._unkept += 1
            run_id, run.unkept = f"{experiment.prefix}-x{os.getpid()}-{self._unkept:03}", self.journal.trouble
        run.id = run_id
        return run

    # Driving a run

    async def _drive(self, run: Run) -> None:
        """Have a run done by a runner and make room for the next, whatever happens to this one."""
        try:
            runner = await self._spares.take()
            self._begin(run, runner)
            await self._driver.follow(run, runner)
        except Exception as bug:
            log.exception("Run %s could not be brought to its end.", run.id)
            if run.status.live:
                what = "No runner process could be started" if isinstance(bug, OSError) else "Poolscope itself failed"
                run.become(Status.FAILED, f"{what}: {bug}.")
        await self._driver.save(run)
        self._running.pop(run.id)
        if run.experiment.measured:
            self._turn.give()
        self._runners.pop(run.id, None)
        self._shelf.forget_old()
        if not self._closing:
            self._warm()
            self._admit()
        self.notifier.notify()
        await self.journal.prune(self._keep_runs)

    def _begin(self, run: Run, runner: Runner) -> None:
        self._runners[run.id] = runner
        others = [other for other in self._running.values() if other is not run and other.status is Status.RUNNING]
        run.machine = self._look()
        machine = codec.to_json(run.machine) if run.machine else {}
        run.conditions = {**machine, "poolscope": __version__, "shared_with": [other.id for other in others]}
        for other in others:
            other.conditions = {**other.conditions, "shared_with": [*other.conditions["shared_with"], run.id]}
        run.become(Status.RUNNING)
        runner.send(run.begin_command)
        if run.stopping or self._closing:
            self._spawn(runner.stop(*(IN_A_HURRY if self._closing else ())))
        # Not now: starting the next spare would take the processor just when this run's first frames are due.
        asyncio.get_running_loop().call_later(WARM_AGAIN_S, self._warm)
        self.notifier.notify()
        self._spawn(self._driver.save(run, {"server": identity(os.getpid()), "runner": identity(runner.pid)}))

    def _warm(self) -> None:
        """Have a spare runner ready, unless something is being measured: nothing starts beside that."""
        measuring = any(run.experiment.measured for run in self._running.values())
        if not measuring and not self._closing:
            self._spares.warm()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task and hold on to it: the loop itself keeps only a weak reference."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
