"""Locks that nobody releases and locks that wait for each other, found by a watchdog with owner, waiters and stacks."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.failures import case_log, endings
from poolscope.experiments.failures.case_main import CaseContext
from poolscope.experiments.failures.payloads import CaseEnding, CleanedUp, LockEdge, LockGraph, StuckStacks
from poolscope.protocol.records import Span

LATEST_S = 20.0  # a thread that is busy for so long is no longer merely late
SAME_ORDER, PROCESSES = "threads, same order", "processes, opposite order"  # cases of the catalogue


class LockHolders:
    """Who owns which lock and who waits for which, and since when; each thread writes only its own lines."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.waits: dict[str, str] = {}
        self.since: dict[str, int] = {}  # the stamps of the present holds, by lock, and of the waits, by who waits

    def show_held(self, owner: str) -> None:
        """Draw what somebody holds up to now: of what a lane goes on with there is one, and that will be its wait."""
        for lock in [lock for lock, holder in self.owners.copy().items() if holder == owner]:
            case_log.was(owner, "holding", self.since[lock], item=lock)

    def show_stuck(self) -> None:
        """Draw every lock as held up to now, and who waits as waiting on."""
        for owner in set(self.owners.copy().values()):
            self.show_held(owner)
        for waiter, lock in sorted(self.waits.copy().items()):
            case_log.write(Span(waiter, "waiting", self.since[waiter], None, lock))

    def edges(self) -> tuple[LockEdge, ...]:
        """The wait-for graph: who waits, for which lock, held by whom."""
        owners, waits = self.owners.copy(), self.waits.copy()  # both go on changing
        return tuple(LockEdge(waiter, lock, owners[lock]) for waiter, lock in sorted(waits.items()) if lock in owners)


def cycle(edges: Sequence[LockEdge]) -> tuple[str, ...]:
    """The actors of a cycle in a wait-for graph, none if it has none."""
    follows = {edge.waiter: edge.owner for edge in edges}
    for start in follows:
        path = [start]
        while (after := follows.get(path[-1])) is not None:
            if after in path:
                return tuple(path[path.index(after) :])
            path.append(after)
    return ()


class TracedLock:
    """A threading.Lock that notes its owner and its waiters; otherwise it is that very lock.

    A thread that finds it free has not waited, however long a busy machine keeps it from going on.
    """

    def __init__(self, name: str, holders: LockHolders) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._holders = holders

    def acquire(self) -> None:
        me, holders = threading.current_thread().name, self._holders
        case_log.appear(me, "thread")
        if not self._lock.acquire(blocking=False):
            holders.show_held(me)
            with case_log.doing(me, "waiting", self.name, "thread") as since:
                holders.since[me] = since
                holders.waits[me] = self.name
                self._lock.acquire()
                del holders.waits[me]
        holders.since[self.name] = perf_counter_ns()
        holders.owners[self.name] = me
        case_log.write(Span(me, "holding", holders.since[self.name], None, self.name))

    def release(self) -> None:
        if owner := self._holders.owners.pop(self.name, ""):
            case_log.was(owner, "holding", self._holders.since[self.name], item=self.name)
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def stacks(threads: list[threading.Thread]) -> dict[str, str]:
    """Where each thread is now."""
    frames = sys._current_frames()
    return {
        thread.name: "".join(traceback.format_stack(frames[thread.ident]))
        for thread in threads
        if thread.ident in frames
    }


def started(*targets: tuple[str, Any]) -> list[threading.Thread]:
    threads = [threading.Thread(target=target, name=name, daemon=True) for name, target in targets]
    for thread in threads:
        thread.start()
    return threads


def watchdog(threads: list[threading.Thread], limit: float, holders: LockHolders) -> list[threading.Thread]:
    """Wait until the limit; those threads that are then still alive.

    As long as one of them waits for no lock, it is only late, as on a busy machine, and they are given more time.
    """
    began = perf_counter_ns()
    until, latest = began + int(limit * 1e9), began + int(LATEST_S * 1e9)
    with case_log.doing("main", "blocked", "join", "thread"):
        while True:
            for thread in threads:
                thread.join(max(until - perf_counter_ns(), 0) / 1e9)
            waiting = {edge.waiter for edge in holders.edges()}
            alive = [thread for thread in threads if thread.is_alive()]
            if perf_counter_ns() > latest or all(thread.name in waiting for thread in alive):
                return alive
            until = perf_counter_ns() + 10_000_000


