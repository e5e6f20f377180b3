"""The numbers of a comparison of sizes as datasets for its charts, by name; milliseconds."""

from __future__ import annotations

from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.charts import (
    COMPUTING,
    HANDING_OVER,
    LAST_ITEMS,
    OWN_WAITING,
    SHUTDOWN,
    START_UP,
)
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import waits
from poolscope.stats.breakeven import efficiency, idle_tail
from poolscope.stats.intervals import ratio, timing
from poolscope.text.numbers import three_significant, times

Rows = list[dict[str, Any]]
FAR_MADS = 3  # a repetition further off than so many median absolute deviations is marked, and kept
FEWEST_FOR_MAD = 5
ROOM = 0.1
LABELS = 8  # numbers that fit beside each other in the chart of speed-ups


def chart(state: State, usable_cpus: int) -> dict[str, Rows]:
    """`reps` and `summary` by size, `ideal` cut at the usable CPUs, `phases` of a whole call, `drift` in order.

    `room` are the times between which the axis of times reaches at least.
    """
    configs = sorted((config for config in state.pools if config.map), key=lambda config: config.size)
    reps = [row for config in configs for row in _reps(state, config)]
    return {
        "reps": reps,
        "room": _room([row["map"] for row in reps]),
        "summary": _labelled([_summary(state, config) for config in configs]),
        "ideal": _ideal(state, usable_cpus),
        "phases": [row for config in configs for row in _phases(state, config)],
        "drift": _drift(state),
        "serial": _serial(state),
    }


def _reps(state: State, config: Configuration) -> Rows:
    serial = _loop_s(state)
    return [
        {
            "pool": config.size,
            "rep": repetition,
            "startup": _ms(start),
            "map": _ms(mapped),
            "shutdown": _ms(stop),
            "total": _ms(start + mapped + stop),
            "speedup": serial / mapped if serial is not None else None,
        }
        for repetition, start, mapped, stop in zip(
            config.repetitions, config.start, config.map, config.stop, strict=False
        )
    ]


def _summary(state: State, config: Configuration) -> dict[str, Any]:
    mapped = timing(config.map)
    row: dict[str, Any] = {
        "pool": config.size,
        "map": _ms(mapped.median),
        "label": three_significant(mapped.median * 1e3),
        "lo": _ms(mapped.low),
        "hi": _ms(mapped.high),
    }
    if config.total:
        row |= {"startup": _ms(median(config.start)), "total": _ms(median(config.total))}
    loop = state.serial.map if state.serial else ()
    if loop:
        gain = ratio(loop, config.map)
        row |= {"speedup": gain.value, "slo": gain.low, "shi": gain.high}
        row["eff"] = 100 * efficiency(gain.value, config.size)
        if config.total:
            row["tspeed"] = median(loop) / median(config.total)
    return row


def _room(maps: list[float]) -> Rows:
    """A tenth below the shortest time and above the longest: around one sample an axis has no round numbers else."""
    return [{"map": min(maps) * (1 - ROOM)}, {"map": max(maps) * (1 + ROOM)}] if maps else []


def _labelled(rows: Rows) -> Rows:
    """The rows with `label_speedup`, '' where that of a faster size stands too close to be read beside it."""
    apart = (rows[-1]["pool"] - rows[0]["pool"]) / LABELS if rows else 0
    told: list[int] = []
    for row in sorted((row for row in rows if "speedup" in row), key=lambda row: float(-row["speedup"])):
        free = all(abs(row["pool"] - other) >= apart for other in told)
        row["label_speedup"] = times(row["speedup"]) if free else ""
        if free:
            told.append(row["pool"])
    return rows


def _ideal(state: State, usable_cpus: int) -> Rows:
    """n workers at best n times as fast, up to the CPUs where the work computes, and to the items in any case."""
    most = min(state.params.count, max(state.params.sizes) if waits(state) else usable_cpus)
    pools = sorted({1, *state.params.sizes, min(most, max(state.params.sizes))})
    return [{"pool": pool, "speedup": min(pool, most)} for pool in pools]


def phases(state: State) -> tuple[str, ...]:
    """The phases that are drawn, in their order."""
    rows = [row for config in state.pools if config.map for row in _phases(state, config) if row["ms"]]
    return tuple(dict.fromkeys(row["phase"] for row in sorted(rows, key=lambda row: int(row["order"]))))


def _phases(state: State, config: Configuration) -> Rows:
    """A whole call in medians. The map is split as its traced repetition went, and is one phase until there is one."""
    if not config.total:
        return []
    mapped = median(config.map)
    inside = [("map", mapped)]
    traced = config.traced
    if traced and traced.map_s > 0:
        tail = min(1.0, idle_tail(traced.worker_ends_s, traced.map_s))
        busy = min(1 - tail, traced.tasks_wall_s / config.size / traced.map_s)
        working = OWN_WAITING if waits(state) else COMPUTING
        inside = [
            (HANDING_OVER, mapped * (1 - tail - busy)),
            (working, mapped * busy),
            (LAST_ITEMS, mapped * tail),
        ]
    phases = [(START_UP, median(config.start)), *inside, (SHUTDOWN, median(config.stop))]
    whole = three_significant(sum(seconds for _, seconds in phases) * 1e3)
    return [
        {"pool": config.size, "phase": phase, "ms": _ms(seconds), "order": order, "label": whole}
        for order, (phase, seconds) in enumerate(phases)
    ]


def _drift(state: State) -> Rows:
    """Each pool's map in % off the median of its size, in the order of measurement."""
    medians = {config.key: median(config.map) for config in state.pools if config.map}
    rows: Rows = []
    for key, repetition in state.order:
        if key in medians:
            config = state.configs[key]
            mapped = config.map[config.repetitions.index(repetition)]
            off = 100 * (mapped / medians[key] - 1)
            rows.append({"order": len(rows) + 1, "pool": config.size, "rep": repetition, "dev": off})
    spread = median(abs(row["dev"]) for row in rows) if len(rows) >= FEWEST_FOR_MAD else None
    for row in rows:
        row["far"] = spread is not None and abs(row["dev"]) > FAR_MADS * spread
        row["note"] = f"{row['pool']} workers, kept"
    return rows


def _serial(state: State) -> Rows:
    seconds = _loop_s(state)
    return [] if seconds is None else [{"ms": _ms(seconds), "label": f"serial {seconds * 1e3:.4g} ms"}]


def _loop_s(state: State) -> float | None:
    return median(state.serial.map) if state.serial and state.serial.map else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
