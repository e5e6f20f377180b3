"""What a which-pool run has measured so far: samples by setting and repetition, and the fold that gathers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from poolscope.experiments.pool_benchmark.params import SERIAL, WhichPoolParams
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.payloads import MachineFacts
from poolscope.protocol.records import End, Failure, Opening, Printed, Progress, Record, Result, Sample

NOTHING: Mapping[str, Any] = MappingProxyType({})
PHASES = ("start", "first_ready", "map", "stop")


@dataclass(frozen=True, slots=True)
class Configuration:
    """One setting, or a Python's plain loop (kind 'serial', map alone). Seconds, one a counted repetition, as landed.

    `key` is how records name it, nothing more. `chunksize` is what was asked, 0 for the pool's own choice, and
    `chunk_used` what came of it, 1 where items are not handed out in chunks. `start_method` is '' where it has none.
    `skipped` is the sentence why it was given up, `differs` how its results are not those of the loop, `untraced` why
    it has no traced repetition, each '' where that is not so. `traced` and `memory` are summaries of that repetition,
    `loop` of the plain loops counted so far; they are empty until there is one.
    """

    key: str
    python: str
    kind: str
    size: int = 1
    start_method: str = ""
    chunksize: int = 0
    chunk_used: int | None = None
    start: tuple[float, ...] = ()
    first_ready: tuple[float, ...] = ()
    map: tuple[float, ...] = ()
    stop: tuple[float, ...] = ()
    repetitions: tuple[int, ...] = ()
    skipped: str = ""
    differs: str = ""
    untraced: str = ""
    traced: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    memory: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    loop: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    collections: int | None = None

    @property
    def serial(self) -> bool:
        return self.kind == SERIAL

    @property
    def total(self) -> tuple[float, ...]:
        """Each repetition's whole call: start-up, map and shutdown; for the plain loop, the loop."""
        return self.map if self.serial else tuple(map(sum, zip(self.start, self.map, self.stop, strict=False)))

    @property
    def around(self) -> tuple[float, ...]:
        """Each repetition's start-up and shutdown."""
        return tuple(map(sum, zip(self.start, self.stop, strict=False)))


@dataclass(frozen=True, slots=True)
class Python:
    """One interpreter that was to take part. `why_not` is the sentence why it can't, '' where it does.

    `kinds` gives for each kind why this Python has not got it, None where it has. `preflight` is empty until the work
    was tried in it.
    """

    label: str
    version: str = ""
    gil: bool | None = None
    implementation: str = ""
    executable: str = ""
    kinds: Mapping[str, str | None] = field(default_factory=lambda: NOTHING)
    why_not: str = ""
    preflight: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class State:
    """A run up to one record. `arms` are the settings as planned, by key; `order` names (key, repetition) as landed.

    `done` of `total` passages are over. `cpu` is what spinning processes got, `machine` what the host has, `noise` the
    raw readings of what else ran; each is empty until it is known. `outcome` and `reason` are the run's end.
    """

    params: WhichPoolParams
    pythons: tuple[Python, ...] = ()
    configs: Mapping[str, Configuration] = field(default_factory=lambda: NOTHING)
    order: tuple[tuple[str, int], ...] = ()
    done: float = 0
    total: float = 0
    seconds_left: float | None = None
    note: str = ""
    seed: int | None = None
    start_method: str = ""
    cpu: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    machine: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    calibration: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    noise: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    lanes: Lanes = field(default_factory=lambda: Lanes(None))
    printed: int = 0
    failure: str = ""
    opened: int = 0
    outcome: str = ""
    reason: str = ""

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
        """The CPUs that the run itself found usable; None before it said so."""
        told = self.machine.get("usable_cpus") or max(map(int, self.cpu.get("effective", {})), default=None)
        return None if told is None else int(told)

    @property
    def pools(self) -> tuple[Configuration, ...]:
        return tuple(config for config in self.configs.values() if not config.serial)

    @property
    def items(self) -> int | None:
        """How many items are mapped, None until the pre-flight has counted them."""
        reference = self.reference
        counted = reference.preflight.get("count") if reference else None
        return counted or self.params.count or None

    @property
    def comparable(self) -> bool:
        """Whether results say anything: not where the work gives others from call to call, in the plain loop too."""
        loop, reference = self.serial, self.reference
        again = reference.preflight.get("repeats_equal") if reference else None
        return again is not False and not (loop and loop.differs)

    def left_out(self, config: Configuration) -> str:
        """Why an arm's times don't count: it was given up, or its results are wrong. '' where they do."""
        return config.skipped or (config.differs if self.comparable else "")

    @property
    def changed(self) -> tuple[str, ...]:
        """The globals that the work changed when it was tried."""
        return tuple(sorted({name for python in self.pythons for name in python.preflight.get("global_state") or ()}))

    def python(self, label: str) -> Python | None:
        return next((python for python in self.pythons if python.label == label), None)

    def loop_of(self, python: str) -> Configuration | None:
        """The plain loop of one Python."""
        return next((config for config in self.configs.values() if config.serial and config.python == python), None)


