"""The state of a sharing run as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from poolscope.experiments.sharing.messages import error
from poolscope.experiments.sharing.payloads import ToolOutcome
from poolscope.experiments.sharing.state import SharingState, ToolState
from poolscope.protocol import codec
from poolscope.stats.intervals import timing

HEADER = (
    "tool",
    "between",
    "right",
    "expected",
    "actual",
    "operation",
    "operations_per_s",
    "low",
    "high",
    "us_per_operation",
    "rounds",
    "copies",
    "use",
)


def as_json(state: SharingState) -> dict[str, Any]:
    """The contract's state of `sharing`. `tools` are those with an outcome; the others are named beside them."""
    return {
        "tools": [_tool(row, row.outcome) for row in state.rows if row.outcome and not row.missing],
        "missing": [{"tool": row.tool.name, "reason": row.missing} for row in state.rows if row.missing],
        "failed": [{"tool": row.tool.name, **codec.to_json(row.failed)} for row in state.rows if row.failed],
        "waiting": [row.tool.name for row in state.rows if not row.outcome and not row.failed],
        "done": state.done,
        "total": state.total,
        "seconds_left": state.seconds_left,
        "note": state.note,
        "operations": state.params.operations,
        "workers": state.params.workers,
        "repeats": state.params.repeats,
        "start_method": state.start_method,
        "seed": state.seed,
        "noise": codec.to_json(state.noise) if state.noise else None,
    }


def _tool(row: ToolState, outcome: ToolOutcome) -> dict[str, Any]:
    tool = row.tool
    return {
        "tool": tool.name,
        "title": tool.title,
        "between": tool.between,
        "expected": outcome.expected,
        "actual": outcome.actual,
        "correct": row.correct,
        "wrong_by_design": tool.wrong,
        "lost": outcome.lost,
        "operation": tool.operation,
        "operations_a_round": outcome.operations,
        "operations_per_s": _timing(row.rates),
        "seconds_per_operation": _timing(row.costs),
        "copies": tool.copies,
        "use": tool.use,
        "explanation": tool.explanation,
        "code": tool.code,
        "facts": [{"name": name, "value": value} for name, value in outcome.facts],
        "threads": [codec.to_json(thread) for thread in outcome.threads],
    }


def _timing(samples: Sequence[float]) -> dict[str, Any]:
    return timing(samples).as_json() if samples else {"median": None, "low": None, "high": None, "samples": []}


def rows(state: SharingState) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The CSV and the terminal's table: one row a tool that was shown, failed or is not here; JSON has all rounds."""
    return HEADER, [_line(row) for row in state.rows if row.outcome or row.failed]


def _line(row: ToolState) -> Sequence[object]:
    tool, outcome = row.tool, row.outcome
    rate = timing(row.rates) if row.rates else None
    numbers = (rate.median, rate.low, rate.high, 1e6 * median(row.costs)) if rate else (None,) * 4
    right = "not on this Python" if row.missing else "right" if row.correct else "wrong"
    return (
        tool.name,
        tool.between,
        error(row.failed) if row.failed else right,
        outcome.expected if outcome else None,
        outcome.actual if outcome else None,
        tool.operation,
        *numbers,
        len(row.rounds),
        tool.copies,
        tool.use,
    )
