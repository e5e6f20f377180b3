"""What a pool-sizes run has measured so far: samples by arm and repetition, and the fold that gathers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from poolscope.experiments.pool_sizes.params import PoolSizesParams
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import End, Failure, Opening, Progress, Record, Result, Sample
from poolscope.workloads.catalog import WAITING

SERIAL = "serial"
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Configuration:
    """One pool size, or the plain loop (size 0, map alone). Seconds, one a counted repetition, in order of landing.

    `repetitions` are their numbers. `chunksize` is what was used, None until it is known. `results` are the first of
    `results_count`. `traced` is the traced repetition's summary, empty until it has been.
    """

    size: int
    start: tuple[float, ...] = ()
    first_ready: tuple[float, ...] = ()
    map: tuple[float, ...] = ()
    stop: tuple[float, ...] = ()
    repetitions: tuple[int, ...] = ()
    chunksize: int | None = None
    results: tuple[Any, ...] = ()
    results_count: int = 0
    traced: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    @property
    def total(self) -> tuple[float, ...]:
        """Each repetition's whole call: start-up, map and shutdown."""
        return tuple(map(sum, zip(self.start, self.map, self.stop, strict=False)))

    @property
    def around(self) -> tuple[float, ...]:
        """Each repetition's start-up and shutdown."""
        return tuple(map(sum, zip(self.start, self.stop, strict=False)))


@dataclass(frozen=True, slots=True)
class State:
    """A run up to one record. `arms` are the pools as asked for; `order` names (arm, repetition) as they landed.

    `done` of `total` passages are over, the uncounted and traced ones included. `noise` holds raw numbers, empty until
    the first round. `outcome` and `reason` are the run's end, '' before it.
    """

    params: PoolSizesParams
    serial: Configuration
    configs: tuple[Configuration, ...]
    order: tuple[tuple[str, int], ...] = ()
    done: float = 0
    total: float = 0
    seconds_left: float | None = None
    note: str = ""
    start_method: str = ""
    seed: int | None = None
    calibration: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    collections: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    noise: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    lanes: Lanes = field(default_factory=lambda: Lanes(None))
    failure: str = ""
    opened: int = 0
    outcome: str = ""
    reason: str = ""

    @property
    def waits(self) -> bool:
        """Whether the work waits instead of computing, so that it needs no CPU."""
        return self.params.workload in WAITING

    def config(self, name: str) -> Configuration | None:
        if name == SERIAL:
            return self.serial
        return next((config for config in self.configs if str(config.size) == name), None)


def initial(params: PoolSizesParams) -> State:
    """Before the first record: every arm is there, none has a sample."""
    total = (params.repeats + 1) + len(params.sizes) * (params.repeats + 2)
    return State(params, Configuration(0), tuple(Configuration(size) for size in params.sizes), total=total)


def fold(state: State, record: Record) -> State:
    """The state after one more record; records that say nothing here leave it as it is."""
    match record:
        case Opening():
            return replace(state, opened=record.t, start_method=record.python.start_method)
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
        case Failure():
            return replace(state, failure=record.message)
        case End():
            return replace(state, outcome=record.outcome, reason=record.reason, seconds_left=None)
        case _:
            lanes = state.lanes.fold(record)
            return state if lanes is state.lanes else replace(state, lanes=lanes)


def _sample(state: State, sample: Sample) -> State:
    config = state.config(sample.config)
    if config is None or sample.name not in ("start", "first_ready", "map", "stop"):
        return state
    changes: dict[str, Any] = {sample.name: (*getattr(config, sample.name), sample.seconds)}
    if sample.name == "map":
        changes["repetitions"] = (*config.repetitions, sample.repetition)
        state = replace(state, order=(*state.order, (sample.config, sample.repetition)))
    return _with(state, replace(config, **changes))


def _result(state: State, result: Result) -> State:
    config = state.config(result.config) if result.config else None
    match result.name:
        case "seed":
            return replace(state, seed=result.value)
        case "calibration":
            return replace(state, calibration=result.value)
        case "noise":
            return replace(state, noise=result.value)
        case "gc":
            return replace(state, collections={**state.collections, result.config: result.value})
        case "chunksize" if config:
            return _with(state, replace(config, chunksize=result.value))
        case "results" if config:
            shown = result.value
            return _with(state, replace(config, results=tuple(shown["first"]), results_count=shown["count"]))
        case "traced" if config:
            return _with(state, replace(config, traced=result.value))
        case _:
            return state


def _with(state: State, config: Configuration) -> State:
    if config.size == 0:
        return replace(state, serial=config)
    return replace(state, configs=tuple(config if old.size == config.size else old for old in state.configs))