def initial(params: WhichPoolParams) -> State:
    """Before the first record: which Pythons and kinds there are, the run has yet to find out."""
    return State(params)


def fold(state: State, record: Record) -> State:
    """The state after one more record; records that say nothing here leave it as it is."""
    match record:
        case Opening():
            return replace(
                state, opened=record.t, start_method=record.python.start_method, machine=_machine(record.machine)
            )
        case Sample(repetition=0):
            return state
        case Sample():
            return _sample(state, record)
        case Result():
            return _result(state, record)
        case Progress():
            return replace(
                state, done=record.done, total=record.total, seconds_left=record.seconds_left, note=record.note
            )
        case Printed():
            return replace(state, printed=state.printed + len(record.text) + record.left_out)
        case Failure():
            return replace(state, failure=record.message)
        case End():
            return replace(state, outcome=record.outcome, reason=record.reason, seconds_left=None)
        case _:
            lanes = state.lanes.fold(record)
            return state if lanes is state.lanes else replace(state, lanes=lanes)


def _machine(machine: MachineFacts | None) -> Mapping[str, Any]:
    """The usable CPUs as the server counts them, with quotas; they count before those that the run finds by itself."""
    return {"usable_cpus": machine.usable_cpus} if machine else {}


def _sample(state: State, sample: Sample) -> State:
    config = state.configs.get(sample.config)
    if config is None or sample.name not in PHASES:
        return state
    changes: dict[str, Any] = {sample.name: (*getattr(config, sample.name), sample.seconds)}
    if sample.name == "map":
        changes["repetitions"] = (*config.repetitions, sample.repetition)
        state = replace(state, order=(*state.order, (sample.config, sample.repetition)))
    return _with(state, replace(config, **changes))


def _result(state: State, result: Result) -> State:
    value, config = result.value, state.configs.get(result.config)
    match result.name:
        case "plan":
            return replace(state, configs={**{row["arm"]: _planned(row) for row in value}, **state.configs})
        case "python":
            return _python(state, result.config, value)
        case "preflight":
            return _know(state, result.config, preflight=value)
        case "seed":
            return replace(state, seed=value)
        case "cpu":
            return replace(state, cpu=value)
        case "machine":
            return replace(state, machine={**value, **state.machine})
        case "calibration":
            return replace(state, calibration=value)
        case "noise":
            return replace(state, noise=value)
        case "skipped" if config:
            return _with(state, replace(config, skipped=str(value)))
        case "untraced" if config:
            return _with(state, replace(config, untraced=str(value)))
        case "differs" if config:
            return _with(state, replace(config, differs=str(value["detail"])))
        case "traced" if config:
            return _with(state, replace(config, traced=value))
        case "memory" if config:
            return _with(state, replace(config, memory=value))
        case "loop":
            loop = config or state.loop_of(result.config)
            return _with(state, replace(loop, loop=value)) if loop else state
        case "gc" if config:
            return _with(state, replace(config, collections=value))
        case _:
            return state


def _planned(row: Mapping[str, Any]) -> Configuration:
    return Configuration(
        key=row["arm"],
        python=row["python"],
        kind=row["kind"],
        size=row["size"],
        start_method=row["start_method"],
        chunksize=row["chunksize"],
        chunk_used=row["chunk_used"],
    )


def _python(state: State, label: str, value: Mapping[str, Any]) -> State:
    """A Python says what it is, or why it can't take part; what is known of it beside stays."""
    known = {name: value[name] for name in ("version", "gil", "implementation", "executable", "kinds") if name in value}
    return _know(state, label, **known, why_not=value.get("why_not", ""))


def _know(state: State, label: str, **known: Any) -> State:
    python = state.python(label)
    if python is None:
        return replace(state, pythons=(*state.pythons, replace(Python(label), **known)))
    told = replace(python, **known)
    return replace(state, pythons=tuple(told if each.label == label else each for each in state.pythons))


def _with(state: State, config: Configuration) -> State:
    return replace(state, configs={**state.configs, config.key: config})
