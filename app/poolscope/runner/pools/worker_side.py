"""What runs inside a worker beside the workload: its first answer, and the stamps of a traced task.

Imports as little as it can, as `poolscope.workloads` does: under spawn every worker imports both before it can answer,
and that time would be reported as start-up.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from time import perf_counter_ns, process_time_ns, sleep, thread_time_ns
from typing import Any, NamedTuple

from poolscope.machine.collected import collected_children_ns

_barrier: Any = None  # this worker's own, set once by its pool's initializer
_set_up_error: str | None = None  # what the user's set-up raised in this worker
_asked_before = False  # by an engine, whose workers have no initializer
_imported = 0  # ns in which this worker imported what the set-up needs


class UnpickledAt:
    """Becomes the stamp at which a worker unpickles it: what stands behind it in a message is imported from then on."""

    def __reduce__(self) -> tuple[Callable[[], int], tuple[()]]:
        return perf_counter_ns, ()


class FirstSign(NamedTuple):
    """A worker's first sign of life: its process id or native thread id, its perf_counter_ns on arrival.

    `set_up_error` is what the user's set-up raised there, None if it did not. `imported` is how long a process took, in
    ns, to unpickle what it was sent, which is to import the user's modules where it was not forked with them.
    """

    worker: int
    arrived: int
    set_up_error: str | None
    imported: int = 0


def prepare(barrier: Any, since: UnpickledAt | int, setup: Callable[[], Any] | None = None) -> None:
    """Keep the barrier and do the user's set-up: a process pool's initializer.

    Forked workers get it as it is and unpickle nothing, so that `since` is no stamp there.
    What the set-up raises travels with the first answer: raised here, a Pool would start this worker anew for ever.
    """
    global _barrier, _set_up_error, _imported
    _imported = perf_counter_ns() - since if isinstance(since, int) else 0
    _barrier = barrier
    _set_up_error = error_of_set_up(setup)


def error_of_set_up(setup: Callable[[], Any] | None) -> str | None:
    """Do the user's set-up; what it raised in words, None if nothing."""
    try:
        if setup is not None:
            setup()
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}"
    return None


def answer_from_process(time_limit_s: float, needed: tuple[Any, Callable[..., Any], tuple[type, ...]]) -> FirstSign:
    """FirstSign once every worker is there, so that n such tasks are answered by n distinct workers.

    The workload's function and the classes of its items come along, behind a stamp, so that each worker has unpickled
    them, and imported what they need, before anything is timed.
    """
    arrived = perf_counter_ns()
    _barrier.wait(time_limit_s)
    return FirstSign(os.getpid(), arrived, _set_up_error, _imported + arrived - needed[0])


def answer_from_thread(
    arrivals: int, gate: int, _function: Callable[..., Any], setup: Callable[[], Any] | None
) -> FirstSign:
    """The same for a thread or an interpreter of the main process; the user's set-up is part of this first task.

    Interpreters share no barrier but file descriptors: a byte says who has arrived, another lets everybody go on.
    """
    error = error_of_set_up(setup)
    arrived = perf_counter_ns()
    os.write(arrivals, b".")
    os.read(gate, 1)
    return FirstSign(threading.get_native_id(), arrived, error)


Home = tuple[str, int]  # a process by its host and number: one of that number may be on another host as well


def this_process() -> Home:
    return os.uname().nodename, os.getpid()


class WorkerAnswer(NamedTuple):
    """An engine's worker's first answer: who it is, on which host, and how many CPUs it may use of that."""

    host: str
    sign: FirstSign
    cpus: int


def answer_and_hold(
    home: Home,
    hold_s: float,
    setup: Callable[[], Any] | None,
    needed: tuple[Any, Callable[..., Any], tuple[type, ...]],
) -> WorkerAnswer:
    """Answer, and keep this worker from the next first task for a moment: that one is for another worker.

    `home` is the process that asks: workers within it are told apart by their threads. The user's set-up is done with a
    process's first answer.
    """
    global _asked_before, _set_up_error
    arrived = perf_counter_ns()
    imported = max(0, arrived - needed[0]) if isinstance(needed[0], int) else 0
    if not _asked_before:
        _asked_before, _set_up_error = True, error_of_set_up(setup)
    sleep(hold_s)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return WorkerAnswer(os.uname().nodename, FirstSign(own_number(home), arrived, _set_up_error, imported), cpus)


def own_number(home: Home) -> int:
    """What an engine's worker is told apart by on its host: its process, within the process `home` its thread."""
    return threading.get_native_id() if this_process() == home else os.getpid()


class WorkerMemory(NamedTuple):
    """What an engine's worker holds: `held` bytes of `what` is counted, None within the process that asks."""

    host: str
    worker: int
    what: str
    held: int | None


def tell_memory_and_hold(home: Home, hold_s: float, *_: Any) -> WorkerMemory:
    """Say what this worker holds, which nobody can see from another host, and keep it for a moment as above."""
    from poolscope.machine.memory import held  # late: no worker needs it before it can answer

    sleep(hold_s)
    what, (mine,) = held([os.getpid()])
    return WorkerMemory(os.uname().nodename, own_number(home), what, None if this_process() == home else mine)


def run_chunk(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """What a worker of an engine does with one message."""
    return [function(item) for item in items]


def numbered(function: Callable[[Any], Any], number: int, item: Any) -> tuple[int, Any]:
    """A call whose result says which item it is of, for a map that gives results in any order."""
    return number, function(item)


def stamped_anywhere(home: Home, function: Callable[[Any], Any], item: Any) -> tuple[Any, ...]:
    """A stamped call for a worker that may be a thread of the process `home`, or a process of its own on any host.

    The host's name is the last of the stamps: process ids of two hosts may be the same, and their clocks never are.
    """
    if this_process() == home:
        return stamped_in_thread(function, item, os.uname().nodename)
    return *stamped_in_process(function, item), os.uname().nodename


def stamped_in_process(function: Callable[[Any], Any], item: Any) -> tuple[Any, int, int, int, int, int]:
    """Call the function with stamps that travel with its result: (value, worker, started, ended, CPU time), in ns.

    The last one is the CPU time of child processes that the call started and waited for.
    """
    children = collected_children_ns()
    cpu = process_time_ns()
    started = perf_counter_ns()
    value = function(item)
    ended, cpu = perf_counter_ns(), process_time_ns() - cpu
    return value, os.getpid(), started, ended, cpu, collected_children_ns() - children


def stamped_in_thread(
    function: Callable[[Any], Any], item: Any, host: str = ""
) -> tuple[Any, int, int, int, int, int, str, int]:
    """The same for a worker that shares its process with others: native thread id and the thread's own CPU time.

    What its native threads and child processes take can't be told from those of the others here. Behind the host is
    what the thread has used in its whole life: between its tasks it takes the next one and gives results back.
    """
    before = thread_time_ns()
    started = perf_counter_ns()
    value = function(item)
    ended, after = perf_counter_ns(), thread_time_ns()
    return value, threading.get_native_id(), started, ended, after - before, 0, host, after
