"""A Manager's list, dict and namespace, used by several processes: right, dear, and one trap with its cure."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.payloads import ToolOutcome

ACCESSES = 50  # of each kind, for its price
EACH = 25  # changes by each process in the demonstration
GREETING = "Hello from process"


def assign(shared: Any, mine: int, times: int) -> None:
    for number in range(times):
        shared[mine] = number


def measure(demo: DemoContext, operations: int) -> int:
    with demo.start_context.Manager() as manager:
        shared, parts = manager.dict(), demo.parts(operations)
        results = demo.processes([(assign, (shared, mine, part)) for mine, part in enumerate(parts)])
        found = dict(shared)
    if found != {mine: part - 1 for mine, part in enumerate(parts) if part}:
        raise AssertionError("The manager's dict does not hold what was assigned last.")
    return worker_group.elapsed(results)


def greet(shared: Any) -> None:
    shared.append(GREETING)


def use_all(numbers: Any, places: Any, names: Any, lock: Any, mine: int) -> list[tuple[str, int, int]]:
    """Append to the list, assign in the dict, and add to the namespace under the manager's lock."""
    spans = []
    for number in range(EACH):
        began = perf_counter_ns()
        numbers.append(mine)
        places[f"{mine}-{number}"] = number
        asked = perf_counter_ns()
        with lock:
            got = perf_counter_ns()
            names.total += 1
        spans += [("running", began, asked), ("waiting", asked, got), ("holding", got, perf_counter_ns())]
    return spans


def demonstrate(demo: DemoContext) -> ToolOutcome:
    expected = demo.workers * EACH
    with demo.start_context.Manager() as manager:
        hello = manager.list()
        demo.processes([(greet, (hello,))])
        numbers, places, names, lock = manager.list(), manager.dict(), manager.Namespace(), manager.Lock()
        names.total = 0
        results = demo.processes([(use_all, (numbers, places, names, lock, mine)) for mine in range(demo.workers)])
        counts = (len(numbers), len(places), int(names.total))
        prices = [
            ("list append", price(lambda: numbers.append(1))),
            ("dict read", price(lambda: places["0-0"])),
            ("dict assignment", price(lambda: places.__setitem__("0-0", 1))),
            ("namespace read", price(lambda: names.total)),
        ]
        lost, kept, nested = nested_changes(manager)
        greetings = list(hello)
    for number, result in enumerate(results, 1):
        demo.spans(demo.actor(f"process {number}", "process", result.pid), result.value)
    facts = [
        ("a process appends", str(greetings)),
        ("list, dict, namespace", f"{counts[0]}, {counts[1]} and {counts[2]} of {expected} changes"),
        *((f"one {name}", f"{seconds * 1e6:.0f} µs") for name, seconds in prices),
        ("proxy['parts'].append(1)", "lost: the list stayed empty" if lost == [] else f"kept: {lost}"),
        ("assigned back, the cure", f"{kept}"),
        ("a manager.list() inside, the other cure", f"{nested}"),
    ]
    right = counts == (expected,) * 3 and greetings == [GREETING] and (lost, kept, nested) == ([], [1], [1])
    return ToolOutcome(expected, min(counts), right, tuple(facts))


def price(access: Callable[[], Any]) -> float:
    """Seconds of one access, the median of several."""
    times = []
    for _ in range(ACCESSES):
        began = perf_counter_ns()
        access()
        times.append(perf_counter_ns() - began)
    return median(times) / 1e9


def nested_changes(manager: Any) -> tuple[list[int], list[int], list[int]]:
    """What is left of an append inside a dict's list: as it is, assigned back, and to a list with its own proxy."""
    shared = manager.dict(parts=[], proxied=manager.list())
    shared["parts"].append(1)
    lost = list(shared["parts"])
    parts = shared["parts"]
    parts.append(1)
    shared["parts"] = parts
    shared["proxied"].append(1)
    return lost, list(shared["parts"]), list(shared["proxied"])
