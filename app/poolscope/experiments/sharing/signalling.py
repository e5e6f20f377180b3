"""Threads that wait for each other: a Semaphore's permits, an Event's wake-ups, a Barrier's meeting."""

from __future__ import annotations

import threading
import time
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext, Outcome, totals

TURNS = 3
USES_S = 0.01
APART_S = 0.01  # between two arrivals at the barrier


def pass_often(semaphore: Any, times: int) -> None:
    for _ in range(times):
        with semaphore:
            pass


def permits_for(workers: int) -> int:
    return max(1, workers // 2)


def measure_semaphore(show: DemoContext, operations: int) -> int:
    semaphore = threading.Semaphore(permits_for(show.workers))
    return worker_group.elapsed(show.threads([(pass_often, (semaphore, part)) for part in show.parts(operations)]))


def demonstrate_semaphore(show: DemoContext) -> Outcome:
    permits = permits_for(show.workers)
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
    for number, stint in enumerate(show.threads([(use, ())] * show.workers), 1):
        actor = show.actor(f"thread {number}")
        for asked, got, released in stint.value:
            show.spans(actor, [("waiting", asked, got), ("holding", got, released)])
        rows.append(totals(actor, stint.value))
    show.track("permits in use", points)
    most = max(value for _, value in points)
    facts = [
        ("permits", str(permits)),
        ("most in use at once", str(most)),
        ("uses", f"{show.workers * TURNS} by {show.workers} threads"),
    ]
    return Outcome(f"at most {permits} at once", f"at most {most} at once", most == permits, facts, rows)


def answer(mine: threading.Event, other: threading.Event, times: int) -> None:
    for _ in range(times):
        mine.wait()
        mine.clear()
        other.set()


def measure_event(show: DemoContext, operations: int) -> int:
    """Two threads that wake each other in turn; each `set` with its wake-up is one operation."""
    here, there = threading.Event(), threading.Event()
    times = max(1, operations // 2)
    here.set()
    return worker_group.elapsed(show.threads([(answer, (here, there, times)), (answer, (there, here, times))]))


def demonstrate_event(show: DemoContext) -> Outcome:
    event, waiting = threading.Event(), threading.Semaphore(0)

    def wait() -> tuple[int, int]:
        began = perf_counter_ns()
        waiting.release()
        event.wait()
        return began, perf_counter_ns()

    def ring() -> tuple[int, int]:
        for _ in range(show.workers):
            waiting.acquire()
        time.sleep(USES_S)
        began = perf_counter_ns()
        event.set()
        return began, perf_counter_ns()

    *waiters, setter = show.threads([*[(wait, ())] * show.workers, (ring, ())])
    was_set, returned = setter.value
    delays = []
    for number, stint in enumerate(waiters, 1):
        began, woke = stint.value
        show.spans(show.actor(f"thread {number}"), [("blocked", began, woke), ("running", woke, max(woke, returned))])
        delays.append(woke - was_set)
    show.spans(show.actor("setter"), [("sleeping", setter.began, was_set), ("running", was_set, returned)])
    woken = sum(delay >= 0 for delay in delays)
    facts = [
        ("woken by one set()", f"{woken} of {show.workers} threads"),
        ("first after", f"{min(delays) / 1e3:.0f} µs"),
        ("last after", f"{max(delays) / 1e3:.0f} µs"),
        ("who comes later", "does not wait" if event.wait(0) else "waits"),
    ]
    return Outcome(show.workers, woken, woken == show.workers and event.wait(0), facts)


def wait_until_ready(barrier: threading.Barrier, times: int) -> None:
    for _ in range(times):
        barrier.wait()


def measure_barrier(show: DemoContext, operations: int) -> int:
    barrier = threading.Barrier(show.workers)
    return worker_group.elapsed(show.threads([(wait_until_ready, (barrier, operations))] * show.workers))


def demonstrate_barrier(show: DemoContext) -> Outcome:
    barrier = threading.Barrier(show.workers)

    def arrive(delay: float) -> tuple[int, int, int]:
        time.sleep(delay)
        arrived = perf_counter_ns()
        place = barrier.wait()
        return arrived, perf_counter_ns(), place

    # The last to start arrives first, so that the order seen is not the order of starting.
    stints = show.threads([(arrive, ((show.workers - number) * APART_S,)) for number in range(show.workers)])
    for number, stint in enumerate(stints, 1):
        arrived, passed, _ = stint.value
        show.spans(show.actor(f"thread {number}"), [("sleeping", stint.began, arrived), ("blocked", arrived, passed)])
    by_arrival = sorted(range(show.workers), key=lambda number: stints[number].value[0])
    last = max(stint.value[0] for stint in stints)
    early = sum(stint.value[1] < last for stint in stints)
    places = sorted(stint.value[2] for stint in stints)
    facts = [
        ("arrival order", ", ".join(f"thread {number + 1}" for number in by_arrival)),
        ("passed before the last had arrived", str(early)),
        ("longest wait", f"{max(stint.value[1] - stint.value[0] for stint in stints) / 1e6:.1f} ms"),
    ]
    met = show.workers - early
    return Outcome(show.workers, met, early == 0 and places == list(range(show.workers)), facts)
