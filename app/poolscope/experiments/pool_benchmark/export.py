"""What runs of both experiments tell others: the state as JSON, repetitions as CSV rows, configurations as a table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.charts import fits
from poolscope.experiments.pool_benchmark.messages import dropped_sentence, no_fit_sentence, passes_sentence
from poolscope.experiments.pool_benchmark.naming import config_name, config_names, on_python, title
from poolscope.experiments.pool_benchmark.recommendation import certainty, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, Python, State
from poolscope.experiments.pool_benchmark.verdict import as_json as verdict_as_json
from poolscope.experiments.pool_benchmark.verdict import identity
from poolscope.experiments.pool_benchmark.work import budget, tasks_on_cpu, used_cpu
from poolscope.protocol.codec import to_json
from poolscope.protocol.kinds import IN_PROCESSES
from poolscope.protocol.payloads import ConfigurationDropped
from poolscope.stats.breakeven import efficiency
from poolscope.stats.intervals import ratio, timing
from poolscope.text.numbers import interval_of
from poolscope.text.sentences import capital

IN_TRANSCRIPT = 20  # results named there; the page and the JSON hold more
SIZES_HEADER = ("arm", "repetition", "start_s", "first_ready_s", "map_s", "stop_s", "chunksize")
CSV_HEADER = (
    "python",
    "kind",
    "start_method",
    "size",
    "chunksize",
    "chunk_used",
    "native_threads",
    "max_tasks",
    "repetition",
    "start_s",
    "first_ready_s",
    "map_s",
    "stop_s",
)

TABLE_HEADER = (
    "kind",
    "workers",
    "chunk",
    "map, ms",
    "speed-up, ×",
    "interval",
    "start-up, ms",
    "whole call, ms",
    "memory, MiB a worker",
)


def which_pool_json(state: State) -> dict[str, Any]:
    """The contract's state of `which-pool`; a TIMING without samples has None in it."""
    usable = state.usable_cpus or 1
    return {
        "serial": _timing(state.serial.map if state.serial else ()),
        "loops": [_loop(state, config) for config in state.configs.values() if config.serial],
        "cells": [_cell(state, config) for config in state.pools],
        "verdict": verdict_as_json(state, usable),
        "fits": [
            {"kind": name, **fit.as_json(), "why": no_fit_sentence(fit.why)}
            for name, fit in fits(state, usable).items()
        ],
        "pythons": [_python(python) for python in state.pythons],
        "done": state.done,
        "total": state.total,
        "seconds_left": state.seconds_left,
        "note": state.note,
        "map_progress": to_json(state.map_progress) if state.map_progress else None,
        "repeats": state.params.repeats,
        "rounds": rounds_json(state),
        "items": state.items,
        "seed": state.seed,
        "cpu": to_json(state.cpu) if state.cpu else None,
        "machine": to_json(state.machine) if state.machine else None,
        "calibration": to_json(state.calibration) if state.calibration else None,
        "noise": to_json(state.noise) if state.noise else None,
    }


def _cell(state: State, config: Configuration) -> dict[str, Any]:
    spent = budget(state, config)
    return {
        "kind": config.kind,
        "size": config.size,
        "chunksize": config.chunksize,
        "max_tasks": config.max_tasks,
        "wall_s": _timing(config.map),
        "speedup": _against(state.serial, config),
        "cpu_share": cpu_share(config),
        "memory_per_worker": memory_per_worker(config),
        "breakdown": spent.as_json() if spent else None,
        "python": config.python,
        "start_method": config.start_method,
        "chunk_used": config.chunk_used,
        "native_threads": config.native_threads,
        "own_speedup": _against(state.loop_of(config.python, config.native_threads), config),
        "start_s": _timing(config.start),
        "first_ready_s": _timing(config.first_ready),
        "imported_s": _timing(config.imported),
        "stop_s": _timing(config.stop),
        "total_s": _timing(config.total),
        "memory": to_json(config.memory) if config.memory else None,
        "collections": config.collections,
        "passes": config.passes,
        "hosts": list(config.hosts),
        "cluster_start_s": config.cluster.seconds if config.cluster else None,
        "sent_bytes": config.carried.sent if config.carried else None,
        "received_bytes": config.carried.received if config.carried else None,
        "shipped": to_json(config.shipped) if config.shipped else None,
        "lost_workers": config.lost.workers if config.lost else 0,
        "retried": config.lost.retried if config.lost else 0,
        "dropped": _dropped(state, config),
        "skipped": config.skipped or None,
        "breakage": to_json(config.breakage) if config.breakage else None,
        "differs": config.differs or None,
        "untraced": config.untraced or None,
    }


