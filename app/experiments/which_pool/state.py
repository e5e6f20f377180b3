"""What a which-pool run means: its state as JSON and rows; verdict, findings and charts by import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from app.experiments.which_pool.charts import best_of_kinds, chart, fits, side_by_side, spent
from app.experiments.which_pool.findings import findings
from app.experiments.which_pool.samples import Arm, Python, State, fold, initial
from app.experiments.which_pool.spending import budget
from app.experiments.which_pool.table import notes, table
from app.experiments.which_pool.verdict import as_json as verdict_as_json
from app.experiments.which_pool.verdict import verdict
from app.measure.intervals import ratio, timing

__all__ = [
    "Arm", "Python", "State", "as_json", "best_of_kinds", "chart", "findings", "fits", "fold", "initial", "notes",
    "rows", "side_by_side", "spent", "table", "verdict",
]  # fmt: skip

HEADER = (
    "python", "kind", "start_method", "size", "chunksize", "chunk_used", "repetition",
    "start_s", "first_ready_s", "map_s", "stop_s",
)  # fmt: skip


def as_json(state: State) -> dict[str, Any]:
    """The contract's state of `which-pool`; a TIMING without samples has None in it."""
    usable = state.usable_cpus or 1
    return {
        "serial": _timing(state.serial.map if state.serial else ()),
        "loops": [_loop(state, arm) for arm in state.arms.values() if arm.serial],
        "cells": [_cell(state, arm) for arm in state.pools],
        "verdict": verdict_as_json(state, usable),
        "fits": [{"kind": name, **fit.as_json()} for name, fit in fits(state, usable).items()],
        "pythons": [_python(python) for python in state.pythons],
        "done": state.done,
        "total": state.total,
        "seconds_left": state.seconds_left,
        "note": state.note,
        "repeats": state.params.repeats,
        "items": state.items,
        "seed": state.seed,
        "cpu": dict(state.cpu) or None,
        "machine": dict(state.machine) or None,
        "calibration": dict(state.calibration) or None,
        "noise": dict(state.noise) or None,
    }


def _cell(state: State, arm: Arm) -> dict[str, Any]:
    spent = budget(state, arm)
    return {
        "kind": arm.kind,
        "size": arm.size,
        "chunksize": arm.chunksize,
        "wall_s": _timing(arm.map),
        "speedup": _against(state.serial, arm),
        "cpu_share": cpu_share(arm.traced),
        "memory_per_worker": memory_per_worker(arm),
        "breakdown": spent.as_json() if spent else None,
        "python": arm.python,
        "start_method": arm.start_method,
        "chunk_used": arm.chunk_used,
        "own_speedup": _against(state.loop_of(arm.python), arm),
        "start_s": _timing(arm.start),
        "first_ready_s": _timing(arm.first_ready),
        "stop_s": _timing(arm.stop),
        "total_s": _timing(arm.total),
        "memory": dict(arm.memory) or None,
        "collections": arm.collections,
        "skipped": arm.skipped or None,
        "differs": arm.differs or None,
        "untraced": arm.untraced or None,
    }


def _loop(state: State, arm: Arm) -> dict[str, Any]:
    return {
        "python": arm.python,
        "wall_s": _timing(arm.map),
        "speedup": _against(state.serial, arm),
        "cpu_share": arm.loop["cpu_s"] / arm.loop["wall_s"] if arm.loop.get("wall_s") else None,
        "collections": arm.collections,
        "skipped": arm.skipped or None,
    }


def _python(python: Python) -> dict[str, Any]:
    return {
        "label": python.label,
        "version": python.version,
        "gil": python.gil,
        "implementation": python.implementation,
        "kinds": dict(python.kinds),
        "why_not": python.why_not or None,
        "preflight": dict(python.preflight) or None,
    }


def cpu_share(traced: Mapping[str, Any]) -> float | None:
    """The share of their time that the tasks of a traced repetition were on a CPU; None where there is none."""
    return traced["tasks_cpu_s"] / traced["tasks_wall_s"] if traced.get("tasks_wall_s") else None


def memory_per_worker(arm: Arm) -> int | None:
    """Bytes of the middle one of the workers; None where it was not measured."""
    each = arm.memory.get("per_worker") or ()
    return int(median(each)) if each else None


def _against(loop: Arm | None, arm: Arm) -> dict[str, float | None]:
    if loop is None or not (loop.map and arm.map):
        return {"value": None, "low": None, "high": None}
    return ratio(loop.map, arm.map).as_json()


def _timing(samples: tuple[float, ...]) -> dict[str, Any]:
    return timing(samples).as_json() if samples else {"median": None, "low": None, "high": None, "samples": []}


def rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The CSV: one row a repetition and setting in the order of measurement, seconds; a plain loop has a map alone."""
    return HEADER, [_row(state.arms[key], number) for key, number in state.order]


def _row(arm: Arm, repetition: int) -> Sequence[object]:
    at = arm.repetitions.index(repetition)
    what = (arm.python, arm.kind, arm.start_method, arm.size, arm.chunksize, arm.chunk_used, repetition)
    if arm.serial:
        return (*what, None, None, arm.map[at], None)
    # The samples of a repetition are told one by one; the last of them may not have come.
    phases = (arm.start, arm.first_ready, arm.map, arm.stop)
    return (*what, *(phase[at] if at < len(phase) else None for phase in phases))
