"""The run's numbers as datasets for the charts, by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.naming import TITLES, config_name, title
from poolscope.experiments.pool_benchmark.recommendation import Recommendation, fastest, recommend, spoken_of
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import budget, waits, why_off_cpu
from poolscope.protocol.kinds import IN_PROCESSES, SERIAL
from poolscope.protocol.payloads import MemoryReading
from poolscope.stats.intervals import ratio
from poolscope.stats.scaling import Scaling, scaling
from poolscope.text.numbers import times

Rows = list[dict[str, Any]]
MIB = 2**20
LABELS = 12  # lines of text that fit over each other in the smaller chart of speed-ups
CLEAR = 0.75  # of such a line: so far is the middle of a label from any marker that it must not touch
# Where a label may stand, in such lines above what it is about: the first that is free. By the marker of the best
# setting its speed-up is enough; further off the label names the kind, and a thin line leads to the marker.
BY_MARKER, FURTHER = (0.85, -0.85), (1.7, -1.7, 2.55, -2.55, 3.4)
BY_IDEAL = (0.6, -0.6, 1.2, -1.2, 1.8)
BESIDE, NAMED = 0.1, 0.5  # of the width: so far to its sides a short label reaches, and a named one to one side
HEIGHTS = (0.06, 0.25, 0.4, 0.6, 0.75, 0.9)  # shares of the axis at which the usable CPUs may be named
BANDS = 4  # intervals drawn over each other that can still be told apart
# The phases of a call, in every chart, key and sentence by these names.
START_UP, SHUTDOWN = "start-up", "shutdown"
HANDING_OVER, LAST_ITEMS = "handing items over", "waiting for the last items"
COMPUTING, OWN_WAITING = "computing", "waiting in the work"
WORK = (COMPUTING, OWN_WAITING)  # what a pool is for; all else is a cost
# Time off the CPU by its reason; None where it can't be told.
OFF_CPU = {
    "gil": "waiting for the GIL",
    "waiting": OWN_WAITING,
    "no core": "waiting for a free CPU",
    None: "waiting off the CPU",
}


def chart(state: State, usable_cpus: int) -> dict[str, Rows]:
    """Speed-ups against the plain loop of the first Python.

    `speed`: the best chunk size for every kind and number of workers, with interval; `reps` its repetitions; `ideal`
    ends at the usable CPUs; `bands` the fastest few of `speed`; `fit` the fitted curves; `best` the chosen setting,
    named at the height `at`, and its marker's height `of` where the label is not beside it; `ends` labels the lines,
    each at the height `at`; `heat` every setting; `why` one of each kind by what its time went into, in % of workers ×
    wall, `budget` the same for every setting; `memory` MiB a worker of each kind's best; `cpus` the usable CPUs where
    they are a bound, and the height `at` which the words beside their line are in nobody's way.
    """
    lines = curves(state)
    points = [_point(state, config) for configs in lines.values() for config in configs]
    bands, best = _bands(lines, state), _best(state)
    ideal = _ideal(state, usable_cpus, points, best)
    highest = max(row.get("hi") or row.get("speedup", 0.0) for row in (*bands, *ideal))
    ends = _apart(_ends(state, lines), points, highest)
    best = [_placed(row, points, ideal, highest) for row in best]
    return {
        "speed": points,
        "reps": [row for configs in lines.values() for config in configs for row in _reps(state, config)],
        "bands": bands,
        "ideal": ideal,
        "fit": [
            row for name, fit in fits(state, usable_cpus).items() for row in _curve(name, lines[name][0].kind, fit)
        ],
        "best": best,
        "ends": ends,
        "heat": [_heat(state, config) for config in state.pools if config.map],
        "why": [row for config in side_by_side(state) for row in spent(state, config, usable_cpus)],
        "budget": [row for config in state.configs.values() for row in spent(state, config, usable_cpus)],
        "memory": [
            _memory(state, config, config.memory)
            for config in to_compare(state, recommend(state))
            if config.memory and config.memory.per_worker
        ],
        "cpus": _cpus(state, usable_cpus, points, ideal, [*ends, *best], highest),
    }


def curves(state: State) -> dict[str, list[Configuration]]:
    """For each kind, start method and Python, by its title: its fastest setting of every size, the least size first."""
    lines: dict[str, dict[int, Configuration]] = {}
    for config in state.pools:
        if config.map:
            sizes = lines.setdefault(title(state, config), {})
            sizes[config.size] = fastest([config, sizes[config.size]]) if config.size in sizes else config
    return {name: [sizes[size] for size in sorted(sizes)] for name, sizes in lines.items()}


def best_of_kinds(state: State) -> list[Configuration]:
    """The fastest setting of each curve, the fastest of all first."""
    return sorted((fastest(configs) for configs in curves(state).values()), key=lambda config: median(config.map))


def to_compare(state: State, choice: Recommendation | None) -> list[Configuration]:
    """The fastest setting of each curve, and of the one that the answer is about the setting that it is about."""
    best, about = best_of_kinds(state), spoken_of(choice)
    if about is None:
        return best
    return [about if title(state, config) == title(state, about) else config for config in best]


def explained(state: State, choice: Recommendation | None) -> Configuration | None:
    """The pool whose time is split up: what the answer is about, where that was traced; None before one was.

    Else the best or another that was, of the same kind if there is one, and of as many workers: of these the fastest.
    Where no pool is recommended and the best has one worker, which hides why, it is one of several workers.
    """
    about = spoken_of(choice)
    wanted = [about, choice.best] if about and choice else []
    traced = [config for config in state.pools if config.traced and config.total and not state.left_out(config)]
    if about and about.size == 1 and choice and choice.config is not about:
        traced = [config for config in traced if config.size > 1] or traced
    kinds, sizes = ({getattr(config, name) for config in wanted} for name in ("kind", "size"))
    others = sorted(traced, key=lambda config: (config.kind not in kinds, config.size not in sizes, median(config.map)))
    return next((config for config in (*wanted, *others) if config in traced), None)


def side_by_side(state: State) -> list[Configuration]:
    """One setting of each curve, with as many workers as the answer's pool where there is one: so they compare.

    At its own best size a kind that gains nothing would be one worker, which hides why.
    """
    best, lines, choice = best_of_kinds(state), curves(state), recommend(state)
    about = spoken_of(choice) or next(iter(best), None)
    told = {title(state, config): config for config in (about, explained(state, choice)) if config}
    size = about.size if about else 0
    return [
        told.get(title(state, config))
        or next((other for other in lines[title(state, config)] if other.size == size), config)
        for config in best
    ]


def fits(state: State, usable_cpus: int) -> dict[str, Scaling]:
    """How far each curve scales, by its title; those that don't bear a fit say why."""
    if state.serial is None or not state.serial.map:
        return {}
    fitted = {}
    for name, configs in curves(state).items():
        # Workers on several hosts have all of their CPUs.
        cpus = max((config.hosts_cpus for config in configs), default=0) or usable_cpus
        most = (state.items or 1) if waits(state) else cpus
        fitted[name] = scaling(state.serial.map, {config.size: config.map for config in configs}, most)
    return fitted


