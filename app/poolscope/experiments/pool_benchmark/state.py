"""What a run of the pool benchmark has measured so far, and the fold that gathers it from records.

`State` is what the pages, the exports and the judge of both experiments read. Everything that a run tells once is None
until it has; everything that it tells of each repetition is a tuple in the order in which it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from types import MappingProxyType
from typing import Any

from poolscope.experiments.pool_benchmark.breakages import breakage_sentence
from poolscope.experiments.pool_benchmark.params import PoolSizesParams, WhichPoolParams
from poolscope.experiments.pool_benchmark.plan import looks
from poolscope.experiments.timeline import WHOLE_RUN, Lanes
from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.payloads import (
    Breakage,
    BytesCarried,
    Calibration,
    ClusterStarted,
    ConfigurationDropped,
    ConfigurationSkipped,
    ConfigurationUntraced,
    EffectiveCpus,
    GarbageCollections,
    InterpreterFacts,
    InterpreterLeftOut,
    ItemsChanged,
    ItemsUnderWay,
    LoopTimes,
    MachineFacts,
    MapProgress,
    MemoryReading,
    NoiseReading,
    PassesPerSample,
    Payload,
    Plan,
    PlannedConfiguration,
    ResultDifference,
    ResultsDiffer,
    ResultsRounded,
    RoundEnded,
    RoundsEnded,
    Seed,
    ShippedOnce,
    ShownResults,
    SlowItems,
    TraceSummary,
    TrialReport,
    WorkerHosts,
    WorkersLost,
)
from poolscope.protocol.records import End, Failure, Opening, Printed, Progress, Record, Result, Sample

PHASES = ("start", "first_ready", "imported", "map", "stop")
# Results that name their worker, an object or the time differ by their nature; the work is done all the same.
OF_ITS_NATURE = ("identity", "address", "clock")
NO_CONFIGURATIONS: Mapping[str, Configuration] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration as planned, and what was measured of it.

    `key`, `python`, `kind`, `size`, `start_method`, `chunksize`, `chunk_used`, `spare_workers`, `method`, `max_tasks`
    and `native_threads` are those of the plan (`PlannedConfiguration`). `start`, `first_ready`, `map` and `stop` hold
    seconds, one a counted repetition, `imported` those of a worker's imports as it started, and `repetitions` their
    numbers; a plain loop has maps alone. `skipped` is the sentence why it was given up, `breakage` what broke it then,
    `late` that there was no time for it instead, `untried_after` the key of another that had broken and stands for it,
    `differs` how its results are not those of the loop, `difference` why, `rounded` by how much they are apart where
    that is rounding alone, `untraced` why it has no traced repetition, each '' or None where that is not so. `dropped`
    says after which round it got no more, and why, None while it goes on. A sample of its map is the mean
    of `passes`. `traced` and `memory` summarize that repetition, `loop` the plain loop's counted repetitions so far,
    `collections` the garbage collections in all counted ones, `shown` the first results (pool-sizes alone), `hosts`
    where an engine's workers are, `hosts_cpus` the CPUs that they may use there, 0 where that is this machine alone,
    `cluster` what starting the run's own for them took, once. `carried` is what a map sent over the network, `lost`
    tells of workers that died while others went on, `shipped` what it is worth to have the function and the items there
    beforehand, `under_way` how many items were where in the traced map.
    """

    key: str
    python: str
    kind: str
    size: int = 1
    start_method: str = ""
    chunksize: int = 0
    chunk_used: int = 1
    spare_workers: int = 0
    method: str = "map"
    max_tasks: int = 0
    native_threads: int = 0
    start: tuple[float, ...] = ()
    first_ready: tuple[float, ...] = ()
    imported: tuple[float, ...] = ()
    map: tuple[float, ...] = ()
    stop: tuple[float, ...] = ()
    repetitions: tuple[int, ...] = ()
    skipped: str = ""
    breakage: Breakage | None = None
    late: bool = False
    untried_after: str = ""
    differs: str = ""
    difference: ResultDifference | None = None
    rounded: float | None = None
    untraced: str = ""
    dropped: ConfigurationDropped | None = None
    passes: int = 1
    traced: TraceSummary | None = None
    memory: MemoryReading | None = None
    loop: LoopTimes | None = None
    collections: int | None = None
    shown: ShownResults | None = None
    hosts: tuple[str, ...] = ()
    hosts_cpus: int = 0
    cluster: ClusterStarted | None = None
    carried: BytesCarried | None = None
    lost: WorkersLost | None = None
    shipped: ShippedOnce | None = None
    under_way: ItemsUnderWay | None = None

    @property
    def seconds_per_task(self) -> float | None:
        """The mean of the traced tasks; None before there are any."""
        return self.traced.tasks_wall_s / self.traced.tasks if self.traced and self.traced.tasks else None

    @classmethod
    def of(cls, planned: PlannedConfiguration) -> Configuration:
        return cls(**asdict(planned))

    @property
    def serial(self) -> bool:
        return self.kind == SERIAL

    @property
    def shown_slower(self) -> bool:
        """Whether it gets no more rounds for being slower; one that is only not far ahead may still be the fastest."""
        return self.dropped is not None and self.dropped.why == "slower"

    @property
    def total(self) -> tuple[float, ...]:
        """Each repetition's whole call: start-up, map and shutdown; for the plain loop, the loop."""
        return self.map if self.serial else tuple(map(sum, zip(self.around, self.map, strict=False)))

    @property
    def around(self) -> tuple[float, ...]:
        """Each repetition's start-up and shutdown, as of a pool for one call: with that of the run's own cluster."""
        return tuple(start + self.cluster_s + stop for start, stop in zip(self.start, self.stop, strict=False))

    @property
    def start_s(self) -> float | None:
        """What bringing all workers up takes, that of their cluster included; None before it was measured."""
        return self.cluster_s + median(self.start) if self.start else None

    @property
    def cluster_s(self) -> float:
        """What a pool for one call would wait for its cluster to start; 0 where it needs none, or one is there."""
        return self.cluster.seconds if self.cluster else 0.0


