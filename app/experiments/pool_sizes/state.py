"""What a pool-sizes run means: its state as JSON and rows, its transcript; verdict, findings and charts by import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.experiments.pool_sizes.charts import chart
from app.experiments.pool_sizes.findings import findings
from app.experiments.pool_sizes.samples import SERIAL, Arm, State, fold, initial
from app.experiments.pool_sizes.verdict import verdict
from app.measure.breakeven import efficiency
from app.measure.intervals import ratio, timing

__all__ = ["Arm", "State", "as_json", "chart", "findings", "fold", "initial", "rows", "transcript", "verdict"]

HEADER = ("arm", "repetition", "start_s", "first_ready_s", "map_s", "stop_s", "chunksize")
IN_TRANSCRIPT = 20  # results named there; the page and the JSON hold more


def as_json(state: State) -> dict[str, Any]:
    """The contract's state of `pool-sizes`; a TIMING without samples has None in it."""
    return {
        "serial": _timing(state.serial.map),
        "sizes": [_arm(state, arm) for arm in state.arms],
        "done": state.done,
        "total": state.total,
        "seconds_left": state.seconds_left,
        "note": state.note,
        "repeats": state.params.repeats,
        "start_method": state.start_method,
        "seed": state.seed,
        "calibration": dict(state.calibration) or None,
        "collections": dict(state.collections),
        "noise": dict(state.noise) or None,
    }


def _arm(state: State, arm: Arm) -> dict[str, Any]:
    gain = ratio(state.serial.map, arm.map) if state.serial.map and arm.map else None
    return {
        "pool_size": arm.size,
        "start_s": _timing(arm.start),
        "first_ready_s": _timing(arm.first_ready),
        "map_s": _timing(arm.map),
        "stop_s": _timing(arm.stop),
        "total_s": _timing(arm.total),
        "speedup": gain.value if gain else None,
        "speedup_ci": {"low": gain.low if gain else None, "high": gain.high if gain else None},
        "efficiency": efficiency(gain.value, arm.size) if gain else None,
        "chunksize": arm.chunksize,
        "results": list(arm.results),
        "results_count": arm.results_count,
        "transcript": transcript(arm),
    }


def _timing(samples: tuple[float, ...]) -> dict[str, Any]:
    return timing(samples).as_json() if samples else {"median": None, "low": None, "high": None, "samples": []}


def transcript(arm: Arm) -> str:
    """What a script would have printed of the latest repetition; '' before the first."""
    if not arm.map:
        return ""
    shown = [str(value) for value in arm.results[:IN_TRANSCRIPT]]
    if arm.results_count > len(shown):
        shown.append("…")
    return f"Using a pool of size {arm.size}:\nResults: [{', '.join(shown)}]\nTime taken: {arm.map[-1]:.4f} seconds"


def rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The CSV: one row a repetition and arm in the order of measurement, seconds; the loop has a map alone."""
    return HEADER, [_row(arm, name, n) for name, n in state.order if (arm := state.arm(name)) is not None]


def _row(arm: Arm, name: str, repetition: int) -> Sequence[object]:
    at = arm.repetitions.index(repetition)
    if name == SERIAL:
        return (name, repetition, None, None, arm.map[at], None, None)
    # The samples of a repetition are told one by one; the last of them may not have come.
    phases = (arm.start, arm.first_ready, arm.map, arm.stop)
    return (name, repetition, *(phase[at] if at < len(phase) else None for phase in phases), arm.chunksize)
