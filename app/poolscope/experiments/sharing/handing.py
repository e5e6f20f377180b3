"""Threads that hand things over: by a Condition, by a queue.Queue."""

from __future__ import annotations

import queue
import threading
import time
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.payloads import ToolOutcome

IN_VAIN_S = 0.3  # how long the wait goes on whose notification was missed
ROOM = 8
TAKES_S = 0.001  # how long a consumer of the demonstration deals with an item
ITEMS = 120
LONG_WAIT_NS = 100_000  # from which on a put or get is said to have waited


class Slot:
    """Room for one item, under a condition."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.items: list[int] = []


def hand_out(box: Slot, count: int) -> None:
    condition, items = box.condition, box.items
    for number in range(count):
        with condition:
            condition.wait_for(lambda: not items)
            items.append(number)
            condition.notify()


def take(box: Slot, count: int) -> list[int]:
    condition, items, taken = box.condition, box.items, []
    for _ in range(count):
        with condition:
            condition.wait_for(lambda: items)
            taken.append(items.pop())
            condition.notify()
    return taken


def measure_condition(demo: DemoContext, operations: int) -> int:
    box = Slot()
    results = demo.threads([(hand_out, (box, operations)), (take, (box, operations))])
    if results[1].value != list(range(operations)):
        raise AssertionError("Items were handed over in another order than that in which they were put.")
    return worker_group.elapsed(results)


def stamped_hand_over(box: Slot, count: int, takes: bool) -> tuple[list[int], list[tuple[str, int, int]]]:
    """One side of a hand-over with its spans: blocked in the waiting room, then holding the condition's lock."""
    condition, items, seen, spans = box.condition, box.items, [], []
    for number in range(count):
        asked = perf_counter_ns()
        with condition:
            condition.wait_for((lambda: items) if takes else (lambda: not items))
            got = perf_counter_ns()
            if takes:
                seen.append(items.pop())
            else:
                items.append(number)
            condition.notify()
        spans += [("blocked", asked, got), ("holding", got, perf_counter_ns())]
    return seen, spans


def demonstrate_condition(demo: DemoContext) -> ToolOutcome:
    count, box = demo.demonstrated, Slot()
    results = demo.threads([(stamped_hand_over, (box, count, False)), (stamped_hand_over, (box, count, True))])
    for name, result in zip(("producer", "consumer"), results, strict=True):
        demo.spans(demo.actor(name), result.value[1])
    taken = results[1].value[0]
    in_order = taken == list(range(count))
    missed, cured = lost_wake_up(), wake_up_found()
    facts = [
        ("hand-overs", f"{len(taken):,}, {'in order' if in_order else 'out of order'}"),
        (
            "wait() without a predicate",
            f"lost its wake-up: slept {IN_VAIN_S:g} s in vain, the item was there all the time"
            if missed
            else "woke up",
        ),
        (
            "wait_for(predicate), the cure",
            f"found the item after {cured * 1e6:.0f} µs" if cured is not None else "slept on",
        ),
    ]
    right = in_order and missed and cured is not None
    return ToolOutcome(count, len(taken), right, tuple(facts))


def lost_wake_up() -> bool:
    """Notify first, wait afterwards, without looking: whether the wait was in vain."""
    box = notified()

    def consumer() -> bool:
        with box.condition:
            return not box.condition.wait(IN_VAIN_S)

    return bool(worker_group.threads([(consumer, ())])[0].value)


def wake_up_found() -> float | None:
    """The same with a predicate: the seconds until it went on, None if it did not."""
    box = notified()

    def consumer() -> float | None:
        began = perf_counter_ns()
        with box.condition:
            found = box.condition.wait_for(lambda: box.items, IN_VAIN_S)
        return (perf_counter_ns() - began) / 1e9 if found else None

    value: float | None = worker_group.threads([(consumer, ())])[0].value
    return value


def notified() -> Slot:
    """A box whose producer has put its item and notified before anybody waited."""
    box = Slot()

    def producer() -> None:
        with box.condition:
            box.items.append(1)
            box.condition.notify()

    worker_group.threads([(producer, ())])
    return box


