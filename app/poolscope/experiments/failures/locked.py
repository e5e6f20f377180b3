"""Locks that nobody releases and locks that wait for each other, found by a watchdog with owner, waiters and stacks."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.failures import case_log
from poolscope.experiments.failures.case_main import Lab

LEFT_TO_THE_END = "Threads that wait can't be ended; they went with the process of this case"


class Ledger:
    """Who owns which lock and who waits for which; each thread writes only its own lines."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.waits: dict[str, str] = {}

    def edges(self) -> list[dict[str, str]]:
        """The wait-for graph: who waits, for which lock, held by whom."""
        return [
            {"from": waiter, "lock": lock, "to": self.owners[lock]}
            for waiter, lock in sorted(self.waits.items())
            if lock in self.owners
        ]


def cycle(edges: list[dict[str, str]]) -> list[str]:
    """The actors of a cycle in a wait-for graph, [] if it has none."""
    follows = {edge["from"]: edge["to"] for edge in edges}
    for start in follows:
        path = [start]
        while (after := follows.get(path[-1])) is not None:
            if after in path:
                return path[path.index(after) :]
            path.append(after)
    return []


class TracedLock:
    """A threading.Lock that keeps the ledger and the lanes; otherwise it is that very lock."""

    def __init__(self, name: str, ledger: Ledger) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._ledger = ledger

    def acquire(self) -> None:
        me = threading.current_thread().name
        with case_log.doing(me, "waiting", self.name, "thread"):
            self._ledger.waits[me] = self.name
            self._lock.acquire()
            del self._ledger.waits[me]
            self._ledger.owners[self.name] = me

    def release(self) -> None:
        self._ledger.owners.pop(self.name, None)
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


def watchdog(threads: list[threading.Thread], limit: float) -> list[threading.Thread]:
    """Wait until the limit; those threads that are then still alive."""
    until = perf_counter_ns() + int(limit * 1e9)
    with case_log.doing("main", "blocked", "join", "thread"):
        for thread in threads:
            thread.join(max(until - perf_counter_ns(), 0) / 1e9)
    return [thread for thread in threads if thread.is_alive()]


def lock_exception(lab: Lab) -> None:
    ledger = Ledger()
    lock = TracedLock("lock", ledger)
    raised = threading.Event()
    measure: list[str] = []

    def fails() -> None:
        try:
            if lab.case == "with":
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
            measure.append(threading.current_thread().name)

    stuck = watchdog(started(("A", fails), ("B", follows), ("C", follows)), lab.limit)
    case_log.kept(f"{name} got the lock" for name in measure)
    case_log.lost(f"{thread.name} never got the lock" for thread in stuck)
    if not stuck:
        case_log.moment("B and C got the lock after A's exception", "done")
        case_log.cleaned("The lock was released on the way out of 'with'")
        case_log.outcome("released", "'with' released the lock although the code inside raised; B and C got it.")
        return
    say_stuck(ledger, stuck)
    owner = ledger.owners.get("lock", "nobody")
    alive = any(thread.name == owner and thread.is_alive() for thread in threading.enumerate())
    waiting = " and ".join(thread.name for thread in stuck)
    case_log.moment(
        f"the watchdog finds {waiting} waiting for a lock of {owner}, which is {'alive' if alive else 'dead'}",
        "blocked",
    )
    case_log.cleaned(LEFT_TO_THE_END)
    case_log.outcome(
        "waits for ever", f"{waiting} wait for a lock whose owner {owner} is {'alive' if alive else 'gone'}."
    )


def say_stuck(ledger: Ledger, stuck: list[threading.Thread]) -> list[str]:
    edges = ledger.edges()
    found = cycle(edges)
    case_log.note("graph", {"edges": edges, "cycle": found})
    case_log.note("stacks", stacks(stuck))
    return found


def deadlock(lab: Lab) -> None:
    if lab.case.startswith("processes"):
        between_processes(lab)
        return
    ledger = Ledger()
    one, two = TracedLock("lock 1", ledger), TracedLock("lock 2", ledger)
    met = threading.Barrier(2)
    same = lab.case.endswith("same order")
    measure: list[str] = []

    def takes(first: TracedLock, second: TracedLock) -> None:
        me = threading.current_thread().name
        if same:
            met.wait(lab.limit)
        with first:
            case_log.moment(f"{me} holds {first.name}", "holding", me)
            if not same:
                met.wait(lab.limit)  # both hold their first lock now
            case_log.moment(f"{me} wants {second.name}", "waiting", me)
            with second, case_log.doing(me, "holding", "both locks", "thread"):
                measure.append(me)

    pairs = ((one, two), (one, two) if same else (two, one))
    threads = started(*((f"thread {n}", lambda pair=pair: takes(*pair)) for n, pair in enumerate(pairs, 1)))
    stuck = watchdog(threads, lab.limit)
    case_log.kept(f"{name} got both locks" for name in sorted(measure))
    case_log.lost(f"{thread.name} never got its second lock" for thread in stuck)
    if not stuck:
        case_log.moment("both threads got both locks", "done")
        case_log.outcome("no deadlock", "With one order for both, each thread got both locks.")
        return
    judge(say_stuck(ledger, stuck), [thread.name for thread in stuck], lab)
    case_log.cleaned(LEFT_TO_THE_END)


