"""One Python of a run: where the work is opened, tried and measured, also after a process has ended by it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from poolscope.experiments.pool_benchmark.plan import (
    WorkCost,
    configurations,
    in_words,
    kinds_to_measure,
    planned,
    repetition_s,
    why_unfit,
)
from poolscope.machine import memory
from poolscope.protocol.arguments import BenchmarkArguments, BenchmarkWork, InterpreterPath
from poolscope.protocol.commands import ExplainBreakage, MeasureOnce, OpenWork, SiftItems, WorkOpened
from poolscope.protocol.kinds import ENGINES, IN_PROCESSES, SERIAL, STARTED_BY_METHOD, PoolUse
from poolscope.protocol.native import variables
from poolscope.protocol.payloads import (
    Breakage,
    Calibration,
    FailureCode,
    InterpreterFacts,
    MeasurementReport,
    PlannedConfiguration,
    ResultDifference,
    SlowItem,
    SlowItems,
    TrialReport,
)
from poolscope.runner.context import RunContext
from poolscope.runner.host.call_log import CallTooLong, GeneratorStates, GlobalsDiffer, entries, under_way, write_entry
from poolscope.runner.host.client import HostProcess
from poolscope.runner.host.errors import HostFailed, OrderRefused
from poolscope.runner.host.remembering import finds_kept
from poolscope.runner.pools.kinds import measure
from poolscope.runner.reports import report_on
from poolscope.workloads.catalog import WORK_MS, WORKLOADS
from poolscope.workloads.work import Work, set_up

MOST_STARTS = 10
PASSED_ON = 16 * 1024  # bytes of what the first calls printed that are passed on
SHOWN_RESULTS = 1000
# Who does nothing for so long, and for longer than the loop takes, hangs; what breaks mostly does so at once.
LEAST_PATIENCE_S = 1.0
SEARCH_S = 10.0  # whatever the user's limit: starting another process and its workers has nothing to do with it
LONG_LOOP_S = 5.0  # which is not done three times more to compare hash seeds
STOP_S = 2.0  # in which a signal has stopped a call, if it can


class ConfigurationFailed(Exception):
    """A repetition could not be done; the message is the sentence why. Other configurations can go on.

    `ended`: its process has ended by that, and they go on in another. `breakage` is what broke it, as far as is known.
    """

    def __init__(self, sentence: str, ended: bool, breakage: Breakage | None = None) -> None:
        super().__init__(sentence)
        self.ended = ended
        self.breakage = breakage


class InterpreterLost(Exception):
    """This Python can't take part, or no longer; the message is the sentence why, `code` the kind of failure.

    `exit_code` is of its process, where the end of that is the reason.
    """

    def __init__(self, sentence: str, code: FailureCode | None = None, exit_code: int | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration for the plan. `guess_s` is what a repetition may take, `why_unfit` why it can't do the work."""

    config: PlannedConfiguration
    guess_s: float | None = None
    why_unfit: str | None = None


@dataclass(frozen=True, slots=True)
class HowToMeasure:
    """One repetition: a traced one keeps at most `spans`, the `first` one may come with its results.

    Its sample is the mean of so many `passes`; with `fill_s` it is found out how many of them last so long.
    """

    first: bool = False
    traced: bool = False
    spans: int = 0
    passes: int = 1
    fill_s: float = 0.0


class Session(Protocol):
    """Where the work is opened and measured. `label` names its Python, '' for the run's own.

    `facts`, `trial` and `calibration` are what it found out by entering, None where it did not look; `rounds` is set
    before to those of another's calibration, so that all do the same work, and `slow` to the items that it left out.
    `lost` is why it takes no more part, '' if it does.
    """

    label: str
    facts: InterpreterFacts | None
    trial: TrialReport | None
    calibration: Calibration | None
    rounds: int | None
    slow: SlowItems | None
    lost: str

    def enter(self) -> None:
        """Open the work. Raises InterpreterLost."""

    def candidates(self, arguments: BenchmarkArguments, cpus: int) -> list[Candidate]:
        """What there is to measure, the plain loop first."""

    def is_traced(self, config: PlannedConfiguration) -> bool:
        """Whether the configuration has a traced repetition."""

    def measure(self, config: PlannedConfiguration, how: HowToMeasure) -> MeasurementReport:
        """One repetition. Raises ConfigurationFailed, after which others may be measured, or InterpreterLost."""

    def close(self) -> None:
        """Close what the work has opened."""

    def end(self) -> None:
        """End what is left, at once. May be called again."""