@dataclass(frozen=True, slots=True)
class Python:
    """One interpreter that was to take part. `why_not` is the sentence why it can't, '' where it does.

    `slow` are the items left out for a limit of their own, None without one. `facts` and `trial` are None until it has
    said what it is, and until the work was tried in it.
    """

    label: str
    facts: InterpreterFacts | None = None
    trial: TrialReport | None = None
    why_not: str = ""
    slow: SlowItems | None = None

    @property
    def gil(self) -> bool | None:
        """Whether its threads take turns; None while that is not known."""
        return self.facts.gil if self.facts else None

    @property
    def kinds(self) -> Mapping[str, str | None]:
        """For each kind why this Python has not got it, None where it has; empty before it said so."""
        return self.facts.kinds if self.facts else {}


@dataclass(frozen=True, slots=True)
class State:
    """A run up to one record.

    `configs` are the configurations by key, in the order of the plan; `order` names (key, repetition) as measured.
    `rounds` counted ones are over where their number was left open, the last of which took `round_s`; the run had taken
    `spent_s` by then, and `rounds_ended` says why there were no more. `done` of `total` repetitions are over; `note`
    says what is done now, of the configuration with the key `current` ('' for none), and `map_progress` how far its map
    is, None where that takes less than a second or nobody tells. `cpu` is what spinning processes
    got, `machine` what the host has, `noise` what else ran; each is None until it is known. `outcome` and `reason` are
    the run's end, '' while it lasts. `opened`, `warmed_up`, `counted` and `ended` are the clock's nanoseconds at its
    beginning, at the last sample of a warm-up, at the last counted one, and at its end; 0 where that was not yet.
    """

    params: PoolSizesParams | WhichPoolParams
    pythons: tuple[Python, ...] = ()
    configs: Mapping[str, Configuration] = field(default_factory=lambda: NO_CONFIGURATIONS)
    order: tuple[tuple[str, int], ...] = ()
    rounds: int = 0
    spent_s: float = 0.0
    round_s: float = 0.0
    rounds_ended: RoundsEnded | None = None
    done: float = 0
    total: float = 0
    seconds_left: float | None = None
    note: str = ""
    current: str = ""
    map_progress: MapProgress | None = None
    seed: int | None = None
    start_method: str = ""
    cpu: EffectiveCpus | None = None
    machine: MachineFacts | None = None
    calibration: Calibration | None = None
    noise: NoiseReading | None = None
    lanes: Lanes = WHOLE_RUN
    printed: int = 0
    failure: str = ""
    opened: int = 0
    warmed_up: int = 0
    counted: int = 0
    ended: int = 0
    outcome: str = ""
    reason: str = ""

    @property
    def looks(self) -> int | None:
        """How often it was looked whether the run may end; None where it was told how many rounds to make."""
        return looks(self.rounds) if self.params.repeats is None else None

    @property
    def serial(self) -> Configuration | None:
        """The plain loop of the first Python that takes part: what every speed-up is measured against."""
        return next((config for config in self.configs.values() if config.serial), None)

    @property
    def reference(self) -> Python | None:
        """The Python of that loop; before there is a plan, the first that can take part."""
        if self.serial is not None:
            return self.python(self.serial.python)
        return next((python for python in self.pythons if not python.why_not), None)

    @property
    def usable_cpus(self) -> int | None:
        """As the runner found them at its start, else as many as it probed; None before either is known."""
        if self.machine is not None:
            return self.machine.usable_cpus
        return max(map(int, self.cpu.effective), default=None) if self.cpu else None

    @property
    def pools(self) -> tuple[Configuration, ...]:
        return tuple(config for config in self.configs.values() if not config.serial)

    @property
    def items(self) -> int | None:
        """How many items are mapped, None until the trial has counted them."""
        trial = self.reference.trial if self.reference else None
        return (trial.count if trial else 0) or self.params.count or None

    @property
    def comparable(self) -> bool:
        """Whether results say anything: not where the work gives others from call to call, in the plain loop too."""
        loop, trial = self.serial, self.reference.trial if self.reference else None
        return not (trial and trial.repeats_equal is False) and not (loop and loop.differs)

    def left_out(self, config: Configuration) -> str:
        """Why a configuration's times don't count: it was given up, or its results are wrong. '' where they do."""
        harmless = config.difference is not None and config.difference.code in OF_ITS_NATURE
        return config.skipped or (config.differs if self.comparable and not harmless else "")

    @property
    def changed(self) -> tuple[str, ...]:
        """The globals that the work changed when it was tried."""
        trials = [python.trial for python in self.pythons if python.trial]
        return tuple(sorted({name for trial in trials for name in trial.global_state}))

    def python(self, label: str) -> Python | None:
        return next((python for python in self.pythons if python.label == label), None)

    def loop_of(self, python: str, native_threads: int = 0) -> Configuration | None:
        """The plain loop of one Python, with so many native threads."""
        of = (python, native_threads)
        loops = (config for config in self.configs.values() if config.serial)
        return next((config for config in loops if (config.python, config.native_threads) == of), None)


