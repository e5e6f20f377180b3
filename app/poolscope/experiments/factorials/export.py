"""The state of a factorials run as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poolscope.experiments.factorials import messages
from poolscope.experiments.factorials.state import FactorialsState, Number


def as_json(state: FactorialsState) -> dict[str, Any]:
    """The contract's `state` of a factorials run; `others` are the numbers that did not come back, or not yet."""
    return {
        "results": [
            {
                "n": number.n,
                "value": number.value,
                "digits": number.digits,
                "worker": number.worker,
                "seconds": number.seconds,
                "order": order,
                "error": error(state, number),
                "status": number.status,
                "queue_wait": number.queue_wait,
                "at": state.at(number),
                "cpu_s": number.cpu_s,
                "collected": number.collected,
            }
            for order, number in enumerate(state.completed, 1)
        ],
        "others": [
            {"n": number.n, "status": number.status, "worker": number.worker or None} for number in state.others
        ],
        "done": state.done,
        "total": state.total,
    }


def rows(state: FactorialsState) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The result as a table: a row a number in order of completion, then those without a result."""
    table: list[Sequence[object]] = [(order, *_row(state, number)) for order, number in enumerate(state.completed, 1)]
    table += [("", *_row(state, number)) for number in state.others]
    header = ("order", "n", "value", "digits", "worker", "seconds", "queue_wait", "at", "cpu_s", "status", "error")
    return header, table


def _row(state: FactorialsState, number: Number) -> Sequence[object]:
    cells = (
        number.n,
        number.value,
        number.digits,
        number.worker,
        number.seconds,
        number.queue_wait,
        state.at(number),
        number.cpu_s,
        number.status,
        error(state, number),
    )
    return tuple("" if cell is None else cell for cell in cells)


def error(state: FactorialsState, number: Number) -> str | None:
    """Why a number has no value, in a sentence."""
    return messages.failure(number.n, number.failure, state.params.time_limit) if number.failure else None