class InterpreterSession:
    """The work in a host process of one Python, which is started anew when a configuration has ended it.

    It tries the work before anything is timed: what a user's function does is not known. Where calls are remembered, or
    change items that can't be copied, each repetition has a host of its own, in which nothing has been called before.
    """

    def __init__(
        self,
        context: RunContext,
        python: InterpreterPath,
        work: BenchmarkWork,
        scratch: Path,
        limit_s: float,
        item_limit_s: float | None = None,
    ) -> None:
        self.label = python.label
        self.facts: InterpreterFacts | None = None
        self.trial: TrialReport | None = None
        self.calibration: Calibration | None = None
        self.rounds: int | None = None
        self.slow: SlowItems | None = None
        self.lost = ""
        self._context = context
        self._executable = python.executable
        self._work = work
        self._scratch = scratch
        self._limit_s = limit_s
        self._item_limit_s = item_limit_s
        self._host: HostProcess | None = None
        self._starts = 0
        self._searches = 0
        self._causes: dict[str, ResultDifference | None] = {}
        self._alike: dict[str, set[str]] = {}  # random generators, by start method
        self._native_threads = 0
        self._like: InterpreterSession | None = None  # who has tried the work for this one
        self._loop_s = 0.0  # the longest plain loop so far
        self._fresh = False
        self._apart = False
        self._digest: str | None = None  # of the loop's results, where nothing else is kept of them

    def with_native_threads(self, limit: int, scratch: Path) -> InterpreterSession:
        """The same in a process whose environment limits the threads of BLAS and the like.

        It takes over what this one finds out by entering, and starts its own host when something is measured in it.
        """
        python = InterpreterPath(self.label, self._executable)
        session = InterpreterSession(self._context, python, self._work, scratch, self._limit_s)
        session._native_threads, session._like = limit, self
        return session

    def enter(self) -> None:
        """Start the host, open the work and try it. Raises InterpreterLost."""
        if self._like is not None:
            self.facts, self.trial, self.lost = self._like.facts, self._like.trial, self._like.lost
            self._work, self._fresh, self._apart = self._like._work, self._like._fresh, self._like._apart
            return
        try:
            if self._item_limit_s is not None:
                self._leave_out(self.slow or self._sift(self._item_limit_s))
            host = self._start()
            prints = self._scratch / "prints"
            try:
                self.trial = trial = host.try_work(prints, self._limit_s)
            finally:
                pass_on(prints)
        except HostFailed as failed:
            breakage = failed.breakage
            if breakage is None or not breakage.places:  # what was too long once is not waited for again
                breakage = self._explained(planned(self.label, SERIAL, items=1), breakage)
            ended = failed.breakage.exit_code if failed.breakage is not None else None
            self._lose(f"{failed}{found_out(breakage)}", exit_code=ended)
        except OrderRefused as refused:
            self._lose(str(refused), refused.code)
        if self.facts:
            self.facts = replace(self.facts, gil=trial.gil)  # a user's extension may have brought it back
        if trial.raised:
            # Arguments that don't fit are a mistake in what was asked, and not one in the work.
            self._lose(trial.raised.sentence, "bad-reference" if trial.raised.remedy else None)
        self.trial = trial = self._looked_outside(trial)
        self._fresh = needs_fresh_items(trial)
        self._apart = ":" in self._work.name and needs_fresh_process(trial)
        if self._apart:
            host.close()

    def _sift(self, limit_s: float) -> SlowItems:
        """Find the items that take too long, in hosts that end with a call which nothing else stops."""
        log, first = self._scratch / "sifted", 0
        for _ in range(MOST_STARTS):
            try:
                with self._another_host() as (host, opened):
                    host.sift(SiftItems(limit_s, str(log), first), limit_s + STOP_S)
                break
            except HostFailed as failed:
                stuck = under_way(entries(log))
                if failed.breakage is None or not stuck:
                    raise
                first, words = max(stuck.items())
                if failed.breakage.code != "limit":
                    raise HostFailed(f"{failed} It was at item {first} ({words}).") from None
                write_entry(log, CallTooLong(first, 0, words, limit_s + STOP_S))
                first += 1
        else:
            raise HostFailed(
                f"Calls of {MOST_STARTS} items could be stopped only by ending their process, so no more was tried."
            )
        found = [entry for entry in entries(log) if isinstance(entry, CallTooLong)]
        slow = [SlowItem(entry.number, entry.item, entry.seconds) for entry in found]
        return SlowItems(limit_s, opened.count, tuple(slow))

    def _looked_outside(self, trial: TrialReport) -> TrialReport:
        """The trial, with what its calls remember told as kept outside where another process's first calls find it."""
        memory = trial.remembered
        if memory is None or memory.how != "per item":
            return trial
        try:
            with self._another_host() as (host, _):
                anew = host.try_work(self._scratch / "prints-anew", self._limit_s)
        except (HostFailed, OrderRefused):
            return trial
        found = finds_kept(trial.call_s, trial.again_s, anew.call_s)
        return replace(trial, remembered=replace(memory, how="outside")) if found else trial

    def _leave_out(self, slow: SlowItems) -> None:
        self.slow = slow
        if len(slow.items) == slow.count:
            raise OrderRefused(f"The call of every item took longer than the item limit of {slow.limit_s:g} s.")
        self._work = replace(self._work, left_out=tuple(item.number for item in slow.items))

    def candidates(self, arguments: BenchmarkArguments, cpus: int) -> list[Candidate]:
        facts, trial = self.facts, self.trial
        if self.lost or facts is None or trial is None:
            return []
        kinds, cost = kinds_to_measure(arguments, facts, trial), WorkCost.of_trial(trial)
        return [
            Candidate(
                config,
                repetition_s(config, cost, gil=facts.gil, cpus=cpus),
                why_unfit(config, facts, trial),
            )
            for config in configurations(
                arguments, self.label, kinds, facts.start_method, trial.count, self._native_threads
            )
        ]

    def is_traced(self, config: PlannedConfiguration) -> bool:
        """A lane and a memory are those of workers that stay."""
        return not config.max_tasks

    def measure(self, config: PlannedConfiguration, how: HowToMeasure) -> MeasurementReport:
        """Have the host do one repetition. Raises ConfigurationFailed or InterpreterLost."""
        host, cold = self._living(), self._forks_threads_of_calls(config)
        kills = memory.MemoryKills()
        try:
            if cold:
                with self._another_host() as (other, _):
                    report = self._measure(other, config, replace(how, passes=1, fill_s=0.0))
            else:
                report = self._measure(host, config, replace(how, passes=1, fill_s=0.0) if self._apart else how)
            if self._apart:
                host.close()
        except HostFailed as failed:
            breakage = with_killer(self._explained(config, failed.breakage), kills)
            raise ConfigurationFailed(f"{failed}{found_out(breakage)}", ended=not cold, breakage=breakage) from None
        except OrderRefused as refused:
            ended = refused.spoiled and not cold
            if ended or self._apart:
                host.end()
            breakage = with_killer(self._explained(config, refused.breakage), kills)
            raise ConfigurationFailed(str(refused), ended=ended, breakage=breakage) from None
        if config.kind == SERIAL:
            self._loop_s = max(self._loop_s, report.map / 1e9)
        if report.same is False and report.difference is not None and config.kind in IN_PROCESSES:
            report = replace(report, difference=self._told_apart(config, report.difference))
        self._fresh = self._fresh or report.changed is not None
        if config.kind == SERIAL and not self._apart:
            self._digest = self._digest or report.digest
        return self._compared(report) if self._apart or cold else report

    def _forks_threads_of_calls(self, config: PlannedConfiguration) -> bool:
        """Whether workers would be forked from a process in which calls have left threads, such as those of a pool that
        they keep: a copy of such a pool has none and waits for ever, where a worker of its own would make one.

        They are forked from another process then, in which nothing was called.
        """
        own = self.facts.start_method if self.facts else ""
        threads = self.trial.threads_of_calls if self.trial else ()
        return bool(threads) and config.kind in STARTED_BY_METHOD and (config.start_method or own) == "fork"

    def _compared(self, report: MeasurementReport) -> MeasurementReport:
        """The report of a host that has nothing to compare its results with; the first of all is the loop's."""
        self._digest = self._digest or report.digest
        if report.digest == self._digest:
            return report
        detail = "Its results are not those of the plain loop."
        return replace(report, same=None if report.digest is None else False, detail=detail, digest=None)

    def _measure(self, host: HostProcess, config: PlannedConfiguration, how: HowToMeasure) -> MeasurementReport:
        return host.measure(order_for(config, how), self._limit_s, f"a pass of {in_words(config)}")

    def _explained(self, config: PlannedConfiguration, breakage: Breakage | None) -> Breakage | None:
        """What broke a configuration, as another host finds out that may break in the same way."""
        if breakage is None or self.facts is None:
            return breakage
        use, late = order_for(config, HowToMeasure()).use, breakage.code == "limit"
        if config.kind in STARTED_BY_METHOD:
            use = replace(use, start_method=use.start_method or self.facts.start_method)
        warm = late and config.kind != SERIAL and not self._forks_threads_of_calls(config)
        found = self._search(use, warm=warm)
        if found is None or (found.code == "host-died") > (breakage.code == "host-died"):
            return replace(breakage, looked=True)
        if found.code == "hung-at-fork":
            # The evidence: whether it hangs as well where nothing is forked.
            spawned = self._search(replace(use, start_method="spawn"), warm=False)
            if spawned is not None and spawned.code == "hung":
                found = replace(found, code="hung")
        return replace(found, limit_s=breakage.limit_s, exit_code=found.exit_code or breakage.exit_code)

    def _told_apart(self, config: PlannedConfiguration, difference: ResultDifference) -> ResultDifference:
        """Why workers that import the module anew give other results, where that shows in other hosts only."""
        # An engine's workers import the module anew, as spawned ones do.
        own = "spawn" if config.kind in ENGINES else self.facts.start_method if self.facts else ""
        method = config.start_method or own
        if difference.code == "random" and difference.names:
            if method not in self._alike:
                self._alike[method] = self._states_alike(config, method)
            alike = tuple(name for name in difference.names if name in self._alike[method])
            return replace(difference, code="same-random-state", names=alike) if alike else difference
        if method == "fork" or difference.code not in ("order", "own-globals", "unknown"):
            return difference
        if method not in self._causes:
            self._causes[method] = self._hash_seed_counts() or self._globals_of_workers(config, method)
        found = self._causes[method]
        return difference if found is None else replace(difference, code=found.code, names=found.names)

    def _states_alike(self, config: PlannedConfiguration, method: str) -> set[str]:
        """The random generators that two such workers begin with in the same state."""
        self._search(replace(order_for(config, HowToMeasure()).use, start_method=method), warm=False)
        found = [entry.states for entry in entries(self._log_of(self._searches)) if isinstance(entry, GeneratorStates)]
        names = {name for states in found for name in states}
        of_each = {name: [states[name] for states in found if name in states] for name in names}
        return {name for name, states in of_each.items() if len(set(states)) < len(states)}

    def _hash_seed_counts(self) -> ResultDifference | None:
        """Whether the loop's results change with the hash seed and with nothing else: three hosts tell, two alike."""
        if self._loop_s > LONG_LOOP_S:
            return None
        digests = []
        try:
            for seed in (1, 1, 2):
                with self._another_host(seed) as (host, _):
                    loop = planned(self.label, SERIAL, items=1)
                    digests.append(self._measure(host, loop, HowToMeasure()).digest)
        except (HostFailed, OrderRefused):
            return None
        first, again, other = digests
        return ResultDifference("hash-seed") if first is not None and first == again != other else None

    def _globals_of_workers(self, config: PlannedConfiguration, method: str) -> ResultDifference | None:
        """The globals that such workers have other values of."""
        self._search(replace(order_for(config, HowToMeasure()).use, start_method=method), warm=False)
        found = entries(self._log_of(self._searches))
        names = sorted({name for entry in found if isinstance(entry, GlobalsDiffer) for name in entry.names})
        return ResultDifference("main-globals", names=tuple(names)) if names else None

    def _log_of(self, search: int) -> Path:
        return self._scratch / f"calls-{search}"

    def _search(self, use: PoolUse, *, warm: bool) -> Breakage | None:
        """How a repetition breaks in a host of its own, None where it does not, or that can't be told."""
        self._searches += 1
        log = self._log_of(self._searches)
        longest_s = max(self.trial.call_s, default=0.0) if self.trial else 0.0
        patience_s = max(LEAST_PATIENCE_S, 2 * self._loop_s, 3 * longest_s)
        try:
            with self._another_host() as (host, _):
                order = ExplainBreakage(use, str(log), patience_s, warm)
                return host.explain(order, SEARCH_S + 2 * self._loop_s + patience_s)
        except HostFailed as failed:
            if failed.breakage is None or failed.breakage.code != "host-died":
                return None
            items = under_way(entries(log))  # the log of its calls has outlived it
            words = "".join(items.values()) if len(items) == 1 else ""
            return replace(failed.breakage, looked=True, again=True, items=tuple(items), item=words)
        except OrderRefused:
            return None

    def _living(self) -> HostProcess:
        if self._host is not None and self._host.alive:
            return self._host
        try:
            host = self._start()
            if self._loop_s and not self._apart:  # the results that the others are compared with went with the host
                self._measure(host, planned(self.label, SERIAL, items=1), HowToMeasure())
        except (HostFailed, OrderRefused) as failed:
            self._lose(f"After its process had ended, Python {self.label} could not go on. {failed}")
        return host

    def _start(self) -> HostProcess:
        if self._starts == MOST_STARTS:
            self._lose(f"The process of Python {self.label} ended {MOST_STARTS} times, so it was not started again.")
        self._starts += not self._apart
        self._host = host = self._new_host()
        self.facts = host.describe()
        opened = self._open(host, self._limit_s)
        if opened.calibration is not None:
            self.calibration = self.calibration or opened.calibration
            self.rounds = opened.calibration.rounds  # the same work, should it be started anew
        return host

    def _new_host(self, hash_seed: int | None = None) -> HostProcess:
        folder = self._work.working_folder or self._work.folder or None
        limits = variables(self._native_threads) if self._native_threads else {}
        return HostProcess.start(
            self._context,
            self.label,
            self._executable,
            folder,
            own_site=":" in self._work.name or self._work.packages,
            limits=limits,
            hash_seed=hash_seed,
        )

    def _open(self, host: HostProcess, limit_s: float) -> WorkOpened:
        is_async = self.trial is not None and self.trial.is_async
        order = OpenWork(self._work, str(self._scratch), self.rounds, is_async, self._fresh)
        return host.open_work(order, limit_s)

    @contextlib.contextmanager
    def _another_host(self, hash_seed: int | None = None) -> Iterator[tuple[HostProcess, WorkOpened]]:
        """One beside that which measures, with the work opened; it is ended afterwards. Raises HostFailed."""
        host = self._new_host(hash_seed)
        try:
            yield host, self._open(host, max(self._limit_s, SEARCH_S))
        finally:
            host.end()

    def _lose(self, why: str, code: FailureCode | None = None, exit_code: int | None = None) -> None:
        """Take no more part. Raises InterpreterLost."""
        self.lost = why
        self.end()
        raise InterpreterLost(why, code, exit_code)

    def close(self) -> None:
        """Let the host close what its work has opened."""
        if self._host is not None and self._host.alive:
            self._host.close()

    def end(self) -> None:
        """End the host and all that it started, at once."""
        if self._host is not None:
            self._host.end()


