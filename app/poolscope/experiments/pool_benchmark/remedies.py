"""Remedies as parameters to run again with, by the names that the run's own experiment has for them.

`change` says in words what a remedy changes, for a button, and about how long the run with it will take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from poolscope.experiments.experiment import Change
from poolscope.experiments.pool_benchmark.messages import change_words
from poolscope.experiments.pool_benchmark.params import (
    LONGEST_ROUNDS_S,
    MOST_REPEATS,
    MOST_REPEATS_OF_SIZES,
    PoolSizesParams,
    most_items,
)
from poolscope.experiments.pool_benchmark.plan import FEWEST_TO_SETTLE, GRACE, UNCOUNTED
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import IN_PROCESSES, STARTED_BY_METHOD

LONGEST_MS = 60_000
LEAST_MS = 20.0  # of work that takes the place of one whose length can't be chosen
GOES_BEYOND = 2  # a remedy goes so far beyond the break-even
# Every combination of their values is a configuration.
LISTS = ("sizes", "chunksizes", "kinds", "start_methods", "native_threads", "max_tasks", "pythons")
OF_SOME_KINDS = {"chunksizes": IN_PROCESSES, "start_methods": STARTED_BY_METHOD, "max_tasks": STARTED_BY_METHOD}


def sizes(fitting: Sequence[int]) -> dict[str, Any]:
    return {"sizes": sorted(set(fitting))}


def kinds(state: State, *names: str) -> dict[str, Any]:
    """Other kinds of pools; nothing where the experiment is about one kind."""
    return {"kinds": list(names)} if compares_kinds(state) else {}


def start_methods(state: State, *names: str) -> dict[str, Any]:
    """Other ways to start workers."""
    return {"start_methods": list(names)} if compares_kinds(state) else {"start_method": names[0]}


def chunks(state: State, *chunksizes: int) -> dict[str, Any]:
    """Chunk sizes to compare; an experiment that uses one for all gets the one that differs from what was used."""
    if compares_kinds(state):
        return {"chunksizes": sorted(set(chunksizes))}
    used = {config.chunk_used for config in state.pools}
    return {"chunksize": next((chunk for chunk in chunksizes if chunk not in used), chunksizes[0])}


def longer_work(state: State, break_even_s: float | None) -> dict[str, Any]:
    """The same run with items long enough: the work's own length where it has one, else work that has."""
    if break_even_s is None or not state.params.built_in:
        return {}
    work_ms = float(f"{max(1.0, break_even_s * 1e3 * GOES_BEYOND):.1g}")
    if work_ms > LONGEST_MS:
        return {}
    if state.params.length_ms is not None:
        return {"work_ms": work_ms}
    return {"workload": "sum-of-squares", "work_ms": max(work_ms, LEAST_MS)}


def more_items(state: State, wanted: int) -> dict[str, Any]:
    """So many items of the same work; nothing where there are as many, or it can't have so many."""
    workload = state.params.workload
    # Later factorials take longer, so more of them are other work.
    if not state.params.built_in or workload == "factorial" or state.items is None:
        return {}
    if not state.items < wanted <= most_items(workload):
        return {}
    if isinstance(state.params, PoolSizesParams):
        return {"last": state.params.first + wanted - 1}
    return {"items": wanted}


def more_repetitions(state: State) -> dict[str, Any]:
    """Twice as many or twice the time; nothing where the run had the most that there may be."""
    more = _twice(state)
    return {} if changes_nothing(state, more) else more


def _twice(state: State) -> dict[str, Any]:
    if state.params.repeats is None:
        # A run may have taken a little longer than its time, and where it had fewer rounds than an answer needs, those
        # take as long again.
        seconds = 2 * max(state.params.seconds, float(round(state.spent_s)))
        if state.rounds < FEWEST_TO_SETTLE:
            seconds = max(seconds, float(round(state.spent_s + FEWEST_TO_SETTLE * state.round_s)))
        return {"seconds": min(float(LONGEST_ROUNDS_S), seconds)}
    most = MOST_REPEATS if compares_kinds(state) else MOST_REPEATS_OF_SIZES
    return {"repeats": min(most, max(10, 2 * state.params.repeats))}


