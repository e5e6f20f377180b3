"""What a sharing run means: its state as JSON and rows; verdict, findings and charts by import."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from poolscope.experiments.sharing.charts import chart
from poolscope.experiments.sharing.findings import findings
from poolscope.experiments.sharing.samples import Row, State, fold, initial
from poolscope.experiments.sharing.verdict import verdict
from poolscope.stats.intervals import timing

__all__ = ["Row", "State", "as_json", "chart", "findings", "fold", "initial", "rows", "verdict"]

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


def as_json(state: State) -> dict[str, Any]:
    """The contract's state of `sharing`. `tools` are those with an outcome; the others are named beside them."""
    return {
        "tools": [_tool(row) for row in state.rows if row.correct is not None],
        "missing": [{"tool": row.tool.name, "reason": row.missing} for row in state.rows if row.missing],
        "failed": [{"tool": row.tool.name, **row.raised} for row in state.rows if row.raised],
        "waiting": [row.tool.name for row in state.rows if not row.outcome and not row.raised],
        "done": state.done,
        "total": state.total,
        "seconds_left": state.seconds_left,
        "note": state.note,
        "operations": state.params.operations,
        "workers": state.params.workers,
        "repeats": state.params.repeats,
        "start_method": state.start_method,
        "seed": state.seed,
        "noise": dict(state.noise) or None,
    }


def _tool(row: Row) -> dict[str, Any]:
    tool, outcome = row.tool, row.outcome
    return {
        "tool": tool.name,
        "title": tool.title,
        "between": tool.between,
        "expected": outcome["expected"],
        "actual": outcome["actual"],
        "correct": row.correct,
        "wrong_by_design": tool.wrong,
        "lost": outcome["lost"],
        "operation": tool.operation,
        "operations_a_round": outcome["round"],
        "operations_per_s": _timing(row.rates),
        "seconds_per_operation": _timing(row.costs),
        "copies": tool.copies,
        "use": tool.use,
        "explanation": tool.explanation,
        "code": tool.code,
        "facts": [{"name": name, "value": value} for name, value in outcome["facts"]],
        "threads": [
            {"name": name, "waits": waits, "wait_s": waited, "holds": holds, "hold_s": held}
            for name, waits, waited, holds, held in outcome["threads"]
        ],
    }


def _timing(samples: Sequence[float]) -> dict[str, Any]:
    return timing(samples).as_json() if samples else {"median": None, "low": None, "high": None, "samples": []}


def rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The CSV and the terminal's table: one row a tool that was shown, failed or is not here; JSON has all rounds."""
    return HEADER, [_line(row) for row in state.rows if row.outcome or row.raised]


def _line(row: Row) -> Sequence[object]:
    tool, outcome = row.tool, row.outcome
    rate = timing(row.rates) if row.rates else None
    numbers = (rate.median, rate.low, rate.high, 1e6 * median(row.costs)) if rate else (None,) * 4
    right = row.error or ("not on this Python" if row.missing else "right" if row.correct else "wrong")
    return (
        tool.name,
        tool.between,
        right,
        outcome.get("expected"),
        outcome.get("actual"),
        tool.operation,
        *numbers,
        len(row.rounds),
        tool.copies,
        tool.use,
    )
