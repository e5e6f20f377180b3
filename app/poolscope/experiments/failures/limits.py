"""Time limits and interrupts: a task that takes too long in a process and in a thread, and Ctrl-C over a pool."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.failures import case_log, endings
from poolscope.experiments.failures.case_main import CaseContext
from poolscope.experiments.failures.payloads import CaseEnding, CleanedUp, InterruptsPrinted, WorkerExited
from poolscope.runner.pools.mp_pool import end_pool


def sleep_long(seconds: float) -> None:
    with case_log.doing(case_log.me(), "sleeping", f"{seconds:g} s"):
        time.sleep(seconds)


def time_limit(context: CaseContext) -> None:
    if context.case == "thread":
        in_a_thread(context)
    else:
        in_a_process(context)


def in_a_process(context: CaseContext) -> None:
    process = multiprocessing.Process(target=sleep_long, args=(context.long,), daemon=True)
    process.start()
    actor = f"worker {process.pid}"
    case_log.moment(
        f"a process (pid {process.pid}) begins a task of {context.long:g} s; main waits in join({context.limit:g})"
    )
    with case_log.doing("main", "blocked", what="thread"):
        process.join(context.limit)
    if not process.is_alive():
        case_log.kept(["the task's result"])
        case_log.outcome(CaseEnding.NOTHING_FAILED, endings.done_in_time("task", context.limit))
        return
    began = case_log.moment("the limit is over and it is still alive: terminate()", "killed")
    process.terminate()
    process.join(context.limit * 10)
    case_log.died(actor, began)
    took = (perf_counter_ns() - began) / 1e6
    gone = not exists(process.pid or 0)
    case_log.moment(
        f"exit code {process.exitcode}; kill(pid, 0) finds {'no such process' if gone else 'it still there'}",
        "done" if gone else "failed",
    )
    case_log.lost(["the task's result"])
    case_log.note(
        CleanedUp(
            endings.process_gone(process.exitcode, gone),
            left=0 if gone else 1,
        )
    )
    case_log.note(WorkerExited(process.exitcode))
    case_log.outcome(CaseEnding.TIMED_OUT, endings.terminated(process.exitcode, took))


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def in_a_thread(context: CaseContext) -> None:
    done: list[str] = []

    def worker() -> None:
        with case_log.doing("worker", "sleeping", f"{context.long:g} s", what="thread"):
            time.sleep(context.long)  # deaf: it looks at nothing
            done.append("the task's result, late")

    thread = threading.Thread(target=worker, name="worker", daemon=True)
    began = case_log.moment(f"a thread begins a task of {context.long:g} s; main waits in join({context.limit:g})")
    with case_log.doing("main", "blocked", what="thread"):
        thread.start()
        thread.join(context.limit)
    alive = thread.is_alive()
    ends = [name for name in ("terminate", "kill", "cancel") if hasattr(thread, name)]
    case_log.moment(
        f"it is {'still alive' if alive else 'over'}; ways to end a thread: {', '.join(ends) or 'none'}",
        "failed" if alive else "done",
    )
    with case_log.doing("main", "blocked", what="thread"):
        thread.join(context.long * 2)
    took = (perf_counter_ns() - began) / 1e9
    over = not thread.is_alive()
    case_log.moment(
        f"{took:.3f} s: the thread {'ended by itself' if over else 'still runs'}", "done" if over else "failed"
    )
    case_log.kept(done)
    case_log.lost([] if done else ["the task's result"])
    if alive:
        case_log.outcome(
            CaseEnding.CANT_BE_ENDED,
            endings.ran_on(context.limit, took),
        )
    else:
        case_log.outcome(CaseEnding.NOTHING_FAILED, endings.done_in_time("thread", context.limit))


def nap(number: int, seconds: float) -> int:
    with case_log.doing(case_log.me(), "sleeping", f"task {number}"):
        time.sleep(seconds)
        return number


def keyboard_interrupt(context: CaseContext) -> None:
    """SIGINT to the whole process group, as a terminal sends it at Ctrl-C."""
    pool: Any = multiprocessing.Pool(2) if context.case == "Pool" else ProcessPoolExecutor(2)
    call: Any = pool.apply_async if context.case == "Pool" else pool.submit
    got: list[int] = []
    interrupted = 0
    try:
        tickets = [
            call(nap, (n, context.limit)) if context.case == "Pool" else call(nap, n, context.limit)
            for n in range(1, 7)
        ]
        case_log.moment(f"six tasks of {context.limit:g} s in {context.case}(2); main waits for the results")
        with case_log.doing("main", "blocked", what="thread"):
            for ticket in tickets:
                got.append(ticket.get(20) if context.case == "Pool" else ticket.result(20))
                if len(got) == 2:  # the next two tasks have just begun
                    threading.Timer(context.limit / 2, press).start()
    except KeyboardInterrupt as error:
        interrupted = case_log.moment("KeyboardInterrupt in the main thread, out of the wait for a result", "failed")
        case_log.surfaced(error, "the main thread, where it waited for a result", at=interrupted)
    except Exception as error:
        at = case_log.moment(f"{type(error).__name__} in the main thread", "failed")
        case_log.surfaced(error, "the main thread, from a worker that was interrupted", at=at)
    finally:
        children = multiprocessing.active_children()
        began = perf_counter_ns()
        if context.case == "Pool":
            end_pool(pool)
        else:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.terminate()
                child.join(2)
        # By their sentinels: an executor's own thread may be about to note the exit code that it has just collected.
        left = [child for child in children if not wait([child.sentinel], 2)]
        took = (perf_counter_ns() - began) / 1e6
        said = endings.workers_ended(len(children), 2, took, len(left))
        case_log.note(CleanedUp(said, left=len(left)))
        case_log.moment(f"the pool is ended, {len(left)} workers left", "done")
    printed = context.stderr.count("KeyboardInterrupt")
    case_log.note(InterruptsPrinted(printed))
    case_log.kept(f"task {n}" for n in got)
    case_log.lost(f"task {n}" for n in range(1, 7) if n not in got)
    ending = CaseEnding.NOTHING_FAILED
    if len(got) < 6:
        ending = CaseEnding.INTERRUPTED if interrupted else CaseEnding.RAISED
    case_log.outcome(
        ending,
        endings.interrupted(len(got), 6, printed),
    )


def press() -> None:
    case_log.moment("SIGINT to the whole process group, as Ctrl-C sends it", "killed")
    os.killpg(os.getpgrp(), signal.SIGINT)