def lock_exception(context: CaseContext) -> None:
    holders = LockHolders()
    lock = TracedLock("lock", holders)
    raised = threading.Event()
    passed: list[str] = []

    def fails() -> None:
        try:
            if context.case == "with":
                with lock:
                    case_log.moment("A holds the lock and raises inside 'with'", "holding", "A")
                    raise ValueError("failed while holding the lock")
            lock.acquire()
            case_log.moment("A holds the lock by acquire() and raises before release()", "holding", "A")
            raise ValueError("failed while holding the lock")
        except ValueError as error:
            case_log.surfaced(error, "thread A")
            case_log.moment("A ends by ValueError", "failed", "A")
        finally:
            raised.set()

    def follows() -> None:
        raised.wait()
        with lock:
            passed.append(threading.current_thread().name)

    stuck = watchdog(started(("A", fails), ("B", follows), ("C", follows)), context.limit, holders)
    case_log.kept(f"{name} got the lock" for name in passed)
    case_log.lost(f"{thread.name} never got the lock" for thread in stuck)
    if not stuck:
        case_log.moment("B and C got the lock after A's exception", "done")
        case_log.note(CleanedUp(endings.RELEASED_ON_THE_WAY_OUT))
        case_log.outcome(CaseEnding.RELEASED, endings.RELEASED)
        return
    record_stuck(holders, stuck)
    owner = holders.owners.get("lock", "nobody")
    alive = any(thread.name == owner and thread.is_alive() for thread in threading.enumerate())
    waiting = " and ".join(thread.name for thread in stuck)
    case_log.moment(
        f"the watchdog finds {waiting} waiting for a lock of {owner}, which is {'alive' if alive else 'dead'}",
        "blocked",
    )
    case_log.note(CleanedUp(endings.LEFT_TO_THE_END, left=len(stuck)))
    case_log.outcome(CaseEnding.WAITS_FOR_EVER, endings.owner_gone([thread.name for thread in stuck], owner, alive))


def record_stuck(holders: LockHolders, stuck: list[threading.Thread]) -> tuple[str, ...]:
    edges = holders.edges()
    found = cycle(edges)
    holders.show_stuck()
    case_log.note(LockGraph(edges, found))
    case_log.note(StuckStacks(stacks(stuck)))
    return found


def deadlock(context: CaseContext) -> None:
    if context.case == PROCESSES:
        between_processes(context)
        return
    holders = LockHolders()
    one, two = TracedLock("lock 1", holders), TracedLock("lock 2", holders)
    met = threading.Barrier(2)
    same = context.case == SAME_ORDER
    passed: list[str] = []

    def takes(first: TracedLock, second: TracedLock) -> None:
        me = threading.current_thread().name
        if same:
            met.wait(LATEST_S)
        with first:
            case_log.moment(f"{me} holds {first.name}", "holding", me, holders.since[first.name])
            if not same:
                met.wait(LATEST_S)  # both hold their first lock now
            case_log.moment(f"{me} wants {second.name}", "waiting", me)
            with second:
                passed.append(me)

    pairs = ((one, two), (one, two) if same else (two, one))
    threads = started(*((f"thread {n}", lambda pair=pair: takes(*pair)) for n, pair in enumerate(pairs, 1)))
    stuck = watchdog(threads, context.limit, holders)
    case_log.kept(f"{name} got both locks" for name in sorted(passed))
    case_log.lost(f"{thread.name} never got its second lock" for thread in stuck)
    if not stuck:
        case_log.moment("both threads got both locks", "done")
        case_log.outcome(CaseEnding.NO_DEADLOCK, endings.ONE_ORDER)
        return
    judge(record_stuck(holders, stuck), [thread.name for thread in stuck], context)
    case_log.note(CleanedUp(endings.LEFT_TO_THE_END, left=len(stuck)))


