"""Processes that send each other messages: by a multiprocessing.Queue, by a Pipe."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext, Outcome

GREETING = "Hello from worker!"
Spans = list[tuple[str, int, int]]


def put_all(q: Any, count: int) -> None:
    for number in range(count):
        q.put(number)


def get_all(q: Any, count: int) -> list[int]:
    return [q.get() for _ in range(count)]


def measure_queue(show: DemoContext, operations: int) -> int:
    q = show.context.Queue()
    try:
        stints = show.processes([(put_all, (q, operations)), (get_all, (q, operations))])
    finally:
        q.close()
    if stints[1].value != list(range(operations)):
        raise AssertionError("Items left the queue in another order than that in which they were put.")
    return worker_group.elapsed(stints)


def put_stamped(q: Any, items: list[Any]) -> Spans:
    spans = []
    for item in items:
        began = perf_counter_ns()
        q.put(item)
        spans.append(("running", began, perf_counter_ns()))
    q.put(None)
    return spans


def get_stamped(q: Any) -> tuple[list[Any], Spans]:
    """Take items until the sentinel comes; `blocked` while waiting for one."""
    items: list[Any] = []
    spans: Spans = []
    while True:
        asked = perf_counter_ns()
        item = q.get()
        spans.append(("blocked", asked, perf_counter_ns()))
        if item is None:
            return items, spans
        items.append(item)


def demonstrate_queue(show: DemoContext) -> Outcome:
    five, _ = through_a_queue(show, list(range(5)))
    items = [{"number": number, "text": "x" * 64} for number in range(show.demonstrated)]
    got, stints = through_a_queue(show, items)
    for name, stint, spans in zip(("producer", "consumer"), stints, (stints[0].value, stints[1].value[1]), strict=True):
        show.spans(show.actor(name, "process", stint.pid), spans)
    in_order = got == items
    size = len(ForkingPickler.dumps(items[-1]))
    facts = [
        ("five items", ", ".join(map(str, five))),
        ("order", "as they were put" if in_order else "another than that in which they were put"),
        ("time per item", f"{worker_group.elapsed(stints) / len(items) / 1e3:.1f} µs"),
        ("bytes per item", f"{size}, pickled"),
    ]
    return Outcome(len(items), len(got), in_order and five == list(range(5)), facts)


def through_a_queue(show: DemoContext, items: list[Any]) -> tuple[list[Any], list[worker_group.WorkerResult]]:
    q = show.context.Queue()
    try:
        stints = show.processes([(put_stamped, (q, items)), (get_stamped, (q,))])
    finally:
        q.close()
    return stints[1].value[0], stints


def ask(end: Any, times: int) -> int:
    answers = 0
    for number in range(times):
        end.send(number)
        answers += end.recv() == number + 1
    return answers


def reply(end: Any, times: int) -> None:
    for _ in range(times):
        end.send(end.recv() + 1)


def measure_pipe(show: DemoContext, operations: int) -> int:
    here, there = show.context.Pipe()
    with here, there:
        stints = show.processes([(ask, (here, operations)), (reply, (there, operations))])
    if stints[0].value != operations:
        raise AssertionError(f"Of {operations} answers {stints[0].value} were right.")
    return worker_group.elapsed(stints)


def greet(end: Any) -> None:
    end.send(GREETING)
    end.close()


def ask_stamped(end: Any, times: int) -> tuple[int, Spans]:
    answers, spans = 0, []
    for number in range(times):
        began = perf_counter_ns()
        end.send(number)
        sent = perf_counter_ns()
        answers += end.recv() == number + 1
        spans += [("running", began, sent), ("blocked", sent, perf_counter_ns())]
    return answers, spans


def reply_stamped(end: Any, times: int) -> tuple[int, Spans]:
    spans = []
    for _ in range(times):
        asked = perf_counter_ns()
        number = end.recv()
        got = perf_counter_ns()
        end.send(number + 1)
        spans += [("blocked", asked, got), ("running", got, perf_counter_ns())]
    return times, spans


def demonstrate_pipe(show: DemoContext) -> Outcome:
    times = show.demonstrated
    here, there = show.context.Pipe()
    with here, there:
        show.processes([(greet, (there,))])
        greeting = here.recv() if here.poll(1) else ""
    here, there = show.context.Pipe()
    with here, there:
        stints = show.processes([(ask_stamped, (here, times)), (reply_stamped, (there, times))])
    for name, stint in zip(("asks", "answers"), stints, strict=True):
        show.spans(show.actor(name, "process", stint.pid), stint.value[1])
    facts = [
        ("a worker says", f"'{greeting}'"),
        (
            "round trips",
            f"{stints[0].value[0]:,}, {times / worker_group.elapsed(stints) * 1e9:,.0f} a second with stamps",
        ),
        ("one message", f"{len(ForkingPickler.dumps(times))} bytes, pickled"),
    ]
    return Outcome(times, stints[0].value[0], stints[0].value[0] == times and greeting == GREETING, facts)