def put_all(q: queue.Queue[int], count: int) -> None:
    for number in range(count):
        q.put(number)


def get_all(q: queue.Queue[int], count: int) -> list[int]:
    return [q.get() for _ in range(count)]


def measure_queue(demo: DemoContext, operations: int) -> int:
    q: queue.Queue[int] = queue.Queue()
    results = demo.threads([(put_all, (q, operations)), (get_all, (q, operations))])
    if results[1].value != list(range(operations)):
        raise AssertionError("Items left the queue in another order than that in which they were put.")
    return worker_group.elapsed(results)


def five_items() -> list[str]:
    """The smallest program with a queue: five items in, five out, all dealt with."""
    q: queue.Queue[int] = queue.Queue()
    lines = []
    for number in range(5):
        q.put(number)
        lines.append(f"Produced: {number}")
    while not q.empty():
        lines.append(f"Consumed: {q.get()}")
        q.task_done()
    q.join()
    return lines


def produce(q: Any, numbers: range, depth: list[tuple[int, int]]) -> list[tuple[str, int, int]]:
    spans = []
    for number in numbers:
        asked = perf_counter_ns()
        q.put(number)
        got = perf_counter_ns()
        depth.append((got, q.qsize()))
        spans.append(("blocked" if got - asked > LONG_WAIT_NS else "running", asked, got))
    return spans


def consume(q: Any, depth: list[tuple[int, int]], seen: list[int]) -> list[tuple[str, int, int]]:
    """Take and deal with items until a None says that there are no more."""
    spans = []
    while True:
        asked = perf_counter_ns()
        item = q.get()
        got = perf_counter_ns()
        depth.append((got, q.qsize()))
        if item is not None:
            seen.append(item)
            time.sleep(TAKES_S)
        q.task_done()
        spans += [("blocked", asked, got), ("running", got, perf_counter_ns())]
        if item is None:
            return spans


def demonstrate_queue(demo: DemoContext) -> ToolOutcome:
    """Two kinds of threads on a bounded queue whose producers are faster than its consumers."""
    producers, consumers = max(1, demo.workers // 2), max(1, demo.workers - demo.workers // 2)
    lines = five_items()
    q: queue.Queue[int | None] = queue.Queue(maxsize=ROOM)
    depth: list[tuple[int, int]] = [(perf_counter_ns(), 0)]
    seen: list[int] = []
    parts = [range(number, ITEMS, producers) for number in range(producers)]
    joined: list[int] = []
    all_put = threading.Semaphore(0)

    def put_part(part: range) -> list[tuple[str, int, int]]:
        spans = produce(q, part, depth)
        all_put.release()
        return spans

    def end_when_done() -> list[tuple[str, int, int]]:
        """Wait until every item is dealt with, then tell the consumers to end."""
        for _ in parts:
            all_put.acquire()
        began = perf_counter_ns()
        q.join()
        joined.append(q.unfinished_tasks)
        for _ in range(consumers):
            q.put(None)
        return [("blocked", began, perf_counter_ns())]

    jobs: list[worker_group.Job] = [(put_part, (part,)) for part in parts]
    jobs += [(consume, (q, depth, seen)) for _ in range(consumers)]
    results = demo.threads([*jobs, (end_when_done, ())])
    names = [f"producer {n + 1}" for n in range(producers)] + [f"consumer {n + 1}" for n in range(consumers)]
    full = 0
    for name, result in zip([*names, "join()"], results, strict=True):
        demo.spans(demo.actor(name), result.value)
        full += sum(state == "blocked" for state, _, _ in result.value) if name.startswith("producer") else 0
    demo.step_line("items in the queue", depth)
    facts = [
        ("five items", ", ".join(lines)),
        ("producers that found it full", f"{full} of {ITEMS} puts waited for room"),
        ("deepest", f"{max(value for _, value in depth)} of {ROOM}"),
        ("after join()", f"{joined[0]} items unfinished"),
    ]
    right = sorted(seen) == list(range(ITEMS)) and max(value for _, value in depth) <= ROOM
    return ToolOutcome(ITEMS, len(seen), right, tuple(facts))