def judge(found: list[str], stuck: list[str], lab: Lab) -> None:
    if found:
        case_log.moment(f"the watchdog finds a cycle: {' → '.join([*found, found[0]])}", "failed")
        case_log.outcome(
            "deadlock", f"{' and '.join(found)} wait for each other's lock: a cycle in the wait-for graph."
        )
    else:
        case_log.outcome(
            "never answered", f"No progress of {', '.join(stuck)} within {lab.limit:g} s, and no cycle found."
        )


def takes_both(name: str, locks: Mapping[str, Any], order: tuple[str, str], met: Any, say: Any, stack: str) -> None:
    """A process that takes two locks; it says each step, and writes its stack to a file on SIGUSR1."""
    file = Path(stack).open("w")  # noqa: SIM115 (faulthandler writes to it as long as the process lives)
    faulthandler.register(signal.SIGUSR1, file=file, all_threads=True)
    first, second = order
    with case_log.doing(name):
        say.put((name, "wants", first))
        with locks[first]:
            say.put((name, "has", first))
            met.wait()
            say.put((name, "wants", second))
            with case_log.doing(name, "waiting", second):
                locks[second].acquire()
            say.put((name, "has", second))
            locks[second].release()


def between_processes(lab: Lab) -> None:
    locks = {"lock 1": multiprocessing.Lock(), "lock 2": multiprocessing.Lock()}
    met = multiprocessing.Barrier(2)
    say: Any = multiprocessing.SimpleQueue()
    orders = (("lock 1", "lock 2"), ("lock 2", "lock 1"))
    files = [str(lab.folder / f"stack-{n}") for n in (1, 2)]
    processes = [
        multiprocessing.Process(target=takes_both, args=(f"process {n}", locks, order, met, say, file), daemon=True)
        for n, (order, file) in enumerate(zip(orders, files, strict=True), 1)
    ]
    ledger, names = Ledger(), {}
    for n, process in enumerate(processes, 1):
        process.start()
        names[f"process {n}"] = process
    read_steps(say, ledger, steps=6, seconds=10)
    with case_log.doing("main", "blocked", "join", "thread"):
        for process in processes:
            process.join(lab.limit / 2)
    stuck = {name: process for name, process in names.items() if process.is_alive()}
    found = cycle(ledger.edges())
    case_log.note("graph", {"edges": ledger.edges(), "cycle": found})
    case_log.note("stacks", {name: stack_of(process, files[int(name[-1]) - 1]) for name, process in stuck.items()})
    case_log.lost(f"{name} never got its second lock" for name in stuck)
    judge(found, list(stuck), lab)
    for name, process in stuck.items():
        since = perf_counter_ns()
        process.kill()
        process.join(5)
        case_log.died(name, since)
        case_log.moment(f"{name} is ended by SIGKILL, exit code {process.exitcode}", "killed", name)
    left = [process for process in processes if process.is_alive()]
    case_log.cleaned(f"{len(stuck)} processes ended by SIGKILL, {len(left)} left")
    say.close()


def read_steps(say: Any, ledger: Ledger, steps: int, seconds: float) -> None:
    """Keep the ledger from what the processes say, until all steps are told."""
    pause, until = threading.Event(), perf_counter_ns() + int(seconds * 1e9)
    while steps and perf_counter_ns() < until:
        if say.empty():
            pause.wait(0.005)
            continue
        name, did, lock = say.get()
        steps -= 1
        case_log.moment(f"{name} {did} {lock}", "holding" if did == "has" else "waiting", name)
        if did == "wants":
            ledger.waits[name] = lock
        else:
            ledger.waits.pop(name, None)
            ledger.owners[lock] = name


def stack_of(process: Any, file: str) -> str:
    """A process's own report of its stack, by faulthandler: its Python code can't answer, its signal handler can."""
    os.kill(process.pid, signal.SIGUSR1)
    pause = threading.Event()
    for _ in range(100):
        pause.wait(0.01)
        if text := Path(file).read_text():
            return text
    return "no report came"
