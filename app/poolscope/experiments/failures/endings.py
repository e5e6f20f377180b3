"""How a case ended, in sentences, and what ending its workers did; said by the case itself, so standard library only.

What the cases observe in between stands beside the code that it tells of; what the server says is in `messages`.
"""

from __future__ import annotations

from collections.abc import Sequence

from poolscope.machine.processes import exit_description

# Exceptions in a thread or a process

HOOK_ONLY = "Nothing surfaced in the main thread: excepthook printed it, and main went on."
NOTHING_HANDED_OVER = "The queue stayed empty: nothing was handed over."


def caught_inside(what: str, error: BaseException) -> str:
    return f"The {what} caught {error!r} itself and went on; join() raised nothing."


def not_caught(caught: int, raised: bool) -> str:
    return f"Caught inside: {caught}; join() raised: {raised}."


def hook_called(times: int) -> str:
    return f"excepthook was called {times} times."


def raised_again(kind: str, frames_shown: bool) -> str:
    does = "shows" if frames_shown else "does not show"
    return f"Raised in the main thread as {kind}; its traceback {does} the worker's own frames."


def result_raised(error: str, usable: bool) -> str:
    return f"result() raised {error or 'nothing'}. The executor {'still works' if usable else 'no longer works'}."


def process_went_on(code: int | None, results: int) -> str:
    return f"The process caught it itself and went on; exit code {code}, {results} results sent."


def process_left_traces(code: int | None, kind: str) -> str:
    return f"join() raised nothing; exit code {code} and {kind} on stderr are all that is left."


def process_exited(code: int | None) -> str:
    return f"The process ended with exit code {code}."


# Pools


def no_answer(had: str, limit: float, tasks: Sequence[str], late_s: float, kinds: Sequence[str]) -> str:
    also = f", {', '.join(kinds)} for others" if kinds else f", which takes {late_s:g} s" if late_s else ""
    return f"{had}; no answer within {limit:g} s for {', '.join(tasks)}{also}."


def pool_broken(had: str, carrying: int, kind: str) -> str:
    return f"{had}; {carrying} carry {kind}."


def worker_killed_by_hand(worker: int | None, of: int, kept: int, tasks: int) -> str:
    """`worker` is the number of the one that was killed; None for one that died unasked."""
    died = f"You killed worker {worker} of {of}" if worker is not None else f"One of {of} workers died, unasked"
    return (
        f"{died}: its task was lost, and those of the other workers with it, since the executor was broken; "
        f"{results_kept(kept, tasks)}."
    )


def nobody_killed(seconds: float, tasks: int) -> str:
    return f"Nobody killed a worker within {seconds:g} s, so nothing broke: all {tasks} tasks returned."


def tasks_raised(had: str, kinds: Sequence[str], tasks: Sequence[str]) -> str:
    return f"{had}; {', '.join(kinds)} surfaced for {', '.join(tasks)}."


def results_kept(kept: int, of: int) -> str:
    return f"{kept} of {of} results kept"


def pool_closed(processes: int, left: int) -> str:
    plural = "es" if processes > 1 else ""
    ended = f"Closing ended {processes} worker process{plural}" if processes else "No worker process was left to end"
    return f"{ended}; {left} left"


def threads_left(busy: int) -> str:
    if busy == 0:
        return "Closing ended all its threads; 0 left"
    return f"Closing can't end a thread at work: {busy} left, which went with the process of this case"


# Limits and interrupts


def done_in_time(what: str, limit: float) -> str:
    return f"The {what} was done within {limit:g} s."


def terminated(code: int | None, took_ms: float) -> str:
    return f"It {exit_description(code)}, {took_ms:.1f} ms after terminate()."


def process_gone(code: int | None, gone: bool) -> str:
    return f"The process {exit_description(code)} and is {'gone' if gone else 'still there'}"


def ran_on(limit: float, took_s: float) -> str:
    return f"Still alive at the limit of {limit:g} s; it ran on to its end, {took_s:.2f} s."


def interrupted(kept: int, of: int, printed: int) -> str:
    times = "once" if printed == 1 else f"{printed} times"
    return f"{results_kept(kept, of)}; the workers' stderr names KeyboardInterrupt {times}."


def workers_ended(alive: int, of: int, took_ms: float, left: int) -> str:
    return f"{alive} of {of} workers lived on and were ended in {took_ms:.0f} ms; {left} left"


# Locks

RELEASED = "'with' released the lock although the code inside raised; B and C got it."
RELEASED_ON_THE_WAY_OUT = "The lock was released on the way out of 'with'"
ONE_ORDER = "With one order for both, each thread got both locks."
LEFT_TO_THE_END = "Threads that wait can't be ended; they went with the process of this case"


def owner_gone(waiting: Sequence[str], owner: str, alive: bool) -> str:
    return f"{' and '.join(waiting)} wait for a lock whose owner {owner} is {'alive' if alive else 'gone'}."


def deadlock(cycle: Sequence[str]) -> str:
    return f"{' and '.join(cycle)} wait for each other's lock: a cycle in the wait-for graph."


def no_progress(stuck: Sequence[str], limit: float) -> str:
    return f"No progress of {', '.join(stuck)} within {limit:g} s, and no cycle found."


def processes_killed(count: int, left: int) -> str:
    return f"{count} processes ended by SIGKILL, {left} left"


# Memory, output, logs

MEMORY_BACK = "The worker's memory went back with its process"
LISTENER_ENDED = "The listener's thread has ended, the queue is closed"


def limit_not_reached(grown: int) -> str:
    """Mimalloc, of free-threaded builds, maps a GiB at once."""
    return (
        f"The worker grew by {grown >> 20} MiB and never reached its limit: the limit counts what is newly mapped, and "
        "this Python had mapped that much before."
    )


def worker_contained(code: int | None) -> str:
    return f"The worker {exit_description(code)}; its parent was not limited by it."


def writer_waited(limit: float) -> str:
    return f"The writer waited until somebody read, here after {limit:g} s; else for ever."


def output_read(count: int, took_ms: float, kept: int) -> str:
    return f"{count} bytes read in {took_ms:.0f} ms, {kept} kept: nobody waited."


def errors_logged(seen: int, of: int) -> str:
    return f"{seen} of {of} errors arrived in one place, each with its stack trace."
