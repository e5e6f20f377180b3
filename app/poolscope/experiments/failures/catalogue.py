"""The scenarios by name: title, the cases of each, and what to take away. Data only; both sides use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario; each of its `cases` runs in an interpreter of its own. The first case stands for the whole row."""

    name: str
    title: str
    explanation: str
    cases: tuple[str, ...] = ("",)

    @property
    def slug(self) -> str:
        return self.name.replace("-", "_")


POOLS = ("Pool", "ProcessPoolExecutor")
TOOLS = ("ThreadPoolExecutor", *POOLS, "InterpreterPoolExecutor")
FAULTS = ("raises", "exits", "too long", "result not picklable")
TASKS = 8  # that a pool gets
SIDE_BY_SIDE = "side-by-side"  # the scenario of every fault under every kind of pool
BY_HAND = "by-hand"  # the one that waits for somebody to kill a worker, with so many workers
BY_HAND_WORKERS = 4
ENGINES = ("loky", "dask")  # from outside the standard library: on request, since their workers take long to start
# Whose pools get TASKS tasks, and have longer to answer than the limit, since their workers have to start.
POOLED = ("worker-killed", "not-picklable", SIDE_BY_SIDE)
UNCOUNTED = ("memory-limit", "output-flood")  # what is kept and lost there are no tasks
BY_TIME = ("time-limit",)  # whose long task is as long as it is asked for
# Where somebody waits, or works, for as long as the limit; others wait many times as long for what comes anyway.
BY_LIMIT = ("time-limit", "lock-exception", "deadlock", "output-flood", "keyboard-interrupt")


def too_long(task: float) -> float:
    """Seconds of the long task under each kind of pool, which must outlast the limit and the start of workers."""
    return 2 * task + 1


def each(words: tuple[str, ...], tools: tuple[str, ...]) -> tuple[str, ...]:
    """Every word with every tool: 'raises / Pool'."""
    return tuple(f"{word} / {tool}" for word in words for tool in tools)


_ALL = (
    Scenario(
        "thread-caught",
        "Exception in a thread, caught inside",
        "A try inside the thread's function keeps the fault there: the thread goes on with its other items. "
        "Nobody else learns of it unless the handler says so.",
    ),
    Scenario(
        "thread-uncaught",
        "Exception in a thread, not caught",
        "join() does not raise. Only threading.excepthook sees the exception and prints it; set it, or use futures.",
    ),
    Scenario(
        "thread-queue",
        "Exception handed over by a queue",
        "Put the exception into a queue and raise it where it can be dealt with. Its traceback still shows the worker.",
    ),
    Scenario(
        "thread-future",
        "Exception in a Future",
        "A Future keeps the exception and raises it in result(). A result() that is never called hides it.",
    ),
    Scenario(
        "process-caught",
        "Exception in a process, caught inside",
        "As in a thread. What the process changed stays in its own memory: to be kept, it must be sent.",
    ),
    Scenario(
        "process-uncaught",
        "Exception in a process, not caught",
        "The process ends with an exit code and a traceback on stderr; join() does not raise. Look at exitcode.",
    ),
    Scenario(
        "process-queue",
        "Exception handed over by multiprocessing.Queue",
        "An exception travels by pickle, which leaves its traceback behind. Send traceback.format_exc() with it.",
    ),
    Scenario(
        "pool-methods",
        "Cannot process 0: map, imap, apply_async, futures",
        "map throws all results away for one exception; imap, apply_async and futures keep the others.",
        ("Pool.map", "Pool.imap", "Pool.apply_async", "futures"),
    ),
    Scenario(
        "worker-killed",
        "A worker of a process pool dies",
        "A Pool replaces the worker but not its task, so always give get() a time limit. An executor breaks at once: "
        "build a new one and submit again what has no result.",
        each(("SIGKILL", "os._exit", "segmentation fault"), POOLS),
    ),
    Scenario(
        "time-limit",
        "A task longer than its limit",
        "A process can be terminated, and its exit code proves it. A thread can't be ended: give it an Event to "
        "look at.",
        ("process", "thread"),
    ),
    Scenario(
        "lock-exception",
        "Exception while holding a lock",
        "with releases the lock on the way out. A bare acquire() leaves it locked for ever: use with, and a timeout "
        "where somebody must notice.",
        ("acquire without finally", "with"),
    ),
    Scenario(
        "deadlock",
        "Two locks in opposite order",
        "Each holds what the other waits for. Take locks in one order everywhere; a watchdog finds the cycle.",
        ("threads, opposite order", "threads, same order", "processes, opposite order"),
    ),
    Scenario(
        "not-picklable",
        "What can't be pickled",
        "Arguments, functions, results and exceptions cross by pickle. Give own exceptions one message argument, and "
        "a time limit to every get().",
        each(("argument", "function", "result", "exception", "initializer raises"), POOLS),
    ),
    Scenario(
        "memory-limit",
        "A worker grows past its memory limit",
        "setrlimit in the worker turns growth into a MemoryError of that worker alone.",
    ),
    Scenario(
        "output-flood",
        "A worker floods its output",
        "A pipe holds 64 KiB; then the writer waits. Read while it runs, and keep no more than a bound.",
        ("wait, then read", "read with a bound"),
    ),
    Scenario(
        "keyboard-interrupt",
        "KeyboardInterrupt in a pool's parent",
        "Ctrl-C reaches parent and workers alike. Terminate the pool in the parent; let workers ignore SIGINT.",
        POOLS,
    ),
    Scenario(
        "central-logging",
        "All errors in one log",
        "QueueHandler in threads and processes, one QueueListener: every record arrives in one place with its stack "
        "trace.",
    ),
    Scenario(
        SIDE_BY_SIDE,
        "The same fault under each kind of pool",
        "What one kind of pool reports, another hides, and a third does not survive.",
        each(FAULTS, TOOLS),
    ),
    Scenario(
        BY_HAND,
        "Kill a worker yourself",
        "An executor breaks as soon as one of its workers dies, and gives up the tasks of the others as well. Then "
        "keep what has come back, build a new executor, and submit the rest again.",
    ),
)

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in _ALL}

ALL = "all"
EVERY = tuple(name for name in SCENARIOS if name != BY_HAND)  # what 'all' stands for: nobody has to do anything


def chosen(names: Sequence[str]) -> list[str]:
    """The scenarios of a run in the catalogue's order; 'all' stands for every one that waits for nobody."""
    asked = {*names, *(EVERY if ALL in names else ())}
    return [name for name in SCENARIOS if name in asked]


def cases_of(scenario: str, engines: Sequence[str]) -> tuple[str, ...]:
    """The cases of a scenario in a run that asks for these engines as well."""
    further = each(FAULTS, tuple(engines)) if scenario == SIDE_BY_SIDE else ()
    return (*SCENARIOS[scenario].cases, *further)


def key(scenario: str, case: str) -> str:
    """How records name a case: 'time-limit: thread', and just the scenario where it has one case."""
    return f"{scenario}: {case}" if case else scenario