def _loop(state: State, config: Configuration) -> dict[str, Any]:
    return {
        "python": config.python,
        "native_threads": config.native_threads,
        "wall_s": _timing(config.map),
        "speedup": _against(state.serial, config),
        "cpu_share": cpu_share(config),
        "collections": config.collections,
        "passes": config.passes,
        "skipped": config.skipped or None,
    }


def _python(python: Python) -> dict[str, Any]:
    return {
        "label": python.label,
        "version": python.facts.version if python.facts else "",
        "gil": python.gil,
        "implementation": python.facts.implementation if python.facts else "",
        "kinds": dict(python.kinds),
        "why_not": python.why_not or None,
        "preflight": to_json(python.trial) if python.trial else None,
    }


def rounds_json(state: State) -> dict[str, Any]:
    """The counted rounds, and how sure they made the answer."""
    recommendation = recommend(state)
    known = certainty(state, recommendation) if recommendation else None
    return {
        "counted": len(state.serial.map) if state.serial else 0,
        "spent_s": state.spent_s or None,
        "ended": state.rounds_ended.why if state.rounds_ended else None,
        "settled": known.settled if known else None,
        "half_width": known.half_width if known else None,
        "more_s": known.more_s if known else None,
        "half_width_then": known.half_width_then if known else None,
    }


def _dropped(state: State, config: Configuration) -> dict[str, Any] | None:
    if config.dropped is None:
        return None
    lost_to = identity(state.configs[config.dropped.lost_to])
    return {"round": config.dropped.round, "lost_to": lost_to, "why": config.dropped.why}


def cpu_share(config: Configuration) -> float | None:
    """The share of its time that a plain loop, or the traced tasks of a pool, were on a CPU; None if not known.

    Nor is it known where loop or tasks are too short for the clocks.
    """
    return used_cpu(config) if config.serial else tasks_on_cpu(config)


def memory_per_worker(config: Configuration) -> int | None:
    """Bytes of the middle one of the workers; None where it was not measured."""
    return int(median(config.memory.per_worker)) if config.memory and config.memory.per_worker else None


def _against(loop: Configuration | None, config: Configuration) -> dict[str, float | None]:
    if loop is None or not (loop.map and config.map):
        return {"value": None, "low": None, "high": None}
    return ratio(loop.map, config.map).as_json()


def pool_sizes_json(state: State) -> dict[str, Any]:
    """The contract's state of `pool-sizes`; a TIMING without samples has None in it."""
    return {
        "serial": _timing(state.serial.map if state.serial else ()),
        "sizes": [_size(state, config) for config in state.pools],
        "done": state.done,
        "total": state.total,
        "seconds_left": state.seconds_left,
        "note": state.note,
        "repeats": state.params.repeats,
        "rounds": rounds_json(state),
        "start_method": state.start_method,
        "seed": state.seed,
        "calibration": to_json(state.calibration) if state.calibration else None,
        "collections": {
            _arm(config): config.collections for config in state.configs.values() if config.collections is not None
        },
        "noise": to_json(state.noise) if state.noise else None,
    }


def _size(state: State, config: Configuration) -> dict[str, Any]:
    loop = state.serial
    gain = ratio(loop.map, config.map) if loop and loop.map and config.map else None
    return {
        "pool_size": config.size,
        "start_s": _timing(config.start),
        "first_ready_s": _timing(config.first_ready),
        "map_s": _timing(config.map),
        "stop_s": _timing(config.stop),
        "total_s": _timing(config.total),
        "speedup": gain.value if gain else None,
        "speedup_ci": {"low": gain.low if gain else None, "high": gain.high if gain else None},
        "efficiency": efficiency(gain.value, config.size) if gain else None,
        "chunksize": config.chunk_used,
        "passes": config.passes,
        "dropped": _dropped(state, config),
        "results": list(config.shown.first) if config.shown else [],
        "results_count": config.shown.count if config.shown else 0,
        "transcript": transcript(config),
        "differs": config.differs or None,
    }


def _arm(config: Configuration) -> str:
    """'serial', or the number of workers: what the rows and the JSON of pool-sizes name a configuration by."""
    return config.kind if config.serial else str(config.size)


def transcript(config: Configuration) -> str:
    """What a script would have printed of the latest repetition; '' before the first."""
    if not config.map:
        return ""
    first, count = (config.shown.first, config.shown.count) if config.shown else ((), 0)
    shown = [str(value) for value in first[:IN_TRANSCRIPT]]
    if count > len(shown):
        shown.append("…")
    return (
        f"Using a pool of size {config.size}:\nResults: [{', '.join(shown)}]\nTime taken: {config.map[-1]:.4f} seconds"
    )


