"""Processes that change one shared integer and one shared array, with and without `get_lock()`."""

from __future__ import annotations

import time
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext, totals
from poolscope.experiments.sharing.payloads import ToolOutcome

PLACES = 4
Steps = list[tuple[int, int, int]]


def add_locked(total: Any, times: int) -> None:
    for _ in range(times):
        with total.get_lock():
            total.value += 1


def add(total: Any, times: int) -> None:
    for _ in range(times):
        total.value += 1


def measure_locked(demo: DemoContext, operations: int) -> int:
    total = demo.start_context.Value("q", 0)
    results = demo.processes([(add_locked, (total, part)) for part in demo.parts(operations)])
    if total.value != operations:
        raise AssertionError(f"The shared integer is {total.value} after {operations} additions under its lock.")
    return worker_group.elapsed(results)


def measure_unguarded(demo: DemoContext, operations: int) -> int:
    total = demo.start_context.Value("q", 0)
    return worker_group.elapsed(demo.processes([(add, (total, part)) for part in demo.parts(operations)]))


def change_locked(total: Any, places: Any, times: int) -> Steps:
    """Add to the integer and to the places of the array, under their locks: (asked, got, released) each."""
    steps = []
    for number in range(times):
        asked = perf_counter_ns()
        with total.get_lock():
            got = perf_counter_ns()
            value = total.value
            time.sleep(0)
            total.value = value + 1
        steps.append((asked, got, perf_counter_ns()))
        with places.get_lock():
            places[number % PLACES] += 1
    return steps


def change(total: Any, places: Any, times: int) -> Steps:
    """The same without the locks."""
    steps = []
    for number in range(times):
        began = perf_counter_ns()
        value = total.value
        time.sleep(0)
        total.value = value + 1
        value = places[number % PLACES]
        time.sleep(0)
        places[number % PLACES] = value + 1
        steps.append((began, began, perf_counter_ns()))
    return steps


def double(number: Any, array: Any) -> None:
    number.value += 1
    for place in range(len(array)):
        array[place] *= 2


def demonstrate_locked(demo: DemoContext) -> ToolOutcome:
    context = demo.start_context
    number, array = context.Value("i", 1), context.Array("i", [1, 2, 3, 4])
    demo.processes([(double, (number, array))])
    outcome = demonstrate(demo, change_locked)
    doubled = f"1 became {number.value}, [1, 2, 3, 4] became {array[:]}"
    right = outcome.correct and number.value == 2 and array[:] == [2, 4, 6, 8]
    facts = [("one process adds 1 and doubles the array", doubled), *outcome.facts]
    return ToolOutcome(outcome.expected, outcome.actual, right, tuple(facts), outcome.threads, outcome.lost)


def demonstrate_unguarded(demo: DemoContext) -> ToolOutcome:
    return demonstrate(demo, change)


def demonstrate(demo: DemoContext, job: Any) -> ToolOutcome:
    context, expected = demo.start_context, demo.demonstrated
    total, places = context.Value("q", 0), context.Array("q", PLACES)
    parts = demo.parts(expected)
    results = demo.processes([(job, (total, places, part)) for part in parts])
    rows = []
    for number, result in enumerate(results, 1):
        actor = demo.actor(f"process {number}", "process", result.pid)
        if job is change:
            demo.spans(actor, (("running", began, ended) for began, _, ended in result.value))
        else:
            for asked, got, released in result.value:
                demo.spans(actor, [("waiting", asked, got), ("holding", got, released)])
            rows.append(totals(actor, result.value))
    wanted = [sum(len(range(place, part, PLACES)) for part in parts) for place in range(PLACES)]
    lost, in_array = expected - total.value, expected - sum(places[:])
    facts = [
        ("array expected", str(wanted)),
        ("array found", str(places[:])),
        ("lost updates", f"{lost:,} of the integer, {in_array:,} of the array"),
    ]
    return ToolOutcome(expected, total.value, lost == 0 and places[:] == wanted, tuple(facts), tuple(rows), lost)
