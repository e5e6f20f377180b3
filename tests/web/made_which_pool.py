"""Records of a which-pool run that never took place, with figures as a machine of four CPUs gives them; seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from poolscope.protocol.payloads import (
    BytesCarried,
    Calibration,
    ConfigurationSkipped,
    EffectiveCpus,
    InterpreterLeftOut,
    ItemsUnderWay,
    LoopTimes,
    MemoryReading,
    Plan,
    PlannedConfiguration,
    Seed,
    TaskTimes,
    TraceSummary,
    WorkerHosts,
)
from poolscope.protocol.records import Actor, End, Progress, Record, Result, Sample, Span

from tests.experiments.pool_benchmark.invented_runs import interpreter, trial
from tests.openings import opening

ITEMS, ITEM_S, CPUS = 40, 0.02, 4
CPUS_OF_HOSTS = 8  # of the two hosts on which an executor's workers are
MIB = 1024 * 1024
S = 1_000_000_000
HERE, FREE = "3.11", "3.13t"
SIZES = (1, 2, 4, 8)
KINDS = ("thread", "process", "interpreter")
START_S = {"thread": 0.0002, "process": 0.012, "interpreter": 0.02, "executor": 0.3}
BYTES = {"thread": 90_000, "process": 11 * MIB, "interpreter": 3 * MIB, "executor": 11 * MIB}


def key(python: str, kind: str, size: int) -> str:
    return f"{python} {kind}" if kind == "serial" else f"{python} {kind} {size} c0"


def plan(pythons: Sequence[str], kinds: Sequence[str]) -> list[PlannedConfiguration]:
    """The configurations of the run, each Python's plain loop first."""
    return [
        PlannedConfiguration(
            key=key(python, kind, size),
            python=python,
            kind=kind,
            size=size,
            start_method="fork" if kind == "process" else "",
        )
        for python in pythons
        for kind, size in (("serial", 1), *((kind, size) for kind in kinds for size in SIZES))
    ]


def map_s(python: str, kind: str, size: int) -> float:
    """What a map takes: threads of a Python with a GIL gain nothing, all others nearly as many as they find CPUs."""
    loop = ITEMS * ITEM_S * (1.2 if python == FREE else 1.0)
    if kind == "serial":
        return loop
    cpus = CPUS_OF_HOSTS if kind == "executor" else CPUS
    at_once = 1 if kind == "thread" and python != FREE else min(size, cpus)
    crowd = 1 + 0.012 * max(size - cpus, 0) + 0.01 * (size - 1)
    message = {"thread": 0.0, "process": 1e-4, "interpreter": 4e-4, "executor": 2e-3}[kind] * ITEMS
    return loop / at_once * crowd * (1.02 if kind == "thread" else 1.0) + message


def records(
    pythons: Sequence[str] = (HERE, FREE), kinds: Sequence[str] = KINDS, rounds: int = 5, *, ended: bool = True
) -> Iterator[Record]:
    """The whole run, or its beginning up to so many counted rounds."""
    chance = random.Random(4711)
    rows = plan(pythons, kinds)
    yield opening("which-pool", python="3.11.9")
    kinds_there: dict[str, str | None] = {
        "thread": None,
        "process": None,
        "pool": None,
        "interpreter": None if "interpreter" in kinds else "It begins with Python 3.14.",
        "asyncio": "The work has no coroutine.",
    }
    for python in pythons:
        version, gil = f"{python.rstrip('t')}.2", python != FREE
        yield Result(1, interpreter(python, version=version, gil=gil, kinds=kinds_there), python)
        yield Result(
            2,
            trial(
                count=ITEMS,
                call_s=(0.0208, 0.0201, 0.0199),
                cpu_s=(0.0208, 0.0201, 0.0199),
                function="sum_of_squares",
                item_bytes=28,
                result_bytes=36,
                pickle_s=3.1e-6,
                gil=gil,
            ),
            python,
        )
    if len(pythons) > 1:
        yield Result(3, InterpreterLeftOut("No interpreter is at /opt/python3.12/bin/python."), "3.12")
    yield Result(4, EffectiveCpus({"1": 1.0, str(CPUS): 3.87}, 0.2))
    yield Result(5, Calibration(218_000, 20.0, 0.0201))
    yield Result(6, Seed(4711))
    yield Result(7, Plan(tuple(rows)))
    done, total = 0, len(rows) * 7
    for repetition in range(rounds + 1):
        for row in sorted(rows, key=lambda _: chance.random()):
            done += 1
            yield from samples(row, repetition, done, chance)
            yield Progress(
                (done + 10) * S,
                done,
                total,
                max(0.1, (total - done) * 0.4),
                f"repetition {repetition} of 5",
                row.key,
            )
    if ended:
        yield Result(900 * S, ConfigurationSkipped("One pass took longer than the limit of 60 s."), rows[-1].key)
        for at, row in enumerate(rows):
            yield from watched(row, (1000 + at) * S)
        yield End(2001 * S, "finished")


