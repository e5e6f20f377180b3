"""Has the same work done by the plain loop and by every kind of pool, in turns, each Python in a session of its own.

    trial of every Python ─▶ plan ─▶ warm-up round ─▶ counted rounds, shuffled ─▶ traced repetitions
                                                       └─ RoundEnded ─▶ server ─▶ ContinueRounds ─┘

Nothing is timed here: a session opens the work, measures one configuration at a time, and reports how long it took. A
user's function that crashes, hangs or leaves can hurt no more than its session's process, and the configurations that
are left go on in another. Where the number of rounds is left open, the server says after some of them what is settled;
without a word from it there are as many as the time allows. That is the time of all that the figure shows: where a
round is long, pools are traced as they warm up, and where not even a warm-up and one round fit, there is no warm-up.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
from itertools import count
from pathlib import Path
from time import monotonic, perf_counter

from poolscope.experiments.pool_benchmark.plan import (
    ALWAYS_TRACED_S,
    FEWEST_TO_SETTLE,
    GRACE,
    HURRIED_ROUNDS,
    MOST_ROUNDS,
    ROUNDS_TO_SPARE,
    SAMPLE_S,
    TRACED_WARM_UP_S,
    UNCOUNTED,
    WARM_UP_SHARE,
    WorkCost,
    alike,
    configurations,
    hardly_ahead,
    in_words,
    is_look,
    keeps_one_cpu_busy,
    limits_of_native_threads,
    repetition_s,
    shortest_call_s,
)
from poolscope.experiments.pool_benchmark.reporter import Reporter
from poolscope.experiments.pool_benchmark.sessions import (
    ConfigurationFailed,
    HowToMeasure,
    InterpreterLost,
    InterpreterSession,
    LocalSession,
    Session,
)
from poolscope.machine import cpu_probe, noise
from poolscope.machine.facts import read_machine
from poolscope.protocol.arguments import BenchmarkArguments
from poolscope.protocol.kinds import POOL_KINDS, SERIAL
from poolscope.protocol.payloads import (
    Breakage,
    BytesCarried,
    ClusterStarted,
    ConfigurationDropped,
    ConfigurationSkipped,
    ConfigurationUntraced,
    DroppedWhy,
    EffectiveCpus,
    GarbageCollections,
    InterpreterLeftOut,
    ItemsChanged,
    LoopTimes,
    MeasurementReport,
    PassesPerSample,
    Plan,
    PlannedConfiguration,
    ResultsDiffer,
    ResultsRounded,
    RoundEnded,
    RoundsEnded,
    RoundsEndedWhy,
    Seed,
    WorkerHosts,
    WorkersLost,
)
from poolscope.runner.context import CannotGoOn, RunContext
from poolscope.runner.pools.kinds import lacking
from poolscope.runner.progress import ProgressEstimator
from poolscope.workloads.catalog import WORKLOADS

SPANS = 4000  # of all configurations together: more can't be looked at
NEEDS_NO_TRACE = "It was shown to lose, and another one of its kind was traced."
HAD_NO_TIME = "It was measured once, since the time was short, and another one of its kind was traced."
ADVICE_S = 1.0  # how long the server may think about the rounds so far …
MOST_UNANSWERED = 2  # … unless it said nothing so often in a row


def run(context: RunContext, arguments: BenchmarkArguments) -> None:
    """Try the work, one uncounted round, the counted ones, one traced repetition a configuration."""
    scratch = Path(tempfile.mkdtemp(prefix="pool-benchmark-", dir=context.scratch))
    benchmark = Benchmark(context, arguments, scratch)
    try:
        benchmark.run()
        for session in benchmark.sessions:
            session.close()
    finally:
        for session in benchmark.sessions:
            session.end()
        shutil.rmtree(scratch, ignore_errors=True)


def sessions_for(context: RunContext, arguments: BenchmarkArguments, scratch: Path) -> list[Session]:
    """A session for each Python and each limit of native threads, or one in this process; each has its own folder."""
    folders = (scratch / str(number) for number in count())
    if not arguments.pythons:
        return [LocalSession(context, arguments.work, new_folder(next(folders)))]
    sessions: list[Session] = []
    for python in arguments.pythons:
        first = InterpreterSession(
            context,
            python,
            arguments.work,
            new_folder(next(folders)),
            arguments.limit_s,
            arguments.item_limit_s,
        )
        limits = limits_of_native_threads(arguments)[1:]
        sessions += [first, *(first.with_native_threads(limit, new_folder(next(folders))) for limit in limits)]
    return sessions


def new_folder(path: Path) -> Path:
    path.mkdir()
    return path


class Benchmark:
    """One run: its sessions, the configurations that are still measured, and what is remembered between repetitions."""

    def __init__(self, context: RunContext, arguments: BenchmarkArguments, scratch: Path) -> None:
        self.context = context
        self.arguments = arguments
        self.report = Reporter(context)
        self.sessions = sessions_for(context, arguments, scratch)
        self.configs: dict[PlannedConfiguration, Session] = {}
        self.dropped: dict[PlannedConfiguration, DroppedWhy] = {}
        self.passes: dict[PlannedConfiguration, int] = {}  # a sample, where it is of several
        self.unanswered = 0
        self.began = perf_counter()
        self.rounds = 0  # counted ones that are over
        self.planned: tuple[PlannedConfiguration, ...] = ()
        self.hurried = False  # there is no time for a warm-up
        self.traced: set[PlannedConfiguration] = set()
        self.tracing = False  # the samples are complete; what fails now lacks its trace alone
        self.digest: str | None = None
        self.differing: set[PlannedConfiguration] = set()
        self.rounded: dict[PlannedConfiguration, float] = {}
        self.lost: dict[PlannedConfiguration, tuple[int, int]] = {}  # workers, and tasks that were done again
        self.placed: set[PlannedConfiguration] = set()  # it was told where the workers are
        self.collections: dict[PlannedConfiguration, int] = {}
        self.loops: dict[PlannedConfiguration, LoopTimes] = {}  # of counted rounds alone
        self.fixed_loops: list[float] = []  # seconds, one after each of the first Python's
        self.machine = read_machine()
        self.estimator = self.first_estimate()

    def run(self) -> None:
        if self.arguments.pythons:
            self.report.progress(self.estimator, "looking at the machine")
            self.report.result(self.machine)
            self.report.result(EffectiveCpus(self.effective_cpus(), cpu_probe.WINDOW_S))
        for session in self.sessions:
            if session.label:
                self.report.progress(self.estimator, f"pre-flight under Python {session.label}")
            self.enter(session)
        self.plan()
        if not self.hurried:
            self.measure_round(0, list(self.configs))
        seed = random.SystemRandom().randrange(2**32)
        self.report.result(Seed(seed))
        order = random.Random(seed)
        before = noise.read_counters(server=self.context.server)
        round_s = 0.0
        while not self.is_over(round_s):
            began = perf_counter()
            self.measure_round(self.rounds + 1, self.next_round(order))
            self.rounds += 1
            round_s = perf_counter() - began
            if self.rounds == 1:
                self.spare_time()
            self.read_noise(before)
        for config, collections in self.collections.items():
            if config in self.configs:
                self.report.result(GarbageCollections(collections), config.key)
        self.tracing = True
        to_trace = self.to_trace()
        for config in self.untraced():
            if config not in to_trace:
                short = self.dropped.get(config) == "no time"
                self.leave_untraced(config, HAD_NO_TIME if short else NEEDS_NO_TRACE)
        for config in to_trace:
            self.trace(config)
        self.report.progress(self.estimator, "")
        self.read_noise(before)

    def running(self) -> list[PlannedConfiguration]:
        """The configurations that are in the next round."""
        return [config for config in self.configs if config not in self.dropped]

    def next_round(self, order: random.Random) -> list[PlannedConfiguration]:
        """The configurations of the next round in their order: by chance, but for a first one that warms up as well.

        That begins with the loops, whose results the others are compared with, and goes on with what is expected to be
        the fastest, for the time may end it.
        """
        configs = self.running()
        if self.hurried and not self.rounds:
            return sorted(configs, key=lambda config: (config.kind != SERIAL, self.expected_s(config)))
        order.shuffle(configs)
        return configs

    def expected_s(self, config: PlannedConfiguration) -> float:
        """Seconds of one repetition, 0 where nothing is known of it."""
        return self.estimator.expected_s(config.key) or 0.0

    def round_s(self) -> float:
        """What a round of all that was planned takes, by what was measured so far and else as it was guessed."""
        return sum(map(self.expected_s, self.planned))

    def spent_s(self) -> float:
        """How long the run has taken so far."""
        return perf_counter() - self.began

    def left_s(self) -> float:
        """The time that is left for counted rounds.

        What traces will take is not; but without samples enough for an answer they would explain nothing, so that a
        little more time than was asked for, or that of the traces, goes to those first.
        """
        left_s = self.arguments.seconds - self.spent_s()
        if self.rounds < FEWEST_TO_SETTLE:
            return left_s + GRACE * self.arguments.seconds
        return left_s - sum(map(self.expected_s, self.to_trace()))

    def is_over(self, round_s: float) -> bool:
        """Whether there were enough counted rounds, the last of which took so long."""
        if self.arguments.repeats is not None:
            return self.rounds == self.arguments.repeats
        if self.rounds:
            self.report.result(RoundEnded(self.rounds, self.spent_s(), round_s))
            self.context.recorder.flush()
        why = self.why_over(settled=bool(self.rounds) and self.take_advice())
        if why is not None:
            self.report.result(RoundsEnded(why, self.rounds, self.spent_s()))
        self.expect(0 if why is not None else max(1, self.rounds_within(self.left_s())))
        return why is not None

    def why_over(self, *, settled: bool) -> RoundsEndedWhy | None:
        if settled and self.rounds >= FEWEST_TO_SETTLE:
            return "settled"
        if self.rounds and not any(config.kind != SERIAL for config in self.configs):
            return "no pool left"
        if self.rounds >= MOST_ROUNDS:
            return "most rounds"
        return None if not self.rounds or self.rounds_within(self.left_s()) else "time spent"

    def rounds_within(self, seconds: float) -> int:
        """How many rounds of what still runs take so long, as far as is known."""
        round_s = sum(map(self.expected_s, self.running()))
        return min(MOST_ROUNDS, max(0, int(seconds / round_s))) if round_s else 1

    def expect(self, rounds: int) -> None:
        """Estimate the time left from so many more rounds."""
        to_trace = self.to_trace()
        for config in self.configs:
            self.estimator.expect(config.key, rounds * (config not in self.dropped) + (config in to_trace))

    def to_trace(self) -> list[PlannedConfiguration]:
        """What is still to be traced: the loops, what may win, the first of every kind that has several workers, and
        what takes no time worth speaking of."""
        found, alikes = [], {(alike(config), config.chunksize) for config in self.traced if config.size > 1}
        for config in self.untraced():
            same = (alike(config), config.chunksize)
            stands_for_others = config.size > 1 and same not in alikes
            quick = self.arguments.repeats is not None or self.expected_s(config) < ALWAYS_TRACED_S
            if config.kind == SERIAL or config not in self.dropped or stands_for_others or quick:
                found.append(config)
                alikes |= {same} if config.size > 1 else set()
        return sorted(found, key=lambda config: config in self.dropped)

    def untraced(self) -> list[PlannedConfiguration]:
        """The configurations that can be traced and have not been."""
        left = (config for config in self.configs if config not in self.traced)
        return [config for config in left if self.configs[config].is_traced(config)]

    def take_advice(self) -> bool:
        """Drop what the server has found to lose; whether it has found the recommendation settled.

        It is waited for only after the rounds whose samples it looks at; an answer that is late counts all the same.
        """
        waits = is_look(self.rounds) and self.unanswered < MOST_UNANSWERED
        until = monotonic() + ADVICE_S * waits
        enough = False
        while (advice := self.context.next_advice(max(0.0, until - monotonic()))) is not None:
            self.unanswered = 0
            enough = enough or advice.enough
            for config in self.running():
                lost_to, not_ahead_of = advice.dropped.get(config.key), advice.not_ahead.get(config.key)
                if config.kind != SERIAL and (other := lost_to or not_ahead_of):
                    self.drop(config, other, "slower" if lost_to else "beyond CPUs")
            if advice.round == self.rounds:
                return enough
        self.unanswered += waits
        return enough

    def leave_out_for_want_of_time(self) -> None:
        """Where the time is too short even for one round of all and two more of what may win, measure that alone."""
        hardly = self.hardly_ahead()
        hardly_s = sum(map(self.expected_s, hardly))
        if FEWEST_TO_SETTLE * (self.round_s() - hardly_s) + hardly_s > self.left_s():
            for config in hardly:
                self.skip(config, self.too_short(), late=True)

    def spare_time(self) -> None:
        """After a first round so long that few more fit, repeat no longer what can hardly win."""
        if self.hurried and self.rounds + self.rounds_within(self.left_s()) < ROUNDS_TO_SPARE:
            for config, other in self.hardly_ahead().items():
                self.drop(config, other.key, "no time")

    def hardly_ahead(self) -> dict[PlannedConfiguration, PlannedConfiguration]:
        return hardly_ahead([config for config in self.running() if self.computes(config)], self.machine.usable_cpus)

    def computes(self, config: PlannedConfiguration) -> bool:
        """Whether a call keeps one CPU busy, as its trial has found: one worker is then a loop with a price."""
        trial = self.configs[config].trial
        return trial is not None and keeps_one_cpu_busy(trial)

    def drop(self, config: PlannedConfiguration, lost_to: str, why: DroppedWhy) -> None:
        """Give a configuration no more rounds."""
        self.dropped[config] = why
        self.report.result(ConfigurationDropped(self.rounds, lost_to, why), config.key)

    def effective_cpus(self) -> dict[str, float]:
        """What as many spinning processes get as there are CPUs; empty where that can't be had."""
        count, context = self.machine.usable_cpus, self.context
        with contextlib.suppress(cpu_probe.ProbeFailed, OSError), context.recorder.quiet(), context.interruptible():
            # By fork, which is the quickest: they do nothing but count.
            return {str(count): cpu_probe.effective_cpus(count, start_method="fork")}
        return {}

    def enter(self, session: Session) -> None:
        """Open the work in one Python. The first one's failure is the run's; another one is left out."""
        first = self.sessions[0]
        session.rounds, session.slow = first.rounds, first.slow
        try:
            session.enter()
        except InterpreterLost as lost:
            if session.trial:
                self.report.result(session.trial, session.label)
            self.report.result(InterpreterLeftOut(str(lost)), session.label)
            if session is first:
                raise CannotGoOn(str(lost), lost.code, lost.exit_code) from None
            return
        for found in filter(None, (session.facts, session.slow, session.trial)):
            self.report.result(found, session.label)
        if session is first:
            if session.trial:
                self.check_limit(session.trial.count, shortest_call_s(session.trial))
            if session.calibration:
                self.report.result(session.calibration)

    def check_limit(self, items: int, call_s: float) -> None:
        """Refuse at once what the limit would end after a long wait."""
        if items * call_s > self.arguments.limit_s:
            raise CannotGoOn(
                f"The plain loop over {items} items would take about {items * call_s:.0f} s, longer than the limit of "
                f"{self.arguments.limit_s:g} s. Take fewer items or a higher limit."
            )

    def first_estimate(self) -> ProgressEstimator:
        """The time left before the work has been tried: known of built-in work, whose calls have a known length."""
        arguments, row = self.arguments, WORKLOADS.get(self.arguments.work.name)
        if row is None:
            return ProgressEstimator({})
        waits, items = bool(row.waits), arguments.work.items or row.count
        cost = WorkCost(items, (arguments.work.work_ms or row.work_ms or 0.0) / 1000, waits)
        usual = [kind for kind in POOL_KINDS if lacking(kind) is None and (waits or kind != "asyncio")]
        guesses = {
            config.key: repetition_s(config, cost, gil=True, cpus=self.machine.usable_cpus)
            for python in arguments.pythons
            for limit in limits_of_native_threads(arguments)
            for config in configurations(arguments, python.label, arguments.kinds or usual, "", items, limit)
        }
        rounds = FEWEST_TO_SETTLE if arguments.repeats is None else arguments.repeats
        return ProgressEstimator(dict.fromkeys(guesses, rounds + UNCOUNTED), guesses)

    def plan(self) -> None:
        open_ended = self.arguments.repeats is None
        rounds = self.arguments.repeats or FEWEST_TO_SETTLE
        repetitions, guesses, unfit = {}, {}, {}
        for session in self.sessions:
            for candidate in session.candidates(self.arguments, self.machine.usable_cpus):
                config = candidate.config
                self.configs[config] = session
                repetitions[config.key] = 1 + rounds + session.is_traced(config)
                if candidate.guess_s is not None:
                    guesses[config.key] = candidate.guess_s
                if candidate.why_unfit:
                    unfit[config] = candidate.why_unfit
        self.estimator = ProgressEstimator(repetitions, guesses)
        self.report.result(Plan(tuple(self.configs)))
        for config, why in unfit.items():
            self.skip(config, why)
        self.planned = tuple(self.configs)
        self.hurried = open_ended and HURRIED_ROUNDS * self.round_s() > self.arguments.seconds - self.spent_s()
        if self.hurried:
            self.leave_out_for_want_of_time()

    def measure_round(self, repetition: int, configs: list[PlannedConfiguration]) -> None:
        of = "" if self.arguments.repeats is None else f" of {self.arguments.repeats}"
        note = "warm-up" if repetition == 0 else f"repetition {repetition}{of}"
        for config in configs:
            if config not in self.configs:
                continue
            if repetition == 0 and self.warms_up_too_long():
                self.hurried = True
                return
            if config.kind != SERIAL and repetition > 0 and self.is_late(config):
                if repetition == 1:
                    self.skip(config, self.too_late(), late=True)
                continue
            self.report.progress(self.estimator, note, config)
            how = self.how_to_measure(config, repetition)
            report = self.measure(config, how)
            if report is not None:
                self.count(config, repetition, report)
                self.fill_samples(config, report)
                if how.traced:
                    self.traced.add(config)
                    self.report.traced(config, report)

    def how_to_measure(self, config: PlannedConfiguration, repetition: int) -> HowToMeasure:
        """One repetition of a round; the first one of an open number finds out how many passes make a sample."""
        if repetition > 1 or (repetition == 1 and not self.hurried):
            return HowToMeasure(passes=self.passes.get(config, 1))
        if self.arguments.repeats is not None or self.hurried:
            return HowToMeasure(first=True, passes=self.passes.get(config, 1))
        # The first pass of a loop may be longer than the others, for what it keeps.
        long = config.kind != SERIAL and self.expected_s(config) >= TRACED_WARM_UP_S
        if long and self.configs[config].is_traced(config):
            return HowToMeasure(first=True, fill_s=SAMPLE_S, traced=True, spans=self.spans())
        return HowToMeasure(first=True, fill_s=SAMPLE_S)

    def spans(self) -> int:
        """The most of one configuration."""
        return SPANS // len(self.configs)

    def too_late(self) -> str:
        """Why a pool was never measured."""
        given_s, round_s = self.arguments.seconds, self.round_s()
        return (
            f"The time of {given_s:g} s was spent before it could be measured. A round of all takes about "
            f"{round_s:.{0 if round_s >= 10 else 1}f} s, and three are needed: give them the time, or take fewer items."
        )

    def too_short(self) -> str:
        """Why a pool is not to be measured."""
        given_s, round_s = self.arguments.seconds, self.round_s()
        return (
            f"Left out, for {given_s:g} s are too short: a round of all takes about "
            f"{round_s:.{0 if round_s >= 10 else 1}f} s, and three are needed. Where work computes, as many workers as "
            "CPUs gain most, so these have the time; give more, or take fewer items."
        )

    def warms_up_too_long(self) -> bool:
        """Whether the warm-up has taken far more time than was expected, so that the rest of it is left out."""
        return self.arguments.repeats is None and self.spent_s() > WARM_UP_SHARE * self.arguments.seconds

    def is_late(self, config: PlannedConfiguration) -> bool:
        """Whether a repetition would take more than the time that is left."""
        left_s = (1 + GRACE) * self.arguments.seconds - self.spent_s()
        return self.arguments.repeats is None and self.expected_s(config) > left_s

    def fill_samples(self, config: PlannedConfiguration, report: MeasurementReport) -> None:
        """Have the samples to come last long enough."""
        if report.passes_to_fill > 1:
            self.passes[config] = report.passes_to_fill
            self.report.result(PassesPerSample(report.passes_to_fill), config.key)

    def measure(self, config: PlannedConfiguration, how: HowToMeasure) -> MeasurementReport | None:
        """One repetition; None when it failed, and the configuration, or all of its Python, is measured no more."""
        session = self.configs[config]
        began = perf_counter()
        try:
            report = session.measure(config, how)
        except ConfigurationFailed as failed:
            if config.kind == SERIAL and config not in self.loops:
                self.lose(session, str(failed), failed.breakage.exit_code if failed.breakage else None)
            else:
                self.skip(config, str(failed), failed.breakage)
                if failed.ended:
                    self.spare_others(config, str(failed))
            return None
        except InterpreterLost as lost:
            self.lose(session, str(lost), lost.exit_code)
            return None
        self.estimator.record(config.key, perf_counter() - began)
        return report

    def count(self, config: PlannedConfiguration, repetition: int, report: MeasurementReport) -> None:
        self.report.samples(config, repetition, report)
        if report.results:
            self.report.result(report.results, config.key)
        if report.hosts and config not in self.placed:
            self.placed.add(config)
            self.report.result(WorkerHosts(report.hosts, report.hosts_cpus), config.key)
            if report.cluster_start:
                self.report.result(ClusterStarted(report.cluster_start / 1e9), config.key)
            if report.sent and report.received is not None:
                self.report.result(BytesCarried(report.sent, report.received), config.key)
        if report.lost_workers:
            workers, retried = self.lost.get(config, (0, 0))
            self.lost[config] = workers + report.lost_workers, retried + report.retried
            self.report.result(WorkersLost(*self.lost[config]), config.key)
        if report.changed:
            self.report.result(ItemsChanged(report.changed), config.python)
        self.compare(config, repetition, report)
        counted = repetition > 0
        self.collections[config] = self.collections.get(config, 0) + report.collections * counted
        if config.kind == SERIAL:
            times = self.loops.get(config, LoopTimes(0.0, 0.0))
            self.loops[config] = with_repetition(times, report) if counted else times
            if counted and config.python == self.sessions[0].label:
                self.fixed_loops.append(report.fixed_loop / 1e9)

    def compare(self, config: PlannedConfiguration, repetition: int, report: MeasurementReport) -> None:
        """Report results that differ from the loop's, once a configuration, or a loop's that differ between Pythons."""
        detail = report.detail if report.same is False else ""
        if report.digest and not config.native_threads:  # which may round otherwise
            first = self.sessions[0]
            if config.python == first.label:
                self.digest = report.digest
            elif self.digest not in (None, report.digest):
                detail = f"Its results are not those of Python {first.label}."
        if detail and config not in self.differing:
            self.differing.add(config)
            self.report.result(ResultsDiffer(repetition, detail, report.difference), config.key)
        rounded = report.difference.largest if report.difference and report.same else None
        if rounded is not None and rounded > self.rounded.get(config, -1.0):
            self.rounded[config] = rounded
            self.report.result(ResultsRounded(rounded), config.key)

    def trace(self, config: PlannedConfiguration) -> None:
        if config not in self.configs:
            return
        if self.is_late(config):
            self.leave_untraced(config, "The time was spent before it could be traced.")
            return
        self.report.progress(self.estimator, "traced repetition", config)
        report = self.measure(config, HowToMeasure(traced=True, spans=self.spans()))
        if report is not None:
            self.compare(config, self.rounds + 1, report)
            self.report.traced(config, report)

    def leave_untraced(self, config: PlannedConfiguration, why: str) -> None:
        self.estimator.expect(config.key, 0)
        self.report.result(ConfigurationUntraced(why), config.key)

    def skip(
        self,
        config: PlannedConfiguration,
        why: str,
        breakage: Breakage | None = None,
        *,
        late: bool = False,
        after: str = "",
    ) -> None:
        """Measure the configuration no more."""
        del self.configs[config]
        self.estimator.drop(config.key)
        given_up = ConfigurationUntraced(why) if self.tracing else ConfigurationSkipped(why, breakage, late, after)
        self.report.result(given_up, config.key)

    def spare_others(self, ended: PlannedConfiguration, why: str) -> None:
        """Skip what is likely to end its process as well: the same kind in other sizes, if never measured."""
        for config in [config for config in self.configs if config not in self.collections]:
            if alike(config) == alike(ended):
                self.skip(config, f"It was not tried after {in_words(ended)}. {why}", after=ended.key)

    def lose(self, session: Session, why: str, exit_code: int | None) -> None:
        """Skip all configurations of a Python. Without a loop of the first one nothing can be said at all."""
        if not any(loop.python == self.sessions[0].label for loop in self.loops):
            raise CannotGoOn(why, exit_code=exit_code)
        session.end()
        for config in [config for config, of in self.configs.items() if of is session]:
            self.skip(config, why)

    def read_noise(self, before: noise.NoiseCounters) -> None:
        for config, times in self.loops.items():
            self.report.result(times, config.key)
        loop = next(loop for loop in self.loops if loop.python == self.sessions[0].label)
        times, passes = self.loops[loop], self.passes.get(loop, 1)
        wall_s, cpu_s = passes * times.wall_s, passes * times.cpu_s
        fixed = tuple(self.fixed_loops)
        now = noise.read_counters(server=self.context.server)
        self.report.result(now.since(before, loop_wall_s=wall_s, loop_cpu_s=cpu_s, fixed_loop_s=fixed))


def with_repetition(times: LoopTimes, report: MeasurementReport) -> LoopTimes:
    """The times of a plain loop with one more repetition."""
    cpu, main_thread = report.cpu or 0, report.main_thread_cpu or 0
    return LoopTimes(
        times.wall_s + report.map / 1e9,
        times.cpu_s + cpu / 1e9,
        times.native_cpu_s + max(0, cpu - main_thread) / 1e9,
        times.children_cpu_s + (report.children_cpu or 0) / 1e9,
        times.ready_s + (report.ready or 0) / 1e9,
    )