def _point(state: State, config: Configuration) -> dict[str, Any]:
    row = {
        "kind": title(state, config),
        "pool": config.kind,
        "python": config.python,
        "workers": config.size,
        "ms": median(config.map) * 1e3,
        "chunk": config.chunk_used if config.kind in IN_PROCESSES else None,
    }
    if state.serial is not None and state.serial.map:
        gain = ratio(state.serial.map, config.map)
        row |= {"speedup": gain.value, "lo": gain.low, "hi": gain.high, "eff": 100 * gain.value / config.size}
    return row


def _reps(state: State, config: Configuration) -> Rows:
    serial = median(state.serial.map) if state.serial and state.serial.map else None
    return [
        {
            "kind": title(state, config),
            "workers": config.size,
            "rep": number,
            "ms": seconds * 1e3,
            "speedup": serial / seconds if serial is not None else None,
        }
        for number, seconds in zip(config.repetitions, config.map, strict=True)
    ]


def _ideal(state: State, usable_cpus: int, points: Rows, best: Rows) -> Rows:
    """n workers at best n times as fast, up to the CPUs where the work computes, those of other hosts where workers are
    there, and to the items in any case.

    The line is named at its last size at which neither the speed-up of the chosen setting nor a marker is in the way,
    at the height `at`.
    """
    sizes = state.params.sizes
    most = max(sizes) if waits(state) else max([usable_cpus, *(config.hosts_cpus for config in state.pools)])
    most = min(most, state.items or most)
    drawn = sorted({1, *sizes, min(most, max(sizes))})
    highest = max([min(drawn[-1], most), *_speedups(points, drawn)])
    rows: Rows = []
    for size in drawn:
        speed = min(size, most)
        at = _height(speed, BY_IDEAL, _speedups(points, [size]), highest / LABELS)
        rows.append({"workers": size, "speedup": speed, "label": "", "at": at})
    taken = {row["workers"] for row in best}
    free = [row for row in rows if row["workers"] not in taken] or rows
    beside = [row for row in free if 0 < row["at"] - row["speedup"] < highest / LABELS] or free
    beside[-1]["label"] = "ideal"
    return rows


