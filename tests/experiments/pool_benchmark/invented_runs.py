"""Makes up the records of which-pool runs from a few times, for the tests of what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from poolscope.experiments.pool_benchmark import which_pool
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.state import State
from poolscope.protocol.payloads import Untyped
from poolscope.protocol.records import End, Record, Result, Sample

SPREAD = (1.0, 1.004, 0.996, 1.002, 0.998, 1.0, 1.006)
HERE = "3.11"
QUIET = {
    "wall_s": 30.0,
    "host_busy_s": 31.0,
    "own_cpu_s": 30.9,
    "throttled_before": 0,
    "throttled_after": 0,
    "host_cpus": 2,
    "loop_wall_s": 4.5,
    "loop_cpu_s": 4.5,
}
LOUD = {**QUIET, "host_busy_s": 60.0}
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


def planned(key: str, items: int) -> dict[str, Any]:
    """A row of the plan from '[python: ]kind [size] [c<chunk>] [method]': '3.13t: thread 2', 'pool 4 c8 spawn'."""
    python, _, words = key.rpartition(": ")
    kind, *rest = words.split()
    size = next((int(word) for word in rest if word.isdigit()), 1)
    asked = next((int(word[1:]) for word in rest if word[0] == "c"), 0)
    takes_chunks = kind in ("process", "pool")
    method = next((word for word in rest if word in ("fork", "forkserver", "spawn")), "fork" if takes_chunks else "")
    own = -(-items // (4 * size)) if kind == "pool" else 1
    return {
        "arm": key,
        "python": python or HERE,
        "kind": kind,
        "start_method": method,
        "size": size,
        "chunksize": asked,
        "chunk_used": (asked or own) if takes_chunks else 1,
    }


def measurement(row: Mapping[str, Any], number: int, map_ms: float, around_ms: float | None = None) -> list[Record]:
    phases = {"map": map_ms}
    if row["kind"] != "serial":
        start, stop = (price * row["size"] for price in PRICES.get(row["kind"], PROCESS))
        if around_ms is not None:
            start, stop = 0.9 * around_ms, 0.1 * around_ms
        phases = {"start": start, "first_ready": start / 2, "map": map_ms, "stop": stop}
    return [Sample(0, name, row["arm"], number, ms / 1e3) for name, ms in phases.items()]


def traced(
    row: Mapping[str, Any],
    map_ms: float,
    *,
    cpus: float,
    share: float = 1.0,
    tail: float = 0.02,
    items: int = ITEMS,
    longest: float = 1.1,
) -> dict[str, Any]:
    """The summary of a traced repetition whose tasks kept `cpus` CPUs busy, on a CPU for `share` of their time."""
    map_s, size = map_ms / 1e3, row["size"]
    cpu = min(cpus * map_s, size * map_s * (1 - tail) * share)
    wall = min(cpu / share, size * map_s * (1 - tail))
    each = wall / items
    return {
        "map_s": map_s,
        "start_s": 0.01,
        "stop_s": 0.001,
        "tasks": items,
        "tasks_wall_s": wall,
        "tasks_cpu_s": cpu,
        "workers_used": size,
        "worker_ends_s": [map_s * (1 - 2 * tail * n / max(1, size - 1)) for n in range(size)],
        "task_s": {"min": each * 0.9, "median": each, "p90": each * 1.05, "max": each * longest},
    }


def records(
    maps: Mapping[str, Sequence[float]],
    *,
    loop_share: float | None = 1.0,
    noise: Mapping[str, Any] | None = QUIET,
    traces: Mapping[str, Mapping[str, Any]] | None = None,
    pythons: Mapping[str, Mapping[str, Any]] | None = None,
    preflight: Mapping[str, Any] | None = None,
    skipped: Mapping[str, str] | None = None,
    items: int = ITEMS,
    around_ms: float | None = None,
    machine: Mapping[str, Any] | None = None,
    outcome: str = "finished",
    more: Sequence[Record] = (),
) -> list[Record]:
    """The records of a run with these map times (ms) by arm. `loop_share` of its time a loop was on a CPU."""
    plan = [planned(key, items) for key in maps]
    said: list[Record] = []
    for label, about_it in (pythons or {HERE: {}}).items():
        known = {"version": label, "gil": not label.endswith("t"), "implementation": "CPython", "kinds": KINDS}
        said.append(Result(0, Untyped("python", {**known, **about_it}), label))
        if "why_not" not in about_it:
            tried = {"count": items, "call_s": [0.02], "repeats_equal": True, "printed": 0, **(preflight or {})}
            said.append(Result(0, Untyped("preflight", tried), label))
    said.append(Result(0, Untyped("machine", {"usable_cpus": 2, **(machine or {})})))
    said.append(Result(0, Untyped("plan", plan)))
    for number in range(1, 1 + max(map(len, maps.values()))):
        for row in plan:
            times = maps[row["arm"]]
            if number <= len(times):
                said += measurement(row, number, times[number - 1], around_ms)
    for row in plan:
        if row["kind"] == "serial" and loop_share is not None:
            wall = sum(maps[row["arm"]]) / 1e3
            said.append(Result(0, Untyped("loop", {"wall_s": wall, "cpu_s": wall * loop_share}), row["arm"]))
        for key, value in (traces or {}).items():
            if key == row["arm"]:
                said.append(Result(0, Untyped("traced", dict(value)), key))
        if row["arm"] in (skipped or {}):
            said.append(Result(0, Untyped("skipped", (skipped or {})[row["arm"]]), row["arm"]))
    if noise is not None:
        said.append(Result(0, Untyped("noise", dict(noise))))
    said += more
    return [*said, End(0, outcome)] if outcome else said


def told(maps: Mapping[str, Sequence[float]], *, asked: Mapping[str, Any] | None = None, **how: Any) -> State:
    """The state after such a run."""
    now = which_pool.initial(WhichPoolParams.model_validate({"repeats": 5, **(asked or {})}))
    for record in records(maps, **how):
        now = which_pool.fold(now, record)
    return now
