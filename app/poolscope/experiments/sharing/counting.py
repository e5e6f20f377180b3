"""Threads that add to one counter: without a guard, under a Lock, under an RLock that is taken again and again."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext, totals
from poolscope.experiments.sharing.payloads import ToolOutcome

DEPTH = 20
HELD_S = 0.02  # at the deepest point, so that the others have to wait for the whole descent
BLOCKED_S = 0.3  # the limit by which a plain Lock, taken twice, is found out

Steps = list[tuple[int, int, int]]


class SharedCounter:
    """What the threads share."""

    def __init__(self) -> None:
        self.value = 0


def add(counter: SharedCounter, times: int) -> None:
    for _ in range(times):
        counter.value += 1


def add_locked(counter: SharedCounter, lock: Any, times: int) -> None:
    for _ in range(times):
        with lock:
            counter.value += 1


def add_in_two_steps(counter: SharedCounter, times: int) -> Steps:
    """Read, let another thread in, write; the stamps of each addition."""
    steps = []
    for _ in range(times):
        began = perf_counter_ns()
        value = counter.value
        time.sleep(0)
        counter.value = value + 1
        steps.append((began, began, perf_counter_ns()))
    return steps


def add_in_two_steps_locked(counter: SharedCounter, lock: Any, times: int) -> Steps:
    """The same under a lock: (asked, got, released) of each addition."""
    steps = []
    for _ in range(times):
        asked = perf_counter_ns()
        with lock:
            got = perf_counter_ns()
            value = counter.value
            time.sleep(0)
            counter.value = value + 1
        steps.append((asked, got, perf_counter_ns()))
    return steps


def measure_unguarded(demo: DemoContext, operations: int) -> int:
    counter = SharedCounter()
    return worker_group.elapsed(demo.threads([(add, (counter, part)) for part in demo.parts(operations)]))


def measure_lock(demo: DemoContext, operations: int) -> int:
    return measure_locked(demo, operations, threading.Lock())


def measure_rlock(demo: DemoContext, operations: int) -> int:
    return measure_locked(demo, operations, threading.RLock())


def measure_locked(demo: DemoContext, operations: int, lock: Any) -> int:
    counter = SharedCounter()
    results = demo.threads([(add_locked, (counter, lock, part)) for part in demo.parts(operations)])
    if counter.value != operations:
        raise AssertionError(f"The counter is {counter.value} after {operations} additions under a lock.")
    return worker_group.elapsed(results)


def share_in_words(share: float) -> str:
    """'34%', '<1%' of a little one: the child has no wording of its own, nor that of the server."""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def demonstrate_unguarded(demo: DemoContext) -> ToolOutcome:
    counter, expected = SharedCounter(), demo.demonstrated
    results = demo.threads([(add_in_two_steps, (counter, part)) for part in demo.parts(expected)])
    for number, result in enumerate(results, 1):
        actor = demo.actor(f"thread {number}")
        demo.spans(actor, (("running", began, ended) for began, _, ended in result.value))
    lost = expected - counter.value
    share = f"{lost:,} of {expected:,} additions, {share_in_words(lost / expected)}"
    facts = [("lost updates", share if lost else "none this time")]
    return ToolOutcome(expected, counter.value, lost == 0, tuple(facts), lost=lost)


def demonstrate_lock(demo: DemoContext) -> ToolOutcome:
    counter, expected, lock = SharedCounter(), demo.demonstrated, threading.Lock()
    jobs: list[worker_group.Job] = [(add_in_two_steps_locked, (counter, lock, part)) for part in demo.parts(expected)]
    results = demo.threads(jobs)
    rows = []
    for number, result in enumerate(results, 1):
        actor = demo.actor(f"thread {number}")
        for asked, got, released in result.value:
            demo.spans(actor, [("waiting", asked, got), ("holding", got, released)])
        rows.append(totals(actor, result.value))
    lost = expected - counter.value
    return ToolOutcome(expected, counter.value, lost == 0, threads=tuple(rows), lost=lost)


def descend(lock: Any, depth: int, steps: Steps, reached: list[int]) -> int:
    """Take the lock again at each depth; how deep that went."""
    asked = perf_counter_ns()
    with lock:
        reached.append(depth)
        got = perf_counter_ns()
        deep = 1 + descend(lock, depth - 1, steps, reached) if depth > 1 else 1
        if depth == 1:
            time.sleep(HELD_S)
        steps.append((asked, got, perf_counter_ns()))
    return deep


def demonstrate_rlock(demo: DemoContext) -> ToolOutcome:
    lock = threading.RLock()
    kept: list[Steps] = [[] for _ in range(demo.workers)]
    results = demo.threads([(descend, (lock, DEPTH, steps, [])) for steps in kept])
    rows = []
    for number, steps in enumerate(kept, 1):
        actor = demo.actor(f"thread {number}")
        first = min(steps)  # the outermost one: the lock is held from its first taking to its last release
        demo.spans(actor, [("waiting", first[0], first[1]), ("holding", first[1], first[2])])
        rows.append(totals(actor, [first]))
    depths = [result.value for result in results]
    blocked, reached, place = plain_lock_twice(demo)
    facts = [
        ("depth reached", f"{min(depths)} in each of {demo.workers} threads"),
        (
            "the same with a plain Lock",
            f"blocked at depth {reached + 1}, still waiting after {BLOCKED_S:g} s, in {place}"
            if blocked
            else "did not block",
        ),
    ]
    right = all(depth == DEPTH for depth in depths) and blocked
    return ToolOutcome(f"depth {DEPTH}; a plain Lock blocks", _depth(depths, blocked), right, tuple(facts), tuple(rows))


def _depth(depths: list[int], blocked: bool) -> str:
    return f"depth {min(depths)}; a plain Lock {'blocks' if blocked else 'does not block'}"


def plain_lock_twice(demo: DemoContext) -> tuple[bool, int, str]:
    """A thread that takes a plain Lock twice: whether it blocked, how deep it came, the line in which it waits.

    A plain Lock may be released by another thread, so the blocked one can be let go and nothing of it is left.
    """
    lock, reached = threading.Lock(), list[int]()

    def twice() -> None:
        with suppress(RuntimeError):  # the outer release finds the lock free, for we released it
            descend(lock, 2, [], reached)

    thread = threading.Thread(target=twice, name="plain Lock", daemon=True)
    actor = demo.actor("plain Lock")
    began = perf_counter_ns()
    thread.start()
    thread.join(BLOCKED_S)
    ended = perf_counter_ns()
    blocked, depth = thread.is_alive(), len(reached)
    frame = sys._current_frames().get(thread.ident or 0)
    place = f"{frame.f_code.co_name}(), line {frame.f_lineno} of {Path(frame.f_code.co_filename).name}" if frame else ""
    del frame
    demo.spans(actor, [("blocked" if blocked else "done", began, ended)])
    if blocked:
        lock.release()
        thread.join()
    return blocked, depth, place