def with_killer(breakage: Breakage | None, kills: memory.MemoryKills) -> Breakage | None:
    """What broke a configuration, with the kernel's part in it: whether it has killed for want of memory meanwhile."""
    if breakage is None or breakage.exit_code != -signal.SIGKILL or not kills.happened:
        return breakage
    return replace(breakage, out_of_memory=True)


def needs_fresh_items(trial: TrialReport) -> bool:
    """Whether every pass has to have copies of the items as they were."""
    memory = trial.remembered
    copied = trial.changed is not None and trial.changed.copied
    return copied or not trial.items_known or (memory is not None and memory.how == "per object")


def needs_fresh_process(trial: TrialReport) -> bool:
    """Whether a second pass in the same process would find the work half done."""
    memory = trial.remembered
    spoiled = trial.changed is not None and not trial.changed.copied
    return spoiled or (memory is not None and memory.how == "per item")


class LocalSession:
    """A built-in work in the run's own process, where its workers can be killed on request.

    Nothing is tried: its work is known. What ends a pool here ends the run, with what was measured before.
    """

    def __init__(self, context: RunContext, work: BenchmarkWork, scratch: Path) -> None:
        self.label = self.lost = ""
        self.facts: InterpreterFacts | None = None
        self.trial: TrialReport | None = None
        self.calibration: Calibration | None = None
        self.rounds: int | None = None
        self.slow: SlowItems | None = None
        self._context = context
        self._request = work
        self._scratch = scratch
        self._work: Work | None = None
        self._expected: list[Any] | None = None

    def enter(self) -> None:
        request = self._request
        with self._context.interruptible():
            self._work = work = set_up(request.name, request.work_ms, request.items, self._scratch, first=request.first)
        if work.rounds is not None:
            asked_ms = request.work_ms or WORK_MS.get(request.name)
            self.calibration = Calibration(work.rounds, asked_ms, work.one_call_s)

    def candidates(self, arguments: BenchmarkArguments, cpus: int) -> list[Candidate]:
        work, row = arguments.work, WORKLOADS[arguments.work.name]
        cost = WorkCost(work.items, (work.work_ms or row.work_ms or row.call_s * 1000) / 1000, bool(row.waits))
        planned = configurations(arguments, "", arguments.kinds, "", work.items)
        return [Candidate(config, repetition_s(config, cost, gil=True, cpus=cpus)) for config in planned]

    def is_traced(self, config: PlannedConfiguration) -> bool:
        return config.kind != SERIAL

    def measure(self, config: PlannedConfiguration, how: HowToMeasure) -> MeasurementReport:
        """One repetition. Raises what `poolscope.runner.pools.kinds.measure` raises."""
        if self._work is None:
            raise InterpreterLost("The work has not been opened.")
        order = order_for(config, how, SHOWN_RESULTS if how.first else 0)
        self._context.lane = order.lane
        measurement = measure(
            self._context, order.use, self._work, traced=how.traced, passes=how.passes, fill_s=how.fill_s
        )
        results = measurement.results
        if self._expected is None:
            self._expected = results
        in_order = config.method != "imap_unordered"
        same = results == self._expected or (not in_order and sorted(results) == sorted(self._expected))
        detail = "" if same else "Its results are not those of the plain loop."
        words = [str(item) for item in self._work.items] if in_order else None
        return report_on(measurement, order, words, same=same, detail=detail)

    def close(self) -> None:
        if self._work is not None:
            self._work.close()

    def end(self) -> None:
        pass


