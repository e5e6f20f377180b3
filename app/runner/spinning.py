"""How many CPUs one really gets here: processes that spin, and the CPU time that they gain a second.

Also a program of its own, `python -I -S spinning.py`, which prints that as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from multiprocessing.connection import Connection
from time import perf_counter, process_time
from typing import Any

SECONDS = 0.2
PATIENCE_S = 10.0


def effective_cpus() -> dict[str, Any]:
    """CPU seconds a wall second that one spinning process got, and as many as there are usable CPUs."""
    got = {str(number): spun(number) for number in sorted({1, usable_cpus()})}
    return {"effective": {number: cpus for number, cpus in got.items() if cpus is not None}, "seconds": SECONDS}


def usable_cpus() -> int:
    """The CPUs that we may be scheduled on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spun(number: int) -> float | None:
    """Spin in so many processes at once; None when they could not be had."""
    context = multiprocessing.get_context("fork")  # they do nothing but count
    barrier = context.Barrier(number)
    pairs = [context.Pipe(duplex=False) for _ in range(number)]
    workers = [context.Process(target=spin, args=(barrier, into), daemon=True) for _, into in pairs]
    try:
        for worker in workers:
            worker.start()
        for _, into in pairs:
            into.close()  # so that the end of a worker that can't answer is seen
        got: list[float] = [out.recv() for out, _ in pairs if out.poll(PATIENCE_S)]
        return sum(got)
    except (OSError, EOFError):
        return None
    finally:
        for worker in workers:
            if worker.pid is not None:
                worker.kill()
                worker.join()


def spin(barrier: Any, into: Connection) -> None:
    barrier.wait(PATIENCE_S)
    began, cpu = perf_counter(), process_time()
    while perf_counter() - began < SECONDS:
        pass
    into.send((process_time() - cpu) / (perf_counter() - began))


if __name__ == "__main__":
    print(json.dumps(effective_cpus()))
