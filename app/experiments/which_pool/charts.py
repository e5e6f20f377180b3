"""The run's numbers as datasets for the charts, by name."""

from __future__ import annotations

from typing import Any

from app.experiments.which_pool.samples import State

Rows = list[dict[str, Any]]


def chart(state: State, usable_cpus: int) -> dict[str, Rows]:
    """`speed`, `ideal`, `fit`, `heat`, `why` and `memory`."""
    return {"speed": [], "ideal": [], "fit": [], "heat": [], "why": [], "memory": []}