def order_for(config: PlannedConfiguration, how: HowToMeasure, results: int = 0) -> MeasureOnce:
    """One repetition of a configuration."""
    use = PoolUse(config.kind, config.size, config.start_method, config.chunksize, config.method, config.max_tasks)
    return MeasureOnce(use, how.traced, how.spans, results, config.key, how.passes, how.fill_s)


def found_out(breakage: Breakage | None) -> str:
    """What goes on a sentence about a plain loop that died or hung: at which item, or where it waits."""
    if breakage is not None and breakage.places:
        place = breakage.places[0]
        where = f"({Path(place.file).name}, line {place.line})"
        if breakage.code != "limit":
            return f" It waited in {place.function} {where}, without using a CPU."
        if place.function == "<module>":  # where a script does its work
            return f" It was at the top level of a module {where}: put that under if __name__ == '__main__'."
        return f" It was in {place.function} {where}."
    if breakage is not None and breakage.item:
        return f" It was at item {breakage.items[0]} ({breakage.item})."
    return ""


def pass_on(prints: Path) -> None:
    """Print what the first calls printed, as if they had done it here; the run captures it."""
    with contextlib.suppress(OSError):
        with prints.open("rb") as file:
            text = file.read(PASSED_ON)
        os.write(1, text)
        prints.unlink()
