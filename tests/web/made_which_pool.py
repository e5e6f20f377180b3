"""Records of a which-pool run that never took place, with figures as a machine of four CPUs gives them; seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from poolscope.protocol.payloads import Untyped
from poolscope.protocol.records import Actor, End, Progress, Record, Result, Sample, Span

from tests.openings import opening

ITEMS, ITEM_S, CPUS = 40, 0.02, 4
MIB = 1024 * 1024
S = 1_000_000_000
HERE, FREE = "3.11", "3.13t"
SIZES = (1, 2, 4, 8)
KINDS = ("thread", "process", "interpreter")
START_S = {"thread": 0.0002, "process": 0.012, "interpreter": 0.02}
BYTES = {"thread": 90_000, "process": 11 * MIB, "interpreter": 3 * MIB}


def key(python: str, kind: str, size: int) -> str:
    return f"{python} {kind}" if kind == "serial" else f"{python} {kind} {size} c0"


def plan(pythons: Sequence[str], kinds: Sequence[str]) -> list[dict[str, Any]]:
    """The settings of the run, each Python's plain loop first."""
    rows = []
    for python in pythons:
        for kind, size in (("serial", 1), *((kind, size) for kind in kinds for size in SIZES)):
            process = kind == "process"
            rows.append(
                {
                    "arm": key(python, kind, size),
                    "python": python,
                    "kind": kind,
                    "size": size,
                    "chunksize": 0,
                    "start_method": "fork" if process else "",
                    "chunk_used": 1 if process else None,
                }
            )
    return rows


def map_s(python: str, kind: str, size: int) -> float:
    """What a map takes: threads of a Python with a GIL gain nothing, all others as many as there are CPUs, nearly."""
    loop = ITEMS * ITEM_S * (1.2 if python == FREE else 1.0)
    if kind == "serial":
        return loop
    at_once = 1 if kind == "thread" and python != FREE else min(size, CPUS)
    crowd = 1 + 0.012 * max(size - CPUS, 0) + 0.01 * (size - 1)
    message = {"thread": 0.0, "process": 1e-4, "interpreter": 4e-4}[kind] * ITEMS
    return loop / at_once * crowd * (1.02 if kind == "thread" else 1.0) + message


def records(
    pythons: Sequence[str] = (HERE, FREE), kinds: Sequence[str] = KINDS, rounds: int = 5, *, ended: bool = True
) -> Iterator[Record]:
    """The whole run, or its beginning up to so many counted rounds."""
    chance = random.Random(4711)
    rows = plan(pythons, kinds)
    yield opening("which-pool", python="3.11.9")
    for python in pythons:
        yield Result(
            1,
            Untyped(
                "python",
                {
                    "version": f"{python.rstrip('t')}.2",
                    "gil": python != FREE,
                    "implementation": "CPython",
                    "executable": f"/usr/bin/python{python}",
                    "kinds": {
                        "thread": None,
                        "process": None,
                        "pool": None,
                        "interpreter": None if "interpreter" in kinds else "It begins with Python 3.14.",
                        "asyncio": "The work has no coroutine.",
                    },
                },
            ),
            python,
        )
        yield Result(
            2,
            Untyped(
                "preflight",
                {
                    "count": ITEMS,
                    "call_s": [0.0208, 0.0201, 0.0199],
                    "function": "sum_of_squares",
                    "coroutine": False,
                    "unpicklable": {},
                    "item_bytes": 28,
                    "result_bytes": 36,
                    "pickle_s": 3.1e-6,
                    "repeats_equal": True,
                    "printed": 0,
                    "raised": None,
                },
            ),
            python,
        )
    if len(pythons) > 1:
        yield Result(3, Untyped("python", {"why_not": "No interpreter is at /opt/python3.12/bin/python."}), "3.12")
    yield Result(4, Untyped("cpu", {"effective": {"1": 1.0, str(CPUS): 3.87}, "seconds": 0.2}))
    yield Result(5, Untyped("calibration", {"rounds": 218_000, "asked_ms": 20.0, "one_call_s": 0.0201}))
    yield Result(6, Untyped("seed", 4711))
    yield Result(7, Untyped("plan", rows))
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
                f"repetition {repetition} of 5: {row['arm']}",
            )
    if ended:
        yield Result(900 * S, Untyped("skipped", "One pass took longer than the limit of 60 s."), rows[-1]["arm"])
        for at, row in enumerate(rows):
            yield from watched(row, (1000 + at) * S)
        yield Result(2000 * S, Untyped("noise", {}))
        yield End(2001 * S, "finished")


def samples(row: dict[str, Any], repetition: int, done: int, chance: random.Random) -> Iterator[Record]:
    """One repetition of one setting."""
    kind, size = row["kind"], row["size"]
    mapped = map_s(row["python"], kind, size) * (1 + abs(chance.gauss(0, 0.012)))
    times = [("map", mapped)]
    if kind != "serial":
        start = START_S[kind] * size
        times = [("start", start), ("first_ready", start * 0.7), ("map", mapped), ("stop", start / 4)]
    for name, seconds in times:
        yield Sample((done + 10) * S, name, row["arm"], repetition, seconds)


def watched(row: dict[str, Any], t: int) -> Iterator[Record]:
    """The traced repetition of a setting and its memory, or what the loop was doing."""
    config, kind, size = row["arm"], row["kind"], row["size"]
    mapped = map_s(row["python"], kind, size)
    if kind == "serial":
        yield Result(t, Untyped("loop", {"wall_s": 5 * mapped, "cpu_s": 4.96 * mapped}), config)
        return
    locked = kind == "thread" and row["python"] != FREE
    busy = size if locked else min(size, CPUS)
    wall = mapped * size * 0.96
    yield Result(
        t,
        Untyped(
            "traced",
            {
                "map_s": mapped,
                "start_s": START_S[kind] * size,
                "stop_s": START_S[kind] * size / 4,
                "tasks": ITEMS,
                "tasks_wall_s": wall,
                "tasks_cpu_s": wall / size if locked else wall * min(1.0, busy / size),
                "workers_used": size,
                "worker_ends_s": [mapped * (1 - 0.03 * n / size) for n in range(size)],
                "task_s": {"min": 0.019, "median": wall / ITEMS, "p90": wall / ITEMS * 1.1, "max": wall / ITEMS * 1.4},
            },
        ),
        config,
    )
    yield Result(
        t,
        Untyped(
            "memory",
            {
                "what": "pss",
                "per_worker": [BYTES[kind]] * size,
                "total": BYTES[kind] * size + 14 * MIB,
                "parent": 14 * MIB,
            },
        ),
        config,
    )
    step = int(mapped * S / (ITEMS / size))
    for worker in range(size):
        name = f"{config} · w{worker + 1}"
        yield Actor(t, name, "started", kind, "worker", 5000 + worker if kind == "process" else None)
        for item in range(ITEMS // size):
            yield Span(name, "running", t + item * step, t + item * step + int(step * 0.96), str(item * size), config)
        yield Actor(t + int(mapped * S), name, "ended", kind, "worker")
