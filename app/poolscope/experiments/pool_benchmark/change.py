"""What a remedy changes, in words for a button, and about how long the run with it will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from statistics import fmean, median
from typing import Any

from poolscope.experiments.findings import Change
from poolscope.experiments.pool_benchmark.messages import change_words
from poolscope.experiments.pool_benchmark.params import PoolSizesParams
from poolscope.experiments.pool_benchmark.plan import UNCOUNTED
from poolscope.experiments.pool_benchmark.rounds import FEWEST_TO_SETTLE
from poolscope.experiments.pool_benchmark.state import State

# Every combination of their values is a configuration.
LISTS = ("sizes", "chunksizes", "kinds", "start_methods", "native_threads", "max_tasks", "pythons")


def change(state: State, remedy: Mapping[str, Any]) -> Change:
    """The run again with the remedy's parameters, by what this run has taken."""
    return Change(change_words(remedy), _seconds(state, remedy))


def _seconds(state: State, remedy: Mapping[str, Any]) -> float | None:
    loop, pools = state.serial, [median(config.total) for config in state.pools if config.total]
    if loop is None or not loop.map or not pools:
        return None
    configs = len(pools) * prod(_times_as_many(state, name, remedy[name]) for name in LISTS if name in remedy)
    round_s = (median(loop.map) + configs * fmean(pools)) * _times_as_long(state, remedy)
    repeats = remedy.get("repeats", state.params.repeats)
    if repeats is not None:
        return float((repeats + UNCOUNTED) * round_s)
    # The time is for counted rounds, and a few are made however long they take.
    counted_s = max(remedy.get("seconds", state.params.seconds), FEWEST_TO_SETTLE * round_s)
    return float(counted_s + UNCOUNTED * round_s)


def _times_as_many(state: State, name: str, values: Sequence[Any]) -> float:
    """How many values of a parameter there will be for one of now; an empty list stands for all that there are."""
    measured = {config.kind for config in state.pools} if name == "kinds" else getattr(state.params, name, None)
    return len(values) / max(1, len(measured or ()))


def _times_as_long(state: State, remedy: Mapping[str, Any]) -> float:
    """How much longer the plain loop will take, by the length of an item and their number."""
    before, after = state.params.length_ms, remedy.get("work_ms")
    longer = after / before if before and after else 1.0
    items = remedy.get("items")
    if "last" in remedy and isinstance(state.params, PoolSizesParams):
        items = remedy["last"] - state.params.first + 1
    return float(longer * (items / state.items if items and state.items else 1.0))
