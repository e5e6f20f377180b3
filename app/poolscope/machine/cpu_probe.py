"""Effective CPUs, measured: the CPU seconds that n spinning processes gain in one wall second; and how fast one is.

Also a program, `python -I -S cpu_probe.py N …`, which prints them by N as JSON. It stands alone: no import of ours.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from contextlib import closing
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import Any

WINDOW_S = 0.2
AHEAD_NS = 5_000_000  # so that everybody knows the window before it opens
LIMIT_S = 30.0
FIXED_LOOP = 100_000  # turns, of 1 to 3 ms


class ProbeFailed(Exception):
    """A spinning process ended or did not start; the message says so."""


def effective_cpus(count: int, seconds: float = WINDOW_S, start_method: str = "") -> float:
    """Have `count` processes spin through one window of wall time. Returns the CPU time that they gain over its length.

    `count` on a quiet machine with as many CPUs, less under a quota, beside others' work or with fewer CPUs. Nothing of
    it is left behind. Raises ProbeFailed.
    """
    context: Any = multiprocessing.get_context(start_method or None)
    pairs = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=spin, args=(there,), daemon=True) for _, there in pairs]
    ours = [here for here, _ in pairs]
    try:
        for process in processes:
            process.start()
        for here, process in zip(ours, processes, strict=True):
            receive(here, process)
        begin = perf_counter_ns() + AHEAD_NS
        length = int(seconds * 1e9)
        for here in ours:
            here.send((begin, begin + length))
        return sum(int(receive(here, process)) for here, process in zip(ours, processes, strict=True)) / length
    finally:
        for process in processes:
            if process.pid is not None:
                process.kill()
                process.join()
        for ends in pairs:
            for end in ends:
                end.close()


def fixed_loop_ns() -> int:
    """The CPU time that this thread takes for a loop that is always the same; it grows where its CPU runs slower.

    That is how a neighbour shows of whom the system knows nothing, on the same core but in another virtual machine.
    """
    began = thread_time_ns()
    for _ in range(FIXED_LOOP):
        pass
    return thread_time_ns() - began


def spin(connection: Connection) -> None:
    """One process: report ready, receive the window, send the CPU time gained in it. One that wakes late gains less."""
    with closing(connection):
        connection.send(None)
        begin, end = connection.recv()
        while perf_counter_ns() < begin:
            pass
        before = process_time_ns()
        while perf_counter_ns() < end:
            pass
        connection.send(process_time_ns() - before)


def receive(connection: Connection, process: BaseProcess) -> Any:
    """What the process sends. Raises ProbeFailed when it ends first, or takes too long."""
    if connection not in wait([connection, process.sentinel], LIMIT_S):
        raise ProbeFailed(f"A process that was to spin ended or did not answer within {LIMIT_S:.0f} s.")
    return connection.recv()


if __name__ == "__main__":
    print(json.dumps({number: effective_cpus(int(number)) for number in sys.argv[1:]}))