def _timing(samples: tuple[float, ...]) -> dict[str, Any]:
    return timing(samples).as_json() if samples else {"median": None, "low": None, "high": None, "samples": []}


def which_pool_rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The CSV: one row a repetition and setting in the order of measurement, seconds; a plain loop has a map alone."""
    return CSV_HEADER, [_csv_row(state.configs[key], number) for key, number in state.order]


def _csv_row(config: Configuration, repetition: int) -> Sequence[object]:
    return (
        config.python,
        config.kind,
        config.start_method,
        config.size,
        config.chunksize,
        config.chunk_used,
        config.native_threads,
        config.max_tasks,
        repetition,
        *_phases(config, repetition),
    )


def pool_sizes_rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The CSV: one row a repetition and size in the order of measurement, seconds; the loop has a map alone."""
    return SIZES_HEADER, [_sizes_row(state.configs[key], number) for key, number in state.order]


def _sizes_row(config: Configuration, repetition: int) -> Sequence[object]:
    chunk = None if config.serial else config.chunk_used
    return (_arm(config), repetition, *_phases(config, repetition), chunk)


def _phases(config: Configuration, repetition: int) -> tuple[float | None, ...]:
    """Start-up, first answer, map and shutdown of one repetition."""
    at = config.repetitions.index(repetition)
    if config.serial:
        return None, None, config.map[at], None
    # The samples of a repetition are sent one by one; the last of them may not have come.
    phases = (config.start, config.first_ready, config.map, config.stop)
    return tuple(phase[at] if at < len(phase) else None for phase in phases)


def table(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Medians of each setting, plain loops first, kind by kind; None where it was not measured."""
    configs = [*(config for config in state.configs.values() if config.serial), *state.pools]
    return TABLE_HEADER, [_table_row(state, config) for config in configs if config.map]


def notes(state: State) -> list[str]:
    """Sentences on what took no part, or not to the end: each said once, of all the settings that it is true of.

    Not the reason why the run itself failed: that is its error.
    """
    out = [python for python in state.pythons if python.why_not and python.why_not != state.reason]
    said = [f"Python {python.label} took no part. {python.why_not}" for python in out]
    elsewhere = {python.trial.found_in for python in state.pythons if python.trial and python.trial.found_in}
    said += [
        f"Modules were found in {folder}, which is not on Python's path: with PYTHONPATH={folder}, or after "
        "pip install -e . in the project, your own programs find them too."
        for folder in sorted(elsewhere)
    ]
    groups: dict[tuple[str, str], list[Configuration]] = {}
    for config in state.configs.values():
        if why := state.left_out(config):
            groups.setdefault((title(state, config), why), []).append(config)
    said += [f"{capital(_all(state, configs))}: {why}" for (_, why), configs in groups.items()]
    return said + rounds_notes(state)


def rounds_notes(state: State) -> list[str]:
    """Sentences on the settings that got no more rounds, a kind each, and on maps that were timed in a row."""
    groups: dict[tuple[str, ConfigurationDropped], list[Configuration]] = {}
    for config in state.pools:
        if config.dropped is not None:
            groups.setdefault((title(state, config), config.dropped), []).append(config)
    passes = [config.passes for config in state.configs.values() if config.passes > 1]
    said = [passes_sentence(min(passes), max(passes))] if passes else []
    return said + [
        dropped_sentence(dropped, _all(state, configs), config_name(state, state.configs[dropped.lost_to]))
        for (_, dropped), configs in groups.items()
    ]


def _all(state: State, configs: Sequence[Configuration]) -> str:
    """Settings of one kind and Python: '2 and 4 interpreters on 3.13t'."""
    return config_names(state, configs) + (on_python(state, configs[0]) if len(configs) > 1 else "")


def _table_row(state: State, config: Configuration) -> Sequence[object]:
    gain = ratio(state.serial.map, config.map) if state.serial and state.serial.map else None
    memory = None if config.serial else memory_per_worker(config)
    return (
        title(state, config),
        None if config.serial else config.size,
        config.chunk_used if config.kind in IN_PROCESSES else None,
        median(config.map) * 1e3,
        gain.value if gain else None,
        interval_of(gain) if gain and config is not state.serial else None,
        config.start_s * 1e3 if config.start_s is not None else None,
        median(config.total) * 1e3 if config.total else None,
        memory / 2**20 if memory else None,
    )
