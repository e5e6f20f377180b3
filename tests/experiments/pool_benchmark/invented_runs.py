"""Makes up the records of which-pool runs from a few times, for the tests of what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from poolscope.experiments.pool_benchmark import plan, state
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.state import State
from poolscope.protocol.kinds import IN_PROCESSES
from poolscope.protocol.payloads import (
    ConfigurationSkipped,
    InterpreterFacts,
    InterpreterLeftOut,
    LoopTimes,
    MachineFacts,
    NoiseReading,
    Plan,
    PlannedConfiguration,
    ReplayedMap,
    TaskTimes,
    TraceSummary,
    TrialReport,
)
from poolscope.protocol.records import End, Record, Result, Sample

SPREAD = (1.0, 1.004, 0.996, 1.002, 0.998, 1.0, 1.006)
HERE = "3.11"
QUIET = NoiseReading(
    wall_s=30.0,
    host_busy_s=31.0,
    own_cpu_s=30.9,
    throttled_before=0,
    throttled_after=0,
    host_cpus=2,
    loop_wall_s=4.5,
    loop_cpu_s=4.5,
)
LOUD = replace(QUIET, host_busy_s=60.0)
ITEMS = 32
MIB = 2**20
KINDS: dict[str, str | None] = {
    "thread": None,
    "process": None,
    "pool": None,
    "asyncio": "square is no coroutine.",
    "interpreter": "This Python has no interpreters in the standard library; 3.14 has.",
}
# Milliseconds to start and to end a worker.
PRICES = {"thread": (0.1, 0.02), "asyncio": (0.01, 0.01), "interpreter": (8.0, 1.0)}
PROCESS = (12.0, 1.0)


def about(milliseconds: float, repeats: int = 5) -> list[float]:
    return [milliseconds * factor for factor in SPREAD[:repeats]]


def planned(key: str, items: int = ITEMS) -> PlannedConfiguration:
    """A configuration from '[python: ]kind [size] [c<chunk>] [t<tasks>] [method]': '3.13t: thread 2', 'pool 4 c8'."""
    python, _, words = key.rpartition(": ")
    kind, *rest = words.split()
    size = next((int(word) for word in rest if word.isdigit()), 1)
    chunksize = next((int(word[1:]) for word in rest if word[0] == "c"), 0)
    max_tasks = next((int(word[1:]) for word in rest if word[0] == "t"), 0)
    start_method = next((word for word in rest if word in ("fork", "forkserver", "spawn")), "")
    if kind in IN_PROCESSES:
        start_method = start_method or "fork"
    config = plan.planned(python or HERE, kind, size, start_method, chunksize, items=items, max_tasks=max_tasks)
    return replace(config, key=key)


def trial(**changes: Any) -> TrialReport:
    """What trying a work of 20 ms that computes finds, but for these changes."""
    report = TrialReport(
        count=ITEMS,
        cut=False,
        function="tasks:parse",
        coroutine=False,
        is_async=False,
        call_s=(0.02,),
        cpu_s=(0.02,),
        unpicklable={},
        item_bytes=None,
        result_bytes=None,
        pickle_s=None,
        repeats_equal=True,
        global_state=(),
        printed=0,
        raised=None,
        gil=True,
    )
    return replace(report, **changes)


def interpreter(label: str = HERE, **changes: Any) -> InterpreterFacts:
    facts = InterpreterFacts(
        version=label,
        implementation="CPython",
        gil=not label.endswith("t"),
        executable=f"/usr/bin/python{label}",
        start_method="fork",
        start_methods=("fork", "spawn"),
        kinds=KINDS,
    )
    return replace(facts, **changes)


def machine_facts(**changes: Any) -> MachineFacts:
    facts = MachineFacts(
        usable_cpus=2,
        usable_cpus_why="2 CPUs",
        logical_cpus=2,
        physical_cpus=None,
        affinity_cpus=2,
        siblings=(),
        smt=None,
        cpu_quota=None,
        cpu_quota_source=None,
        cpu="x86_64",
        cpu_frequency_mhz=None,
        memory_available=None,
        load_before=None,
    )
    return replace(facts, **changes)


def measurement(
    config: PlannedConfiguration, number: int, map_ms: float, around_ms: float | None = None
) -> list[Record]:
    phases = {"map": map_ms}
    if config.kind != "serial":
        start, stop = (price * config.size for price in PRICES.get(config.kind, PROCESS))
        if around_ms is not None:
            start, stop = 0.9 * around_ms, 0.1 * around_ms
        phases = {"start": start, "first_ready": start / 2, "map": map_ms, "stop": stop}
    return [Sample(0, name, config.key, number, ms / 1e3) for name, ms in phases.items()]


def traced(
    config: PlannedConfiguration,
    map_ms: float,
    *,
    cpus: float,
    share: float = 1.0,
    tail: float = 0.02,
    items: int = ITEMS,
    longest: float = 1.1,
    one_by_one: float = 1.0,
    longest_first: float = 1.0,
) -> TraceSummary:
    """The summary of a traced repetition whose tasks kept `cpus` CPUs busy, on a CPU for `share` of their time.

    Handed out one by one, or the longest first, they would have taken so much of the map.
    """
    map_s, size = map_ms / 1e3, config.size
    cpu = min(cpus * map_s, size * map_s * (1 - tail) * share)
    wall = min(cpu / share, size * map_s * (1 - tail))
    each = wall / items
    return TraceSummary(
        map_s=map_s,
        start_s=0.01,
        stop_s=0.001,
        tasks=items,
        tasks_wall_s=wall,
        tasks_cpu_s=cpu,
        workers_used=size,
        worker_ends_s=tuple(map_s * (1 - 2 * tail * n / max(1, size - 1)) for n in range(size)),
        task_s=TaskTimes(min=each * 0.9, median=each, p90=each * 1.05, max=each * longest),
        replayed=ReplayedMap(map_s, map_s * one_by_one, map_s * longest_first),
    )


def records(
    maps: Mapping[str, Sequence[float]],
    *,
    loop_share: float | None = 1.0,
    noise: NoiseReading | None = QUIET,
    traces: Mapping[str, TraceSummary] | None = None,
    pythons: Mapping[str, Mapping[str, Any]] | None = None,
    tried: Mapping[str, Any] | None = None,
    skipped: Mapping[str, str] | None = None,
    items: int = ITEMS,
    around_ms: float | Mapping[str, float] | None = None,
    machine: Mapping[str, Any] | None = None,
    outcome: str = "finished",
    more: Sequence[Record] = (),
) -> list[Record]:
    """The records of a run with these map times (ms) by key. `loop_share` of its time a loop was on a CPU.

    `pythons` are changes to what each of them says of itself, or {"why_not": …}; `tried` are changes to the trial.
    """
    configs = [planned(key, items) for key in maps]
    found: list[Record] = []
    for label, changes in (pythons or {HERE: {}}).items():
        if "why_not" in changes:
            found.append(Result(0, InterpreterLeftOut(changes["why_not"]), label))
            continue
        found.append(Result(0, interpreter(label, **changes), label))
        found.append(Result(0, trial(count=items, **(tried or {})), label))
    found.append(Result(0, machine_facts(**(machine or {}))))
    found.append(Result(0, Plan(tuple(configs))))
    for number in range(1, 1 + max(map(len, maps.values()))):
        for config in configs:
            times = maps[config.key]
            if number <= len(times):
                around = around_ms.get(config.key) if isinstance(around_ms, Mapping) else around_ms
                found += measurement(config, number, times[number - 1], around)
    for config in configs:
        if config.kind == "serial" and loop_share is not None:
            wall = sum(maps[config.key]) / 1e3
            beside = wall * max(0.0, loop_share - 1)
            found.append(Result(0, LoopTimes(wall, wall * loop_share, beside), config.key))
        for key, summary in (traces or {}).items():
            if key == config.key:
                found.append(Result(0, summary, key))
        if config.key in (skipped or {}):
            found.append(Result(0, ConfigurationSkipped((skipped or {})[config.key]), config.key))
    if noise is not None:
        found.append(Result(0, noise))
    found += more
    return [*found, End(0, outcome)] if outcome else found


def told(maps: Mapping[str, Sequence[float]], *, asked: Mapping[str, Any] | None = None, **how: Any) -> State:
    """The state after such a run."""
    now = state.initial(WhichPoolParams.model_validate({"repeats": 5, **(asked or {})}))
    for record in records(maps, **how):
        now = state.fold(now, record)
    return now
