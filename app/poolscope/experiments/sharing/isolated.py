"""Interpreters of one process that hand items over by a queue of their own; CPython has them from 3.14 on."""

from __future__ import annotations

import os
import platform
import threading
import time
from importlib import import_module
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.payloads import ToolOutcome

PRODUCER = """
from time import perf_counter_ns
replies.put("ready")
gate.get()
began = perf_counter_ns()
for number in range(count):
    items.put(number)
replies.put(("producer", began, perf_counter_ns(), count))
"""
CONSUMER = """
from time import perf_counter_ns
replies.put("ready")
gate.get()
began = perf_counter_ns()
got = [items.get() for _ in range(count)]
replies.put(("consumer", began, perf_counter_ns(), sum(a == b for a, b in zip(got, range(count)))))
"""


def find() -> Any:
    """The module, or None where this Python has none."""
    try:
        return import_module("concurrent.interpreters")
    except ImportError:
        return None


def missing() -> str | None:
    """Why the tool can't be used here, None where it can."""
    if find() is not None:
        return None
    return f"Not on this Python: concurrent.interpreters came with 3.14, and this is {platform.python_version()}."


def through_interpreters(
    count: int, limit_s: float = worker_group.LIMIT_S
) -> tuple[dict[str, worker_group.WorkerResult], int]:
    """Hand `count` numbers from one interpreter to another: their results, and how many arrived in order."""
    interpreters = find()
    queues = {name: interpreters.create_queue() for name in ("items", "replies", "gate")}
    pair = [interpreters.create(), interpreters.create()]
    workers = []
    for interpreter, code in zip(pair, (PRODUCER, CONSUMER), strict=True):
        interpreter.prepare_main(count=count, **queues)
        workers.append(threading.Thread(target=interpreter.exec, args=(code,), daemon=True))
    for worker in workers:
        worker.start()
    replies, results, right = queues["replies"], {}, 0
    for _ in workers:
        replies.get(timeout=limit_s)
    for _ in workers:
        queues["gate"].put(None)
    for _ in workers:
        who, began, ended, matched = replies.get(timeout=limit_s)
        results[who] = worker_group.WorkerResult(began, ended, matched, os.getpid())
        right = matched if who == "consumer" else right
    end = time.monotonic() + limit_s
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
    for interpreter in pair:
        interpreter.close()
    return results, right


def measure(demo: DemoContext, operations: int) -> int:
    results, right = through_interpreters(operations)
    if right != operations:
        raise AssertionError(f"Of {operations} items {right} arrived in order.")
    return worker_group.elapsed(list(results.values()))


def demonstrate(demo: DemoContext) -> ToolOutcome:
    reason = missing()
    if reason:
        return ToolOutcome(None, None, False, missing=reason)
    count = demo.demonstrated
    results, right = through_interpreters(count)
    for name in ("producer", "consumer"):
        result = results[name]
        demo.spans(demo.actor(name, "interpreter"), [("running", result.began, result.ended)])
    took = worker_group.elapsed(list(results.values()))
    facts = [
        ("order", "as they were put" if right == count else "another than that in which they were put"),
        ("time per item", f"{took / count / 1e3:.1f} µs"),
        ("process", "one; each interpreter has its own GIL and its own objects"),
    ]
    return ToolOutcome(count, right, right == count, tuple(facts))
