"""Threads that wait for each other: a Semaphore's permits, an Event's wake-ups, a Barrier's meeting."""

from __future__ import annotations

import threading
import time
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext, totals
from poolscope.experiments.sharing.payloads import ToolOutcome

TURNS = 3
USES_S = 0.01
APART_S = 0.01  # between two arrivals at the barrier


def pass_often(semaphore: Any, times: int) -> None:
    for _ in range(times):
        with semaphore:
            pass


def permits_for(workers: int) -> int:
    return max(1, workers // 2)


def measure_semaphore(demo: DemoContext, operations: int) -> int:
    semaphore = threading.Semaphore(permits_for(demo.workers))
    return worker_group.elapsed(demo.threads([(pass_often, (semaphore, part)) for part in demo.parts(operations)]))


def demonstrate_semaphore(demo: DemoContext) -> ToolOutcome:
    permits = permits_for(demo.workers)
    semaphore, counting = threading.Semaphore(permits), threading.Lock()
    in_use, points = [0], [(perf_counter_ns(), 0)]

    def change(by: int) -> None:
        with counting:
            in_use[0] += by
            points.append((perf_counter_ns(), in_use[0]))

    def use() -> list[tuple[int, int, int]]:
        steps = []
        for _ in range(TURNS):
            asked = perf_counter_ns()
            with semaphore:
                change(+1)
                got = perf_counter_ns()
                time.sleep(USES_S)
                change(-1)
            steps.append((asked, got, perf_counter_ns()))
        return steps

    rows = []
    for number, result in enumerate(demo.threads([(use, ())] * demo.workers), 1):
        actor = demo.actor(f"thread {number}")
        for asked, got, released in result.value:
            demo.spans(actor, [("waiting", asked, got), ("holding", got, released)])
        rows.append(totals(actor, result.value))
    demo.step_line("permits in use", points)
    most = max(value for _, value in points)
    facts = [
        ("permits", str(permits)),
        ("most in use at once", str(most)),
        ("uses", f"{demo.workers * TURNS} by {demo.workers} threads"),
    ]
    return ToolOutcome(
        f"at most {permits} at once", f"at most {most} at once", most == permits, tuple(facts), tuple(rows)
    )


def answer(mine: threading.Event, other: threading.Event, times: int) -> None:
    for _ in range(times):
        mine.wait()
        mine.clear()
        other.set()


def measure_event(demo: DemoContext, operations: int) -> int:
    """Two threads that wake each other in turn; each `set` with its wake-up is one operation."""
    here, there = threading.Event(), threading.Event()
    times = max(1, operations // 2)
    here.set()
    return worker_group.elapsed(demo.threads([(answer, (here, there, times)), (answer, (there, here, times))]))


def demonstrate_event(demo: DemoContext) -> ToolOutcome:
    event, waiting = threading.Event(), threading.Semaphore(0)

    def wait() -> tuple[int, int]:
        began = perf_counter_ns()
        waiting.release()
        event.wait()
        return began, perf_counter_ns()

    def ring() -> tuple[int, int]:
        for _ in range(demo.workers):
            waiting.acquire()
        time.sleep(USES_S)
        began = perf_counter_ns()
        event.set()
        return began, perf_counter_ns()

    *waiters, setter = demo.threads([*[(wait, ())] * demo.workers, (ring, ())])
    was_set, returned = setter.value
    delays = []
    for number, result in enumerate(waiters, 1):
        began, woke = result.value
        demo.spans(demo.actor(f"thread {number}"), [("blocked", began, woke), ("running", woke, max(woke, returned))])
        delays.append(woke - was_set)
    demo.spans(demo.actor("setter"), [("sleeping", setter.began, was_set), ("running", was_set, returned)])
    woken = sum(delay >= 0 for delay in delays)
    facts = [
        ("woken by one set()", f"{woken} of {demo.workers} threads"),
        ("first after", f"{min(delays) / 1e3:.0f} µs"),
        ("last after", f"{max(delays) / 1e3:.0f} µs"),
        ("who comes later", "does not wait" if event.wait(0) else "waits"),
    ]
    return ToolOutcome(demo.workers, woken, woken == demo.workers and event.wait(0), tuple(facts))


def wait_until_ready(barrier: threading.Barrier, times: int) -> None:
    for _ in range(times):
        barrier.wait()


def measure_barrier(demo: DemoContext, operations: int) -> int:
    barrier = threading.Barrier(demo.workers)
    return worker_group.elapsed(demo.threads([(wait_until_ready, (barrier, operations))] * demo.workers))


def demonstrate_barrier(demo: DemoContext) -> ToolOutcome:
    barrier = threading.Barrier(demo.workers)

    def arrive(delay: float) -> tuple[int, int, int]:
        time.sleep(delay)
        arrived = perf_counter_ns()
        place = barrier.wait()
        return arrived, perf_counter_ns(), place

    # The last to start arrives first, so that the order seen is not the order of starting.
    results = demo.threads([(arrive, ((demo.workers - number) * APART_S,)) for number in range(demo.workers)])
    for number, result in enumerate(results, 1):
        arrived, passed, _ = result.value
        demo.spans(demo.actor(f"thread {number}"), [("sleeping", result.began, arrived), ("blocked", arrived, passed)])
    by_arrival = sorted(range(demo.workers), key=lambda number: results[number].value[0])
    last = max(result.value[0] for result in results)
    early = sum(result.value[1] < last for result in results)
    places = sorted(result.value[2] for result in results)
    facts = [
        ("arrival order", ", ".join(f"thread {number + 1}" for number in by_arrival)),
        ("passed before the last had arrived", str(early)),
        ("longest wait", f"{max(result.value[1] - result.value[0] for result in results) / 1e6:.1f} ms"),
    ]
    met = demo.workers - early
    return ToolOutcome(demo.workers, met, early == 0 and places == list(range(demo.workers)), tuple(facts))
