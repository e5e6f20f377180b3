"""Processes that send each other messages: by a multiprocessing.Queue, by a Pipe."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.payloads import ToolOutcome

GREETING = "Hello from worker!"
Spans = list[tuple[str, int, int]]


def put_all(q: Any, count: int) -> None:
    for number in range(count):
        q.put(number)


def get_all(q: Any, count: int) -> list[int]:
    return [q.get() for _ in range(count)]


def measure_queue(demo: DemoContext, operations: int) -> int:
    q = demo.start_context.Queue()
    try:
        results = demo.processes([(put_all, (q, operations)), (get_all, (q, operations))])
    finally:
        q.close()
    if results[1].value != list(range(operations)):
        raise AssertionError("Items left the queue in another order than that in which they were put.")
    return worker_group.elapsed(results)


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


def demonstrate_queue(demo: DemoContext) -> ToolOutcome:
    five, _ = through_a_queue(demo, list(range(5)))
    items = [{"number": number, "text": "x" * 64} for number in range(demo.demonstrated)]
    got, results = through_a_queue(demo, items)
    for name, result, spans in zip(
        ("producer", "consumer"), results, (results[0].value, results[1].value[1]), strict=True
    ):
        demo.spans(demo.actor(name, "process", result.pid), spans)
    in_order = got == items
    size = len(ForkingPickler.dumps(items[-1]))
    facts = [
        ("five items", ", ".join(map(str, five))),
        ("order", "as they were put" if in_order else "another than that in which they were put"),
        ("time per item", f"{worker_group.elapsed(results) / len(items) / 1e3:.1f} µs"),
        ("bytes per item", f"{size}, pickled"),
    ]
    return ToolOutcome(len(items), len(got), in_order and five == list(range(5)), tuple(facts))


def through_a_queue(demo: DemoContext, items: list[Any]) -> tuple[list[Any], list[worker_group.WorkerResult]]:
    q = demo.start_context.Queue()
    try:
        results = demo.processes([(put_stamped, (q, items)), (get_stamped, (q,))])
    finally:
        q.close()
    return results[1].value[0], results


def ask(end: Any, times: int) -> int:
    answers = 0
    for number in range(times):
        end.send(number)
        answers += end.recv() == number + 1
    return answers


def reply(end: Any, times: int) -> None:
    for _ in range(times):
        end.send(end.recv() + 1)


def measure_pipe(demo: DemoContext, operations: int) -> int:
    here, there = demo.start_context.Pipe()
    with here, there:
        results = demo.processes([(ask, (here, operations)), (reply, (there, operations))])
    if results[0].value != operations:
        raise AssertionError(f"Of {operations} answers {results[0].value} were right.")
    return worker_group.elapsed(results)


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


def demonstrate_pipe(demo: DemoContext) -> ToolOutcome:
    times = demo.demonstrated
    here, there = demo.start_context.Pipe()
    with here, there:
        demo.processes([(greet, (there,))])
        greeting = here.recv() if here.poll(1) else ""
    here, there = demo.start_context.Pipe()
    with here, there:
        results = demo.processes([(ask_stamped, (here, times)), (reply_stamped, (there, times))])
    for name, result in zip(("asks", "answers"), results, strict=True):
        demo.spans(demo.actor(name, "process", result.pid), result.value[1])
    facts = [
        ("a worker says", f"'{greeting}'"),
        (
            "round trips",
            f"{results[0].value[0]:,}, {times / worker_group.elapsed(results) * 1e9:,.0f} a second with stamps",
        ),
        ("one message", f"{len(ForkingPickler.dumps(times))} bytes, pickled"),
    ]
    return ToolOutcome(times, results[0].value[0], results[0].value[0] == times and greeting == GREETING, tuple(facts))
