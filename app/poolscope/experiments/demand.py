"""What a run will take of the machine, estimated from its parameters before it starts.

Rough on purpose, and rather too much than too little: it decides what runs beside what, never what a result means. The
figures are proportional set sizes, measured on CPython 3.11 to 3.14 under Linux.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024
RUNNER = 32 * MIB  # the run's own process
HOST = 48 * MIB  # one of a Python under test, with numpy left out
WORKER = 10 * MIB  # a process of a pool; 4 to 8 were seen
ENGINE_WORKER = 28 * MIB  # of loky or joblib, which import more; 13 to 25 were seen
DASK_WORKER = 64 * MIB  # 50 was seen, and a part of the process that watches it
DASK_CLUSTER = 70 * MIB  # the process of its scheduler; 60 was seen
DASK_THREADS = 8  # of each of its processes; 5 to 7 were seen
RAY_WORKER = 66 * MIB  # 62 was seen
RAY_CLUSTER = 340 * MIB  # the eight processes that it is before its first worker; 320 were seen
RAY_THREADS = 200  # of those eight; 176 were seen
RAY_WORKER_THREADS = 24  # 21 were seen
THREAD = MIB // 8
INTERPRETER = 10 * MIB


@dataclass(frozen=True, slots=True)
class Demand:
    """`busy` threads and processes that may want a CPU at the same time, all `processes` and threads together, since
    the kernel counts them together, and `memory` in bytes."""

    busy: int
    processes: int
    memory: int

    def __mul__(self, times: int) -> Demand:
        return Demand(self.busy * times, self.processes * times, self.memory * times)

    def __add__(self, other: Demand) -> Demand:
        return Demand(self.busy + other.busy, self.processes + other.processes, self.memory + other.memory)


NOTHING = Demand(0, 0, 0)
SMALL = Demand(busy=2, processes=16, memory=3 * RUNNER)  # what has a few processes, one after the other