def initial(params: PoolSizesParams | WhichPoolParams) -> State:
    """Before the first record. What pool-sizes compares is known from the start; which kinds there are is not."""
    planned = {config.key: Configuration.of(config) for config in params.planned()}
    return State(params, configs=planned, total=params.repetitions)


def fold(state: State, record: Record) -> State:
    """The state after one more record; records that say nothing here leave it as it is."""
    match record:
        case Opening():
            machine = record.machine or state.machine
            return replace(state, opened=record.t, start_method=record.python.start_method, machine=machine)
        case Sample(repetition=0):
            return replace(state, warmed_up=record.t)
        case Sample():
            return _sample(state, record)
        case Result(payload=payload, config=key):
            return _result(state, payload, key)
        case Progress():
            return replace(
                state,
                done=record.done,
                total=record.total,
                seconds_left=record.seconds_left,
                note=record.note,
                current=record.config,
                map_progress=None,
            )
        case Printed():
            return replace(state, printed=state.printed + len(record.text) + record.left_out)
        case Failure():
            return replace(state, failure=record.message)
        case End():
            ended = replace(state, outcome=record.outcome, reason=record.reason, ended=record.t)
            return replace(ended, seconds_left=None, map_progress=None)
        case _:
            lanes = state.lanes.fold(record)
            return state if lanes is state.lanes else replace(state, lanes=lanes)


