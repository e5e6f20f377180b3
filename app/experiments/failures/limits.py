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

from app.experiments.failures import diary
from app.experiments.failures.lab import Lab
from app.runner.pools import end
from app.runner.watch import manner


def sleep_long(seconds: float) -> None:
    with diary.doing(diary.me(), "sleeping", f"{seconds:g} s"):
        time.sleep(seconds)


def time_limit(lab: Lab) -> None:
    if lab.case == "thread":
        in_a_thread(lab)
    else:
        in_a_process(lab)


def in_a_process(lab: Lab) -> None:
    process = multiprocessing.Process(target=sleep_long, args=(lab.long,), daemon=True)
    process.start()
    actor = f"worker {process.pid}"
    diary.moment(f"a process (pid {process.pid}) begins a task of {lab.long:g} s; main waits in join({lab.limit:g})")
    with diary.doing("main", "blocked", what="thread"):
        process.join(lab.limit)
    if not process.is_alive():
        diary.kept(["the task's result"])
        diary.outcome("nothing failed", f"The task was done within {lab.limit:g} s.")
        return
    began = diary.moment("the limit is over and it is still alive: terminate()", "killed")
    process.terminate()
    process.join(lab.limit * 10)
    diary.died(actor, began)
    took = (perf_counter_ns() - began) / 1e6
    gone = not exists(process.pid or 0)
    diary.moment(f"exit code {process.exitcode}; kill(pid, 0) finds {'no such process' if gone else 'it still there'}",
                 "done" if gone else "failed")  # fmt: skip
    diary.lost(["the task's result"])
    diary.cleaned(f"The process {manner(process.exitcode)} and is {'gone' if gone else 'still there'}")
    diary.note("exitcode", process.exitcode)
    diary.outcome("timed out", f"It {manner(process.exitcode)}, {took:.1f} ms after terminate().")


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def in_a_thread(lab: Lab) -> None:
    done: list[str] = []

    def worker() -> None:
        with diary.doing("worker", "sleeping", f"{lab.long:g} s", what="thread"):
            time.sleep(lab.long)  # deaf: it looks at nothing
            done.append("the task's result, late")

    thread = threading.Thread(target=worker, name="worker", daemon=True)
    began = diary.moment(f"a thread begins a task of {lab.long:g} s; main waits in join({lab.limit:g})")
    with diary.doing("main", "blocked", what="thread"):
        thread.start()
        thread.join(lab.limit)
    alive = thread.is_alive()
    ends = [name for name in ("terminate", "kill", "cancel") if hasattr(thread, name)]
    diary.moment(f"it is {'still alive' if alive else 'over'}; ways to end a thread: {', '.join(ends) or 'none'}",
                 "failed" if alive else "done")  # fmt: skip
    with diary.doing("main", "blocked", what="thread"):
        thread.join(lab.long * 2)
    took = (perf_counter_ns() - began) / 1e9
    over = not thread.is_alive()
    diary.moment(
        f"{took:.3f} s: the thread {'ended by itself' if over else 'still runs'}", "done" if over else "failed"
    )
    diary.kept(done)
    diary.lost([] if done else ["the task's result"])
    if alive:
        diary.outcome(
            "can't be ended", f"Still alive at the limit of {lab.limit:g} s; it ran on to its end, {took:.2f} s."
        )
    else:
        diary.outcome("nothing failed", f"The thread was done within {lab.limit:g} s.")


def nap(number: int, seconds: float) -> int:
    with diary.doing(diary.me(), "sleeping", f"task {number}"):
        time.sleep(seconds)
        return number


def keyboard_interrupt(lab: Lab) -> None:
    """SIGINT to the whole process group, as a terminal sends it at Ctrl-C."""
    pool: Any = multiprocessing.Pool(2) if lab.case == "Pool" else ProcessPoolExecutor(2)
    call: Any = pool.apply_async if lab.case == "Pool" else pool.submit
    got: list[int] = []
    interrupted = 0
    try:
        tickets = [call(nap, (n, lab.limit)) if lab.case == "Pool" else call(nap, n, lab.limit) for n in range(1, 7)]
        diary.moment(f"six tasks of {lab.limit:g} s in {lab.case}(2); main waits for the results")
        with diary.doing("main", "blocked", what="thread"):
            for ticket in tickets:
                got.append(ticket.get(20) if lab.case == "Pool" else ticket.result(20))
                if len(got) == 2:  # the next two tasks have just begun
                    threading.Timer(lab.limit / 2, press).start()
    except KeyboardInterrupt as error:
        interrupted = diary.moment("KeyboardInterrupt in the main thread, out of the wait for a result", "failed")
        diary.surfaced(error, "the main thread, where it waited for a result")
    except Exception as error:
        diary.moment(f"{type(error).__name__} in the main thread", "failed")
        diary.surfaced(error, "the main thread, from a worker that was interrupted")
    finally:
        children = multiprocessing.active_children()
        began = perf_counter_ns()
        if lab.case == "Pool":
            end(pool)
        else:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.terminate()
                child.join(2)
        # By their sentinels: an executor's own thread may be about to note the exit code that it has just collected.
        left = [child for child in children if not wait([child.sentinel], 2)]
        took = (perf_counter_ns() - began) / 1e6
        diary.cleaned(f"{len(children)} of 2 workers lived on and were ended in {took:.0f} ms; {len(left)} left")
        diary.moment(f"the pool is ended, {len(left)} workers left", "done")
    said = lab.stderr.count("KeyboardInterrupt")
    diary.note("interrupts_on_stderr", said)
    diary.kept(f"task {n}" for n in got)
    diary.lost(f"task {n}" for n in range(1, 7) if n not in got)
    word = "interrupted" if interrupted else "raised" if len(got) < 6 else "nothing failed"
    diary.outcome(
        word,
        f"{len(got)} of 6 results kept; the workers' stderr names KeyboardInterrupt {said} time{'s' * (said != 1)}.",
    )


def press() -> None:
    diary.moment("SIGINT to the whole process group, as Ctrl-C sends it", "killed")
    os.killpg(os.getpgrp(), signal.SIGINT)