def _height(of: float, steps: Sequence[float], taken: Collection[float], line: float) -> float:
    """The first of these heights, in lines of text above `of`, that is clear of what is taken; else the clearest."""
    heights = [of + step * line for step in steps if of + step * line >= line / 2]
    clear = {height: min((abs(height - other) for other in taken), default=line) for height in heights}
    return next((height for height in heights if clear[height] >= CLEAR * line), max(heights, key=clear.__getitem__))


def _speedups(points: Rows, sizes: Collection[float]) -> list[float]:
    """The heights of the markers at these numbers of workers."""
    return [row["speedup"] for row in points if row["workers"] in sizes and "speedup" in row]


def _bands(lines: dict[str, list[Configuration]], state: State) -> Rows:
    """The points with their intervals, of the lines that rise highest: more bands over each other hide the rest."""
    points = [[_point(state, config) for config in configs] for configs in lines.values()]
    points.sort(key=lambda rows: max(row.get("speedup", 0.0) for row in rows), reverse=True)
    return [row for rows in points[:BANDS] for row in rows]


def _ends(state: State, lines: dict[str, list[Configuration]]) -> Rows:
    """The last point of each line with its name, and of the plain loop, which is 1 throughout."""
    ends = [{**_point(state, configs[-1]), "label": name} for name, configs in lines.items()]
    if not ends:
        return []
    last = max(row["workers"] for row in ends)
    return [*ends, {"pool": SERIAL, "kind": "", "workers": last, "speedup": 1.0, "label": TITLES[SERIAL]}]


def _apart(ends: Rows, points: Rows, highest: float) -> Rows:
    """The labels at the lines' ends with `at`, the height at which each can be read: a line of text apart, and clear of
    the markers of lines that go on to larger sizes.

    `highest` is what the chart reaches up to, whose height it then knows.
    """
    told = sorted((row for row in ends if "speedup" in row), key=lambda row: float(row["speedup"]))
    line = max(highest, *(row["speedup"] for row in told), 0.0) / LABELS
    heights: dict[int, float] = {}  # lines that end at another size are in nobody's way
    for row in told:
        further = _speedups(points, {point["workers"] for point in points if point["workers"] > row["workers"]})
        at = max(row["speedup"], heights.get(row["workers"], -line) + line)
        while any(abs(at - speed) < CLEAR * line for speed in further):
            at += line / 4
        heights[row["workers"]] = row["at"] = at
    return told


