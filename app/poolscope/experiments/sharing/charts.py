"""The run's numbers as datasets for the chart, by name: operations per second, a dot a round."""

from __future__ import annotations

from typing import Any

from poolscope.experiments.sharing.state import SharingState, ToolState
from poolscope.stats.intervals import timing

Rows = list[dict[str, Any]]


def chart(state: SharingState, usable_cpus: int) -> dict[str, Rows]:
    """`reps` are all rounds, `summary` the medians with their intervals; `tool` is the name on the axis."""
    timed = [row for row in state.rows if row.rates]
    return {
        "reps": [
            {"tool": row.tool.title, "between": row.tool.between, "rep": repetition, "rate": rate}
            for row in timed
            for repetition, rate in zip(row.repetitions, row.rates, strict=True)
        ],
        "summary": [_summary(row) for row in timed],
    }


def _summary(row: ToolState) -> dict[str, Any]:
    rate = timing(row.rates)
    return {
        "tool": row.tool.title,
        "between": row.tool.between,
        "operation": row.tool.operation,
        "rate": rate.median,
        "lo": rate.low,
        "hi": rate.high,
        "end": max(row.rates),
        "right": "right" if row.correct else "wrong",
    }
