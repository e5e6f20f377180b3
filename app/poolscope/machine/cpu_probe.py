"""Effective CPUs, measured: the CPU seconds that n spinning processes gain in one wall second.

Also a program, `python -I -S spin.py N …`, which prints them by N as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from contextlib import closing
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from time import perf_counter_ns, process_time_ns
from typing import Any

WINDOW_S = 0.2
AHEAD_NS = 5_000_000  # so that everybody knows the window before it opens
LIMIT_S = 30.0


class NoAnswer(Exception):
    """A spinning process ended or did not start; the message says so."""


def effective(count: int, seconds: float = WINDOW_S, start_method: str = "") -> float:
    """Have `count` processes spin through the same window of wall time; what they gained of CPU time, over its length.

    `count` on a quiet machine with as many CPUs, less under a quota, beside others' work or with fewer CPUs. Nothing of
    it is left behind. Raises NoAnswer.
    """
    context: Any = multiprocessing.get_context(start_method or None)
    pairs = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=spin, args=(there,), daemon=True) for _, there in pairs]
    ours = [here for here, _ in pairs]
    try:
        for process in processes:
            process.start()
        for here, process in zip(ours, processes, strict=True):
            hear(here, process)
        begin = perf_counter_ns() + AHEAD_NS
        length = int(seconds * 1e9)
        for here in ours:
            here.send((begin, begin + length))
        return sum(int(hear(here, process)) for here, process in zip(ours, processes, strict=True)) / length
    finally:
        for process in processes:
            if process.pid is not None:
                process.kill()
                process.join()
        for ends in pairs:
            for end in ends:
                end.close()


def spin(told: Any) -> None:
    """One process: ready, told the window, the CPU time gained in it. One that wakes late has gained nothing before."""
    with closing(told):
        told.send(None)
        begin, end = told.recv()
        while perf_counter_ns() < begin:
            pass
        before = process_time_ns()
        while perf_counter_ns() < end:
            pass
        told.send(process_time_ns() - before)


def hear(here: Any, process: BaseProcess) -> Any:
    if here not in wait([here, process.sentinel], LIMIT_S):
        raise NoAnswer(f"A process that was to spin ended or did not answer within {LIMIT_S:.0f} s.")
    return here.recv()


if __name__ == "__main__":
    print(json.dumps({number: effective(int(number)) for number in sys.argv[1:]}))
