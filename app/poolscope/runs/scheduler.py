"""Admits, queues and starts runs, and carries out what users ask of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextvars import Context
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from poolscope import __version__
from poolscope.errors import (
    BadParameters,
    QueueFull,
    RunElsewhere,
    RunIsLive,
    ServerEnding,
    TooManyWaiting,
)
from poolscope.experiments.experiment import Experiment, Experiments, Installation
from poolscope.experiments.parameters import Params, parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.arguments import Arguments
from poolscope.protocol.commands import ProcessLimits
from poolscope.runs.budget import ResourceBudget, Shortage
from poolscope.runs.commands import change_controls, kill_worker
from poolscope.runs.fair_queue import FairQueue, RateLimiter, expected_turns
from poolscope.runs.journal import DurationHistogram, Journal
from poolscope.runs.measurement_lock import MeasurementLock
from poolscope.runs.monitor import CUT_OFF, RunMonitor, RunWatch
from poolscope.runs.process_tree import identity
from poolscope.runs.recovery import left_waiting, recover, waits_for_a_start
from poolscope.runs.redaction import Redaction
from poolscope.runs.run import NOBODY, ChangeNotifier, Run, Status, Visitor, later, now
from poolscope.runs.run_cgroups import RunCgroups
from poolscope.runs.runner_process import RUNNER, PrewarmedRunner, RunnerProcess
from poolscope.runs.store import RunStore
from poolscope.stats import comparison

HURRIED = (1.0, 0.5)  # seconds of patience with a runner that is to stop, for a server that ends
LOCK_RETRY_S = 0.5
PREWARM_DELAY_S = 0.5
# A run that lacks room for so long is no longer overtaken by smaller ones, which might else keep it waiting for ever.
OVERTAKEN_S = 30.0
DRAIN_LOOK_S = 0.25
SERVER_ENDED = "The server ended while this run waited."
CLOSE_LIMIT_S = 6.0  # after which a server that ends waits no longer for runs to end by themselves
LEFT_LIMIT_S = 1.0  # then, for runs to end that have lost their runner, and once more for those that are cancelled
REAP_LIMIT_S = 5.0  # for the kernel to let go of a runner that was killed
NEAR = 10  # places in the queue, up to which every step is told at once
GIVEN_UP = "Given up: whoever started it has not been here for a while."

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RunCounts:
    """What a server's runs have done since its start, for /metrics: `ended` by experiment and outcome; how long runs
    `waited` in the queue, and a runner took to be there for one; the most `cpu_s` that was ever seen of all."""

    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    waited: DurationHistogram = field(default_factory=DurationHistogram)
    runner_start: DurationHistogram = field(default_factory=DurationHistogram)
    cpu_s: float = 0.0


class Scheduler:
    """All runs of this server: `store` finds each of them, live or ended.

    `notifier` notifies when a run begins, ends, or takes another place in the queue; `activity` with that and with
    anything that happens to any run. `closed` says that nothing will happen any more; `notifier` then wakes all waiters
    so that they can exit.

    Runs belong to visitors, who take turns in the queue and have limits of their own; `gone_after_s` is how long one
    may show no sign of life (`see`) before his runs no longer wait, None for any time.

    `budget` is what all running runs together may take; without one they may take anything. `run_s` bounds the time
    that a run lasts, `run_cpu_s` its CPU time, `records_mib` its records. `for_strangers`: what is measured works below
    the server, too; `redact` takes out of what runs tell what strangers need not see. With
    `run_cgroups` the kernel holds each run to what was admitted, where this machine allows that.

    `experiments` are those that can be started, with the parameters that they take here. `measurement_lock` is the
    journal's own unless another is given. `warm` is done once, in a thread, before the first measured run or when
    `warming` is started. `lone` names the experiment of the only run that there will be, so that a
    runner is prewarmed for that alone. `python` runs the folder or file `runner`. `installation` is what runs may
    use of this machine, and may be replaced while others run.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        experiments: Experiments = EXPERIMENTS,
        installation: Installation | None = None,
        live_limit: int = 8,
        live_of_visitor: int = 64,
        queue_limit: int = 20,
        queued_of_visitor: int = 1000,
        starts_per_minute: int = 60,
        starts_of_address: int = 600,
        gone_after_s: float | None = None,
        keep_runs: int = 500,
        budget: ResourceBudget | None = None,
        run_s: int | None = None,
        run_cpu_s: int | None = None,
        records_mib: int = 256,
        for_strangers: bool = False,
        redact: Redaction | None = None,
        run_cgroups: RunCgroups | None = None,
        measurement_lock: MeasurementLock | None = None,
        warm: Callable[[], None] = comparison.warm,
        lone: str | None = None,
        python: str = sys.executable,
        runner: Path = RUNNER,
    ) -> None:
        self.journal = journal
        self.experiments = experiments
        self.installation = installation or Installation()
        self.counts = RunCounts()
        self.activity = ChangeNotifier()
        self.notifier = ChangeNotifier(self.activity)
        self.warming = Warming(warm)
        self._live_limit, self._live_of_visitor = live_limit, live_of_visitor
        self._queue_limit, self._queued_of_visitor = queue_limit, queued_of_visitor
        self._gone_after_s = gone_after_s
        self._keep_runs = keep_runs
        self._budget = budget or ResourceBudget()
        self._identity = identity(os.getpid())
        self._lone = lone
        bodies = {experiments[name].body for name in ([lone] if lone else experiments)}
        self._prewarmed = PrewarmedRunner(python, runner, sorted(bodies))
        self._for_strangers, self._run_cpu_s = for_strangers, run_cpu_s
        self._closing = asyncio.Event()
        self._watch = RunWatch(self._budget, run_s, run_cpu_s)
        self._monitor = RunMonitor(journal, self._closing.is_set, self._watch, records_mib * 1024 * 1024, redact)
        self.store = RunStore(journal, self.activity, experiments)
        self._queue = FairQueue()
        self._took_s: dict[str, float] = {}  # by the last run of an experiment
        self._run_cgroups = run_cgroups
        self._running: dict[str, Run] = {}
        self._runners: dict[str, RunnerProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starts_of_visitor = RateLimiter(starts_per_minute)
        self._starts_of_address = RateLimiter(max(starts_per_minute, starts_of_address))
        self._measurement_lock = measurement_lock or MeasurementLock(journal.path)
        self._retrying = self._watching = False
        self._entering: list[Visitor] = []  # of runs that are being written into the journal, and will join the queue
        self._unkept = 0
        self._draining = False
        self.closed = False

    # Opening and closing

    async def open(self, *, take_over: bool = False) -> None:
        """Open the journal, recover from a crash, prewarm a runner. Raises sqlite3.Error or OSError.

        With `take_over` those runs wait here that waited when a server before this one ended; see `resume`.
        """
        await self.journal.open()
        await recover(self.journal, self.experiments)
        await self.store.open()
        if self._run_cgroups is not None:  # before there is any child, which would have to move with us
            opened = await asyncio.to_thread(self._run_cgroups.open, self._budget)
            self._run_cgroups = self._run_cgroups if opened else None
        if take_over:
            await self._take_over()
        if self._lone is not None:
            self._prewarmed.start()
        else:  # its first page is due before its first run
            self._prewarm_soon()

    @property
    def ending(self) -> bool:
        """Whether no new runs are taken any more."""
        return self._draining or self._closing.is_set()

    async def drain(self, seconds: float, in_a_hurry: Callable[[], bool] = lambda: False) -> None:
        """Take no new runs and begin none that waits; return once the live ones have ended, after `seconds` at most."""
        self._draining = True
        self.notifier.notify()
        give_up = time.monotonic() + seconds
        while self._running and time.monotonic() < give_up and not in_a_hurry():
            version = self.notifier.version
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.notifier.newer_than(version), DRAIN_LOOK_S)

    async def close(self, *, keep_waiting: bool = False) -> None:
        """Interrupt all runs and leave neither a process nor an open transport behind.

        Takes about five seconds at most, and longer only on a machine that is busy beyond measure.
        With `keep_waiting` those that wait are left in the journal, for the next server.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        for run in list(self._queue):
            if keep_waiting and not run.unkept:
                await self._leave_to_the_next(run)
            else:
                await self._leave_queue(run, Status.INTERRUPTED, SERVER_ENDED)
        self._watch.close()
        # A run that is just being started is stopped as soon as its runner is there, by _begin.
        await asyncio.gather(*(runner.stop(*HURRIED) for runner in self._runners.values()))
        if not await self._tasks_end_within(CLOSE_LIMIT_S):
            await self._cut_short()
        await self._prewarmed.close(REAP_LIMIT_S)
        if self._run_cgroups is not None:
            await asyncio.to_thread(self._run_cgroups.close)
        await self.journal.close()
        self.closed = True
        self.notifier.notify()
        self.store.wake()

    async def _tasks_end_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        return not self._tasks

    async def _cut_short(self) -> None:
        """End what has not ended by itself: kill every runner that performs a run, then cancel whoever still waits.

        Most follow their runner to its end then, and save what there is. The others wait for one that is being started,
        or for the disk.
        """
        await asyncio.gather(*(runner.kill() for runner in self._runners.values()))
        if await self._tasks_end_within(LEFT_LIMIT_S):
            return
        log.warning("These runs were cut short: %s", ", ".join(self._running))
        for task in self._tasks:
            task.cancel()
        await self._tasks_end_within(LEFT_LIMIT_S)
        for run in self._running.values():
            if run.status.live:  # in the journal it is still, which tells the next server
                run.become(Status.INTERRUPTED, SERVER_ENDED if run.status is Status.QUEUED else CUT_OFF)
        self._measurement_lock.release()

    async def _leave_to_the_next(self, run: Run) -> None:
        """Take a run out of the queue that goes on waiting in the journal."""
        self._queue.remove(run)
        run.record_log.close()
        await self._monitor.save(run, left_waiting(self._owner(run)))

    async def _take_over(self) -> None:
        """Have those wait here, under their own ids and in their order, whom a server that ended has left."""
        for row in reversed(await self.journal.runs(status=Status.QUEUED.value, limit=10_000)):
            if not waits_for_a_start(row):
                continue
            try:
                experiment = self.experiments[row.experiment]
                params = parse(experiment.params, row.params)
                self._budget.check(params)
            except BadParameters as error:  # this server allows less than the one before
                await self.journal.save(row.id, status=Status.INTERRUPTED.value, ended=now(), error=str(error))
                continue
            visitor = Visitor(row.visitor)
            run = Run(row.id, experiment, params, None, visitor, row.created, notifier=self._notifier_for(visitor))
            await self._monitor.save(run, self._owner(run))
            self.store.put(run)
            self._queue.add(run, time.monotonic())
        self._tell_places()
        self._watch_visitors()

    async def resume(self) -> None:
        """Begin what was taken over. To be called once it is known what this machine offers."""
        for run in [run for run in self._queue if run.arguments is None]:
            try:
                run.arguments = run.experiment.arguments(run.params, self.installation)
            except BadParameters as error:  # what it names is gone
                await self._leave_queue(run, Status.INTERRUPTED, str(error))
        self._admit()
        self.notifier.notify()

    # What users do

    async def start(
        self, name: str, raw: Mapping[str, Any], visitor: Visitor = NOBODY, *, considerate: bool = False
    ) -> Run:
        """Admit a run; a `considerate` one waits for the measurements that it would disturb, as `hurry` says no longer.

        Raises UnknownExperiment, BadParameters or Refused; then nothing was started.
        """
        experiment = self.experiments[name]
        params = parse(experiment.params, raw)
        arguments = experiment.arguments(params, self.installation)
        self._budget.check(params)
        self._check_is_open()
        self._count_start(visitor)
        spared = self._would_disturb(experiment, visitor) if considerate else frozenset()
        if spared or not self._has_room(experiment, visitor) or self._shortage(params) is not None:
            self._check_queue(visitor)
        self._entering.append(visitor)
        try:
            run = await self._enter(experiment, params, arguments, visitor)
            run.spares = spared
        finally:
            self._entering.remove(visitor)
        self._check_is_open()
        self.store.put(run)
        self._queue.add(run, time.monotonic())
        self._admit()
        self._watch_visitors()
        self._changed(run)
        return run

    async def stop(self, run_id: str) -> Run:
        """Ask a run to stop; an ended one stays as it is. Raises UnknownRun or RunElsewhere."""
        run = await self._run_here(run_id)
        if run in self._queue:
            await self._leave_queue(run, Status.STOPPED, None)
        elif run.status.live and not run.stopping:
            run.stopping = True
            run.notifier.notify()
            if run.id in self._runners:  # else it is just being started, and _begin stops it
                self._spawn(self._runners[run.id].stop())
        return run

    async def hurry(self, run_id: str) -> Run:
        """Let a run no longer wait for measurements that it will disturb. Raises UnknownRun or RunElsewhere."""
        run = await self._run_here(run_id)
        if run in self._queue:
            run.spares = frozenset()
            self._admit()
            run.notifier.notify()
        return run

    async def change(self, run_id: str, raw: Mapping[str, Any]) -> Run:
        """Change the controls of a live run. Raises UnknownRun, RunElsewhere or BadParameters."""
        run = await self._run_here(run_id)
        change_controls(run, self._runners.get(run_id), raw)
        return run

    async def kill(self, run_id: str, worker: int) -> Run:
        """Kill a worker process of a live run, to see what becomes of it. Raises UnknownRun, RunElsewhere or
        NobodyToKill."""
        run = await self._run_here(run_id)
        await kill_worker(run, self._runners.get(run_id), worker)
        return run

    async def delete(self, run_id: str) -> None:
        """Forget an ended run. Raises UnknownRun, RunElsewhere or RunIsLive."""
        run = await self._run_here(run_id)
        if run.status.live:
            raise RunIsLive(run_id)
        await self.journal.delete(run_id)
        await self.store.remove(run)
        self._changed(run)

    async def _run_here(self, run_id: str) -> Run:
        """A run that something may be done about: one that has ended, or that this server performs. Raises UnknownRun
        or RunElsewhere."""
        run = await self.store.run(run_id)
        if run.elsewhere:
            raise RunElsewhere(run_id)
        return run

    # What pages show

    def running(self) -> list[Run]:
        return list(self._running.values())

    def measures(self) -> bool:
        """Whether a run is being measured, which all else that takes CPU time may disturb."""
        return any(run.experiment.measured for run in self._running.values())

    def queued(self) -> int:
        return len(self._queue)

    def sessions(self) -> list[int]:
        """Process ids of the runners that perform a run now; each leads a session of its own."""
        return [runner.pid for runner in self._runners.values()]

    def see(self, visitor: str) -> None:
        """Take note that a visitor is still there."""
        self._queue.see(visitor, time.monotonic())

    # The queue

    def _admit(self) -> None:
        """Start what may start: measured runs one at a time, others up to the limits, visitors by turns.

        What lacks room beside the others waits for it, and is overtaken meanwhile, but not for ever.
        """
        in_order = (*self._queue.in_order(measured=True), *self._queue.in_order(measured=False))
        for run in [] if self.ending else sorted(in_order, key=_is_overtaken, reverse=True):
            if run.arguments is not None and not self._spared(run) and self._has_room(run.experiment, run.visitor):
                run.shortage = self._shortage(run.params)
                if run.shortage is not None:
                    if _is_overtaken(run):
                        break
                    continue
                if run.experiment.measured and not self._measurement_lock.acquire():
                    self._admit_later()
                    continue
                self._queue.remove(run, started=True)
                self.counts.waited.add(time.monotonic() - run.entered)
                self._running[run.id] = run
                self._spawn(self._perform(run))
        self._tell_places()

    def _admit_later(self) -> None:
        """Try again in a moment: another program on this journal is measuring, and nothing notifies us of its end."""

        def retry() -> None:
            self._retrying = False
            if not self._closing.is_set():
                self._admit()

        if not self._retrying:
            self._retrying = True
            asyncio.get_running_loop().call_later(LOCK_RETRY_S, retry)

    def _has_room(self, experiment: Experiment, visitor: Visitor) -> bool:
        busy = self._beside(experiment)
        if experiment.measured:
            return not busy
        own = [run for run in busy if run.visitor.id == visitor.id]
        return len(busy) < self._live_limit and len(own) < self._live_of_visitor

    def _would_disturb(self, experiment: Experiment, visitor: Visitor) -> frozenset[str]:
        """The measurements, running or due before, that a run beside them would disturb; among strangers, one's own.

        Only those that are there already: whoever waits for later ones as well might wait for ever.
        """
        if experiment.measured:
            return frozenset()  # it waits for its turn anyway
        live = (*self._running.values(), *self._queue)
        own = [run for run in live if not self._for_strangers or run.visitor.id == visitor.id]
        return frozenset(run.id for run in own if run.experiment.undisturbed)

    def _spared(self, run: Run) -> list[Run]:
        """The measurements that a run still waits for so as not to disturb them."""
        if not run.spares:
            return []
        return [each for each in (*self._running.values(), *self._queue) if each.id in run.spares]

    def _beside(self, experiment: Experiment) -> list[Run]:
        """The running runs of its sort."""
        return [run for run in self._running.values() if run.experiment.measured == experiment.measured]

    def _shortage(self, params: Params) -> Shortage | None:
        """What a run of these parameters lacks beside those that are running."""
        return self._budget.shortage(params.demand, (run.demand for run in self._running.values()))

    def _tell_places(self) -> None:
        """Tell all that run or wait where they stand now, and those who look at a run whose place is another."""
        running = self.running()
        for run in running:
            run.place, run.expected_start, run.behind = 0, None, ()
        measured, live = self._queue.in_order(measured=True), self._queue.in_order(measured=False)
        spared = {run.id: self._spared(run) for run in live}
        for run in live:
            run.spares = frozenset(each.id for each in spared[run.id])
        for place, turn in enumerate(expected_turns(running, measured, live, self._took_s), 1):
            run = turn.run
            behind = tuple(each.id for each in spared.get(run.id) or self._beside(run.experiment))
            changed = (run.place, run.behind) != (place, behind)
            run.place, run.expected_start, run.behind = place, later(turn.wait_s) if turn.known else None, behind
            # Far back only a step that matters: else each end would draw the pages of a whole class again.
            if changed and (place <= NEAR or not 0.9 * run.told_place < place <= run.told_place):
                run.told_place = place
                run.notifier.notify()

    def _check_queue(self, visitor: Visitor) -> None:
        """Raises QueueFull, or TooManyWaiting where only this visitor must not wait."""
        waiting = len(self._queue) + len(self._entering)
        own = self._queue.of_visitor(visitor) + sum(each.id == visitor.id for each in self._entering)
        if visitor.id and own >= self._queued_of_visitor:
            raise TooManyWaiting(own)
        if waiting >= self._queue_limit:
            raise QueueFull(waiting)
        if visitor.id != visitor.address:
            # One address, and as many cookies as somebody likes: it may take half of the places that others leave.
            neighbours = self._queue.of_address(visitor)
            neighbours += sum(each.address == visitor.address for each in self._entering)
            if 2 * neighbours >= self._queue_limit - (waiting - neighbours):
                raise QueueFull(waiting)

    def _count_start(self, visitor: Visitor) -> None:
        """Raises TooManyStarts. What one visitor is refused does not count for his neighbours."""
        self._starts_of_visitor.count(visitor.id)
        if visitor.id != visitor.address:
            self._starts_of_address.count(visitor.address)

    def _watch_visitors(self) -> None:
        """Look again and again, while any run waits, whether its visitor is gone."""

        async def give_up() -> None:
            for run in self._queue.deserted(time.monotonic() - (self._gone_after_s or 0)):
                if run in self._queue and not self._closing.is_set():
                    await self._leave_queue(run, Status.STOPPED, GIVEN_UP)

        def look() -> None:
            self._watching = False
            if not self._closing.is_set():
                self._spawn(give_up())
                self._watch_visitors()

        if self._gone_after_s is not None and len(self._queue) and not self._watching:
            self._watching = True
            asyncio.get_running_loop().call_later(self._gone_after_s / 4, look)

    async def _leave_queue(self, run: Run, status: Status, error: str | None) -> None:
        self._queue.remove(run)
        run.place, run.expected_start, run.behind, run.shortage = 0, None, (), None
        run.become(status, error)
        self._tell_places()
        self.counts.ended[run.experiment.name, status.value] += 1
        await self._monitor.save(run)
        self._changed(run)

    def _check_is_open(self) -> None:
        if self.ending:
            raise ServerEnding

    async def _enter(self, experiment: Experiment, params: Params, arguments: Arguments, visitor: Visitor) -> Run:
        run = Run("", experiment, params, arguments, visitor, notifier=self._notifier_for(visitor))
        run_id = await self.journal.create(
            experiment.prefix,
            experiment.name,
            params.model_dump(mode="json"),
            run.created,
            self._owner(run),
        )
        if run_id is None:
            self._unkept += 1
            run_id, run.unkept = f"{experiment.prefix}-x{os.getpid()}-{self._unkept:03}", self.journal.trouble
        run.id = run_id
        return run

    # From start to end

    async def _perform(self, run: Run) -> None:
        """Have a runner perform the run, then make room for the next, whatever became of this one."""
        try:
            if run.experiment.measured:
                # Its times are judged while it runs: what that loads, once, would take a CPU from the first of them.
                await self._finish_warming()
            if self._closing.is_set():
                run.become(Status.INTERRUPTED, SERVER_ENDED)
            elif run.stopping:
                run.become(Status.STOPPED)
            else:
                await self._have_performed(run)
        except OSError as shortage:
            log.warning("Run %s: no runner process could be started: %s", run.id, shortage)
            self._fail(run, f"No runner process could be started: {shortage}.")
        except Exception as bug:
            log.exception("Run %s could not be brought to its end.", run.id)
            self._fail(run, f"Poolscope itself failed: {bug}.")
        self.counts.ended[run.experiment.name, run.status.value] += 1
        await self._monitor.save(run)
        self._running.pop(run.id)
        if run.status is Status.FINISHED:
            self._took_s[run.experiment.name] = run.lasted_s
        if run.experiment.measured:
            self._measurement_lock.release()
        self._runners.pop(run.id, None)
        await self.store.forget_old()
        if not self._closing.is_set():
            self._prewarm()
            self._admit()
        self._changed(run)
        self.store.forget(await self.journal.prune(self._keep_runs))

    async def _finish_warming(self) -> None:
        """Wait until it is done, or the server ends: its end waits for nothing that nobody will need."""
        done, closing = asyncio.ensure_future(self.warming.finish()), asyncio.ensure_future(self._closing.wait())
        await asyncio.wait({done, closing}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if done.done():
            done.result()
        else:
            done.cancel()

    async def _have_performed(self, run: Run) -> None:
        began = time.monotonic()
        runner = await self._prewarmed.take()
        try:
            await self._confine(run, runner)
            self.counts.runner_start.add(time.monotonic() - began)
            self._begin(run, runner)
        except BaseException:  # the monitor, which reaps it, will not hear of it
            await runner.reap(0.0)
            raise
        # In a task of its own: a batch of records wakes who reads it, and not all who wait for the run's end.
        await asyncio.create_task(self._monitor.follow(run, runner))

    def _fail(self, run: Run, why: str) -> None:
        if run.status.live:
            run.become(Status.FAILED, self._monitor.redacted(why))

    def _begin(self, run: Run, runner: RunnerProcess) -> None:
        self._runners[run.id], begin = runner, run.begin_command
        others = [other for other in self._running.values() if other is not run and other.status is Status.RUNNING]
        run.conditions = {
            "poolscope": __version__,
            "shared_with": [other.id for other in others],
            "cgroup": runner.cgroup and runner.cgroup.as_json(),
            "cluster": (self.installation.cluster and begin.arguments.cluster_used) or None,
        }
        for other in others:
            other.conditions = {**other.conditions, "shared_with": [*other.conditions["shared_with"], run.id]}
        run.become(Status.RUNNING)
        if self._has_low_priority(run):
            runner.lower_priority()
        limits = ProcessLimits(cpu_s=self._run_cpu_s) if run.params.built_in else None
        server = os.getpid() if self._lone is None else None  # else its other children may be anything
        runner.send(replace(begin, limits=limits, server=server))
        if run.stopping or self._closing.is_set():
            self._spawn(runner.stop(*(HURRIED if self._closing.is_set() else ())))
        self._prewarm_soon()
        self._changed(run)
        self._spawn(self._monitor.save(run, {**self._owner(run), "runner": runner.identity}))

    async def _confine(self, run: Run, runner: RunnerProcess) -> None:
        """Give a run a cgroup of its own, where that can be. One's own function may take what there is."""
        if self._run_cgroups is not None:
            demand = run.demand if run.params.built_in else None
            enter, low = self._run_cgroups.enter, self._has_low_priority(run)
            runner.cgroup = await asyncio.to_thread(enter, run.id, runner.pid, demand, low_priority=low)

    def _has_low_priority(self, run: Run) -> bool:
        """What is measured keeps the priority of its user's own program, unless strangers load the server."""
        return self._for_strangers or not run.experiment.measured

    def _owner(self, run: Run) -> dict[str, Any]:
        """What the journal keeps of whose a run is: this server's, and its visitor's."""
        return {"server": self._identity, "visitor": run.visitor.id}

    def _notifier_for(self, visitor: Visitor) -> ChangeNotifier:
        return ChangeNotifier(self.store.of(visitor.id).activity)

    def _changed(self, run: Run) -> None:
        """Notify that a run has begun, ended, or gone."""
        self.store.changed(run)
        self.notifier.notify()

    def _prewarm(self) -> None:
        """Keep a runner ready for the next run, unless something is being measured: nothing starts beside that."""
        if not self.measures() and not self._closing.is_set() and self._lone is None:
            self._prewarmed.start()

    def _prewarm_soon(self) -> None:
        """Not now: starting a runner would take a CPU just when a server's, or a run's, first frames are due."""
        asyncio.get_running_loop().call_later(PREWARM_DELAY_S, self._prewarm)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task and hold on to it: the loop itself keeps only a weak reference."""
        # Without the context of whoever makes room for it: a log line must not name another's request.
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_overtaken(run: Run) -> bool:
    """Whether a run has lacked room for so long that it is the next to get it."""
    return run.shortage is not None and time.monotonic() - run.entered > OVERTAKEN_S


class Warming:
    """Does `work` once, when it is first wanted, in a thread of its own: it takes a second that somebody will wait for.

    Not `asyncio.to_thread`, whose threads Python joins at its end: on a busy machine that second takes a quarter of a
    minute, and a server that is asked to end while it starts would be killed instead.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._outcome: Future[None] = Future()
        self._outcome.set_running_or_notify_cancel()  # no waiter can cancel it
        self._thread = threading.Thread(target=self._do, name="warming", daemon=True)

    def start(self) -> None:
        """Begin, if that has not been done. To be called from one thread.

        Where no thread is to be had just now, the next call tries again.
        """
        if self._thread.ident is None and not self._outcome.done():
            with contextlib.suppress(RuntimeError):
                self._thread.start()

    async def finish(self) -> None:
        """Wait until it is done. Raises what `work` has raised."""
        self.start()
        if self._thread.ident is None and not self._outcome.done():
            self._do()  # here, for want of a thread
        await asyncio.wrap_future(self._outcome)

    def _do(self) -> None:
        try:
            self._work()
        except Exception as error:  # whatever it is, those who wait are to see it
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(None)