def samples(row: PlannedConfiguration, repetition: int, done: int, chance: random.Random) -> Iterator[Record]:
    """One repetition of one setting."""
    kind, size = row.kind, row.size
    mapped = map_s(row.python, kind, size) * (1 + abs(chance.gauss(0, 0.012)))
    times = [("map", mapped)]
    if kind != "serial":
        start = START_S[kind] * size
        times = [("start", start), ("first_ready", start * 0.7), ("map", mapped), ("stop", start / 4)]
    for name, seconds in times:
        yield Sample((done + 10) * S, name, row.key, repetition, seconds)


def watched(row: PlannedConfiguration, t: int) -> Iterator[Record]:
    """The traced repetition of a setting and its memory, or what the loop was doing."""
    config, kind, size = row.key, row.kind, row.size
    mapped = map_s(row.python, kind, size)
    if kind == "serial":
        yield Result(t, LoopTimes(5 * mapped, 4.96 * mapped), config)
        return
    locked = kind == "thread" and row.python != FREE
    busy = size if locked else min(size, CPUS)
    wall = mapped * size * 0.96
    yield Result(
        t,
        TraceSummary(
            map_s=mapped,
            start_s=START_S[kind] * size,
            stop_s=START_S[kind] * size / 4,
            tasks=ITEMS,
            tasks_wall_s=wall,
            tasks_cpu_s=wall / size if locked else wall * min(1.0, busy / size),
            workers_used=size,
            worker_ends_s=tuple(mapped * (1 - 0.03 * n / size) for n in range(size)),
            task_s=TaskTimes(0.019, wall / ITEMS, wall / ITEMS * 1.1, wall / ITEMS * 1.4),
        ),
        config,
    )
    yield Result(t, MemoryReading("pss", (BYTES[kind],) * size, BYTES[kind] * size + 14 * MIB, 14 * MIB), config)
    step = int(mapped * S / (ITEMS / size))
    for worker in range(size):
        name = f"{config} · w{worker + 1}"
        yield Actor(t, name, "started", kind, "worker", 5000 + worker if kind == "process" else None)
        for item in range(ITEMS // size):
            yield Span(name, "running", t + item * step, t + item * step + int(step * 0.96), str(item * size), config)
        yield Actor(t + int(mapped * S), name, "ended", kind, "worker")


def records_of_two_hosts() -> Iterator[Record]:
    """A run of threads here and of an executor whose workers are on two hosts, of the same process ids on both."""
    for record in records((HERE,), ("thread", "executor")):
        match record:
            case Result(payload=TraceSummary() | MemoryReading(), config=config) if "executor" in config:
                if isinstance(record.payload, MemoryReading):
                    continue
                size = int(config.split()[2])
                hosts = ("node-a", "node-b")[:size]
                at = tuple(record.t + round(map_s(HERE, "executor", size) * S * place / 100) for place in range(101))
                back = tuple(ITEMS * place // 100 for place in range(101))
                queued = tuple(ITEMS - each for each in back)
                yield Result(record.t, WorkerHosts(hosts, CPUS_OF_HOSTS), config)
                yield Result(record.t, BytesCarried(52_400, 31_900), config)
                yield Result(record.t, ItemsUnderWay(at, queued, (), back), config)
            case Actor(actor=actor) if "executor" in actor:
                number = int(actor.rpartition("w")[2]) - 1
                yield replace(record, pid=5000 + number // 2, host=f"node-{'ab'[number % 2]}")
            case _:
                yield record
