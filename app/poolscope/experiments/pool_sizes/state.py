"""What a pool-sizes run means: its state as JSON and rows, its transcript; verdict, findings and charts by import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poolscope.experiments.pool_sizes.charts import chart
from poolscope.experiments.pool_sizes.findings import findings
from poolscope.experiments.pool_sizes.samples import SERIAL, Configuration, State, fold, initial
from poolscope.experiments.pool_sizes.verdict import verdict
from poolscope.stats.breakeven import efficiency
from poolscope.stats.intervals import ratio, timing

__all__ = ["Configuration", "State", "as_json", "chart", "findings", "fold", "initial", "rows", "transcript", "verdict"]

HEADER = ("arm", "repetition", "start_s", "first_ready_s", "map_s", "stop_s", "chunksize")
IN_TRANSCRIPT = 20  # results named there; the page and the JSON hold more


def as_json(state: State) -> dict[str, Any]:
    """The contract's state of `pool-sizes`; a TIMING without samples has None in it."""
    return {
        "serial": _timing(state.serial.map),
        "sizes": [_arm(state, config) for config in state.configs],
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


def _arm(state: State, config: Configuration) -> dict[str, Any]:
    gain = ratio(state.serial.map, config.map) if state.serial.map and config.map else None
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
        "chunksize": config.chunksize,
        "results": list(config.results),
        "results_count": config.results_count,
        "transcript": transcript(config),
    }


def _timing(samples: tuple[float, ...]) -> dict[str, Any]:
    return timing(samples).as_json() if samples else {"median": None, "low": None, "high": None, "samples": []}


def transcript(config: Configuration) -> str:
    """What a script would have printed of the latest repetition; '' before the first."""
    if not config.map:
        return ""
    shown = [str(value) for value in config.results[:IN_TRANSCRIPT]]
    if config.results_count > len(shown):
        shown.append("…")
    return (
        f"Using a pool of size {config.size}:\nResults: [{', '.join(shown)}]\nTime taken: {config.map[-1]:.4f} seconds"
    )


def rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The CSV: one row a repetition and arm in the order of measurement, seconds; the loop has a map alone."""
    return HEADER, [_row(config, name, n) for name, n in state.order if (config := state.config(name)) is not None]


def _row(config: Configuration, name: str, repetition: int) -> Sequence[object]:
    at = config.repetitions.index(repetition)
    if name == SERIAL:
        return (name, repetition, None, None, config.map[at], None, None)
    # The samples of a repetition are told one by one; the last of them may not have come.
    phases = (config.start, config.first_ready, config.map, config.stop)
    return (name, repetition, *(phase[at] if at < len(phase) else None for phase in phases), config.chunksize)