def judge(found: tuple[str, ...], stuck: list[str], context: CaseContext) -> None:
    if found:
        case_log.moment(f"the watchdog finds a cycle: {' → '.join([*found, found[0]])}", "failed")
        case_log.outcome(CaseEnding.DEADLOCK, endings.deadlock(found))
    else:
        case_log.outcome(
            CaseEnding.NEVER_ANSWERED,
            endings.no_progress(stuck, context.limit),
        )


def takes_both(name: str, locks: Mapping[str, Any], order: tuple[str, str], met: Any, say: Any, stack: str) -> None:
    """A process that takes two locks; it says each step and when, and writes its stack to a file on SIGUSR1."""
    file = Path(stack).open("w")  # noqa: SIM115 (faulthandler writes to it as long as the process lives)
    faulthandler.register(signal.SIGUSR1, file=file, all_threads=True)
    first, second = order
    with case_log.doing(name) as began:
        say.put((name, "wants", first, perf_counter_ns()))
        with locks[first]:
            since = perf_counter_ns()
            say.put((name, "has", first, since))
            case_log.was(name, "running", began, since)
            case_log.write(Span(name, "holding", since, None, first))
            met.wait()
            case_log.was(name, "holding", since, item=first)
            with case_log.doing(name, "waiting", second) as asked:
                say.put((name, "wants", second, asked))
                locks[second].acquire()
            say.put((name, "has", second, perf_counter_ns()))
            locks[second].release()


def between_processes(context: CaseContext) -> None:
    locks = {"lock 1": multiprocessing.Lock(), "lock 2": multiprocessing.Lock()}
    met = multiprocessing.Barrier(2)
    say: Any = multiprocessing.SimpleQueue()
    orders = (("lock 1", "lock 2"), ("lock 2", "lock 1"))
    files = [str(Path(context.folder) / f"stack-{n}") for n in (1, 2)]
    processes = [
        multiprocessing.Process(target=takes_both, args=(f"process {n}", locks, order, met, say, file), daemon=True)
        for n, (order, file) in enumerate(zip(orders, files, strict=True), 1)
    ]
    holders, names = LockHolders(), {}
    for n, process in enumerate(processes, 1):
        process.start()
        names[f"process {n}"] = process
    read_steps(say, holders, steps=6, seconds=10)
    with case_log.doing("main", "blocked", "join", "thread"):
        for process in processes:
            process.join(context.limit / 2)
    stuck = {name: process for name, process in names.items() if process.is_alive()}
    found = cycle(holders.edges())
    case_log.note(LockGraph(holders.edges(), found))
    holders.show_stuck()
    case_log.note(StuckStacks({name: stack_of(process, files[int(name[-1]) - 1]) for name, process in stuck.items()}))
    case_log.lost(f"{name} never got its second lock" for name in stuck)
    judge(found, list(stuck), context)
    for name, process in stuck.items():
        since = perf_counter_ns()
        process.kill()
        process.join(5)
        case_log.died(name, since)
        case_log.moment(f"{name} is ended by SIGKILL, exit code {process.exitcode}", "killed", name)
    left = [process for process in processes if process.is_alive()]
    case_log.note(CleanedUp(endings.processes_killed(len(stuck), len(left)), left=len(left)))
    say.close()


def read_steps(say: Any, holders: LockHolders, steps: int, seconds: float) -> None:
    """Keep the holders up to date from what the processes say, until all steps have come."""
    pause, until = threading.Event(), perf_counter_ns() + int(seconds * 1e9)
    while steps and perf_counter_ns() < until:
        if say.empty():
            pause.wait(0.005)
            continue
        name, did, lock, at = say.get()
        steps -= 1
        case_log.moment(f"{name} {did} {lock}", "holding" if did == "has" else "waiting", name, at)
        if did == "wants":
            holders.since[name] = at
            holders.waits[name] = lock
        else:
            holders.waits.pop(name, None)
            holders.since[lock] = at
            holders.owners[lock] = name


def stack_of(process: Any, file: str) -> str:
    """A process's own report of its stack, by faulthandler: its Python code can't answer, its signal handler can."""
    os.kill(process.pid, signal.SIGUSR1)
    pause = threading.Event()
    for _ in range(100):
        pause.wait(0.01)
        if text := Path(file).read_text():
            return text
    return "no report came"