def _sample(state: State, sample: Sample) -> State:
    config = state.configs.get(sample.config)
    if config is None or sample.name not in PHASES:
        return state
    state = replace(state, counted=sample.t)
    changes: dict[str, Any] = {sample.name: (*getattr(config, sample.name), sample.seconds)}
    if sample.name == "map":
        changes["repetitions"] = (*config.repetitions, sample.repetition)
        state = replace(state, order=(*state.order, (sample.config, sample.repetition)))
    return _with(state, replace(config, **changes))


def _result(state: State, payload: Payload, key: str) -> State:
    """`key` names a configuration, or a Python by its label."""
    match payload:
        case Plan():
            planned = {each.key: Configuration.of(each) for each in payload.configurations}
            return replace(state, configs={**planned, **state.configs})
        case InterpreterFacts():
            return _know(state, key, facts=payload)
        case InterpreterLeftOut(why=why):
            return _know(state, key, why_not=why)
        case TrialReport():
            return _know(state, key, trial=payload)
        case SlowItems():
            return _know(state, key, slow=payload)
        case ItemsChanged(change=change):
            python = state.python(key)
            return _know(state, key, trial=replace(python.trial, changed=change)) if python and python.trial else state
        case RoundEnded(round=rounds, spent_s=spent_s, round_s=round_s):
            return replace(state, rounds=rounds, spent_s=spent_s, round_s=round_s)
        case RoundsEnded():
            return replace(state, rounds_ended=payload)
        case Seed(seed=seed):
            return replace(state, seed=seed)
        case EffectiveCpus():
            return replace(state, cpu=payload)
        case MachineFacts():
            return replace(state, machine=payload)
        case Calibration():
            return replace(state, calibration=payload)
        case NoiseReading():
            return replace(state, noise=payload)
        case MapProgress():
            return replace(state, map_progress=payload if key == state.current else None)
        case _:
            config = state.configs.get(key)
            return _with(state, _measured(config, payload)) if config else state


def _measured(config: Configuration, payload: Payload) -> Configuration:
    """The configuration after one more result about it."""
    match payload:
        case ConfigurationSkipped(why=why, breakage=breakage, late=late, after=after):
            words = breakage_sentence(breakage, config.kind, config.start_method) if breakage else None
            return replace(config, skipped=words or why, breakage=breakage, late=late, untried_after=after)
        case ConfigurationDropped():
            return replace(config, dropped=payload)
        case PassesPerSample(passes=passes):
            return replace(config, passes=passes)
        case WorkerHosts(hosts=hosts, cpus=cpus):
            return replace(config, hosts=hosts, hosts_cpus=cpus)
        case ClusterStarted():
            return replace(config, cluster=payload)
        case BytesCarried():
            return replace(config, carried=payload)
        case WorkersLost():
            return replace(config, lost=payload)
        case ShippedOnce():
            return replace(config, shipped=payload)
        case ItemsUnderWay():
            return replace(config, under_way=payload)
        case ConfigurationUntraced(why=why):
            return replace(config, untraced=why)
        case ResultsDiffer(detail=detail, difference=difference):
            return replace(config, differs=detail, difference=difference)
        case ResultsRounded(largest=largest):
            return replace(config, rounded=largest)
        case TraceSummary():
            return replace(config, traced=payload)
        case MemoryReading():
            return replace(config, memory=payload)
        case LoopTimes():
            return replace(config, loop=payload)
        case GarbageCollections(collections=collections):
            return replace(config, collections=collections)
        case ShownResults():
            return replace(config, shown=payload)
        case _:
            return config


def _know(state: State, label: str, **known: Any) -> State:
    python = state.python(label)
    if python is None:
        return replace(state, pythons=(*state.pythons, replace(Python(label), **known)))
    changed = replace(python, **known)
    return replace(state, pythons=tuple(changed if each.label == label else each for each in state.pythons))


def _with(state: State, config: Configuration) -> State:
    return replace(state, configs={**state.configs, config.key: config})