def changes_nothing(state: State, remedy: Mapping[str, Any]) -> bool:
    """Whether it would be this very run once more."""
    return all(value == getattr(state.params, name, None) for name, value in remedy.items())


def only_leaves_out(state: State, remedy: Mapping[str, Any]) -> bool:
    """Whether all that it would compare was compared in this run: then the answer knows of it."""
    lists = [(values, getattr(state.params, name, None)) for name, values in remedy.items() if name in LISTS]
    return 0 < len(lists) == len(remedy) and all(set(values) <= set(asked or ()) for values, asked in lists)


def compares_kinds(state: State) -> bool:
    """Whether the run's experiment is about kinds of pools, or about the sizes of one."""
    return not isinstance(state.params, PoolSizesParams)


def change(state: State, remedy: Mapping[str, Any]) -> Change:
    """The run again with the remedy's parameters, by what this run has taken."""
    return Change(change_words(remedy), _seconds(state, remedy), timed="seconds" in remedy)


def _seconds(state: State, remedy: Mapping[str, Any]) -> float | None:
    loop, pools = state.serial, [config for config in state.pools if config.total]
    if loop is None or not loop.map or not pools:
        return None
    loop_s, times = median(loop.map), [median(config.total) for config in pools]
    then_s = loop_s + sum(
        seconds * _times_as_many(state, remedy, config) for seconds, config in zip(times, pools, strict=True)
    )
    took_s, beside_s = _took(state)
    # What a round takes beside what is timed, and where medians are less than means.
    longer = took_s / (loop_s + sum(times)) if took_s else 1.0
    round_s = then_s * longer * _times_as_long(state, remedy)
    repeats = remedy.get("repeats", state.params.repeats)
    if repeats is not None:
        return float(beside_s + (repeats + UNCOUNTED) * round_s)
    # The time is for all that a run does; for the fewest rounds that say anything it takes a little more.
    asked_s = remedy.get("seconds", state.params.seconds)
    return float(min((1 + GRACE) * asked_s, max(asked_s, (FEWEST_TO_SETTLE + UNCOUNTED) * round_s)))


def _took(state: State) -> tuple[float, float]:
    """Seconds that a counted round took, and all else: the trial, and what traces and a warm-up take beyond a round.

    0 of what is not known, and where the number of rounds was open: not all configurations were in each of them.
    """
    repeats = state.params.repeats
    if repeats is None or not (state.ended > state.counted > state.warmed_up > state.opened):
        return 0.0, 0.0
    rounds = max((number for _, number in state.order), default=0)
    round_s = (state.counted - state.warmed_up) / 1e9 / max(1, rounds)
    return round_s, max(0.0, (state.ended - state.opened) / 1e9 - (rounds + UNCOUNTED) * round_s)


def _times_as_many(state: State, remedy: Mapping[str, Any], config: Configuration) -> float:
    """How many configurations there will be for this one; an empty list stands for all that there are."""
    many = 1.0
    for name in LISTS:
        if name in remedy and config.kind in OF_SOME_KINDS.get(name, (config.kind,)):
            asked = {pool.kind for pool in state.pools} if name == "kinds" else getattr(state.params, name, None)
            many *= len(remedy[name]) / max(1, len(asked or ()))
    return many


def _times_as_long(state: State, remedy: Mapping[str, Any]) -> float:
    """How much longer the plain loop will take, by the length of an item and their number."""
    before, after = state.params.length_ms, remedy.get("work_ms")
    longer = after / before if before and after else 1.0
    items = remedy.get("items")
    if "last" in remedy and isinstance(state.params, PoolSizesParams):
        items = remedy["last"] - state.params.first + 1
    return float(longer * (items / state.items if items and state.items else 1.0))
