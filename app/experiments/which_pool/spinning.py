"""How many CPUs this run really gets: processes that spin, and the CPU time that they gain a second."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from time import perf_counter, process_time
from typing import Any

from app.runner.stage import Stage

SECONDS = 0.2
PATIENCE_S = 10.0


def effective_cpus(stage: Stage, usable: int) -> dict[str, Any]:
    """CPU seconds a wall second that one spinning process got, and as many as there are usable CPUs."""
    found = {}
    for number in sorted({1, usable}):
        got = spun(stage, number)
        if got is not None:
            found[str(number)] = got
    return {"effective": found, "seconds": SECONDS}


def spun(stage: Stage, number: int) -> float | None:
    """Spin in so many processes at once; None when they could not be had."""
    context = multiprocessing.get_context("fork")  # they do nothing but count
    barrier = context.Barrier(number)
    pairs = [context.Pipe(duplex=False) for _ in range(number)]
    workers = [context.Process(target=spin, args=(barrier, into), daemon=True) for _, into in pairs]
    try:
        with stage.recorder.quiet(), stage.interruptible():
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