def _placed(best: dict[str, Any], points: Rows, ideal: Rows, highest: float) -> dict[str, Any]:
    """The chosen setting with `at`, the height of its label, which covers no marker, nor the ideal or the loop."""
    line, of, own = max(highest, best["speedup"]) / LABELS, best["speedup"], best["workers"]
    first, last = ideal[0]["workers"], ideal[-1]["workers"]
    width = last - first

    def taken(low: float, high: float) -> list[float]:
        sizes = {row["workers"] for row in (*points, *ideal) if low <= row["workers"] <= high}
        return [1.0, *_speedups(points, sizes), *_speedups(ideal, sizes)]

    near = taken(own - BESIDE * width, own + BESIDE * width)
    at = _height(of, BY_MARKER, near, line)
    if all(abs(at - other) >= CLEAR * line for other in near):
        return {**best, "at": at, "of": None}
    further = taken(own, own + NAMED * width) if own < last else taken(own - NAMED * width, own)
    return {**best, "label": f"{best['kind']} {best['label']}", "at": _height(of, FURTHER, further, line), "of": of}


def _cpus(state: State, usable_cpus: int, points: Rows, ideal: Rows, labels: Rows, highest: float) -> Rows:
    """This machine's usable CPUs where they bound what the sizes can gain: not for work that waits.

    The words beside their line keep away from the lines, and from the `labels` in the chart. `highest` is what the
    chart reaches up to.
    """
    if waits(state) or usable_cpus > max(state.params.sizes):
        return []
    # The words reach as far as the next size or so.
    beside = [row["workers"] for row in ideal if row["workers"] >= usable_cpus][:2]
    taken = [1.0, *_speedups(ideal, beside), *_speedups(points, beside)]
    taken += [row["at"] for row in labels if row["workers"] in beside]
    top = max(highest, *taken)
    at = max((top * height for height in HEIGHTS), key=lambda height: min(abs(height - speed) for speed in taken))
    here = " here" if any(config.hosts_cpus for config in state.pools) else ""
    label = f"{usable_cpus} usable CPU{'' if usable_cpus == 1 else 's'}{here}"
    return [{"workers": usable_cpus, "label": label, "at": at}]


def _curve(name: str, kind: str, fit: Scaling) -> Rows:
    return [
        {
            "kind": name,
            "pool": kind,
            "workers": point.workers,
            "speedup": point.speedup,
            "lo": point.low,
            "hi": point.high,
        }
        for point in fit.curve
    ]


def _best(state: State) -> Rows:
    choice = recommend(state)
    if choice is None or choice.config is None or choice.config.serial:
        return []
    return [{**_point(state, choice.config), "label": times(choice.gain.value)}]


def _heat(state: State, config: Configuration) -> dict[str, Any]:
    takes_chunks = config.kind in IN_PROCESSES
    asked = "own choice" if config.chunksize == 0 else str(config.chunksize)
    return {
        **_point(state, config),
        "asked": asked if takes_chunks else "–",
        "setting": config_name(state, config),
        "skipped": config.skipped,
    }


def spent(state: State, config: Configuration, usable_cpus: int) -> Rows:
    """What the workers' time went into, a row a phase; none before the setting was traced."""
    shared = budget(state, config)
    if shared is None:
        return []
    off = why_off_cpu(state, config, usable_cpus)
    reason = off.reason if off else None
    if reason == "waiting" and waits(state) is False:
        reason = None  # the loop was held up too, though this work never waits
    shares = (
        (START_UP, shared.startup),
        (HANDING_OVER, shared.dispatch),
        (COMPUTING, shared.on_cpu),
        (OFF_CPU[reason], shared.off_cpu),
        (LAST_ITEMS, shared.idle),
        (SHUTDOWN, shared.shutdown),
    )
    return [
        {
            "kind": title(state, config),
            "pool": config.kind,
            "setting": config_name(state, config),
            "workers": config.size,
            "chunk": config.chunk_used,
            "phase": phase,
            "share": 100 * share,
            "order": order,
        }
        for order, (phase, share) in enumerate(shares)
    ]


def _memory(state: State, config: Configuration, reading: MemoryReading) -> dict[str, Any]:
    return {
        "kind": title(state, config),
        "pool": config.kind,
        "workers": config.size,
        "mib": median(reading.per_worker) / MIB,
        "what": reading.what,
        "total": reading.total / MIB,
    }
