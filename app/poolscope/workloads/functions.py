"""The functions that pools run, and what is known of each: its kind, the length of one call, how it is set up.

Workers import this module before their first answer, so it imports little itself; what only one workload needs comes
with that workload.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import Any

BLOCK = bytes(16 * 1024)  # hashlib lets go of the GIL for anything over 2,047 bytes
FILES = 16
FILE_BYTES = 128 * 1024
LONG_ENOUGH_NS = 3_000_000  # a calibration shorter than that would measure the clock and the scheduler


def square(n: int) -> int:
    return n * n


def square_sleep(seconds: float, n: int) -> int:
    time.sleep(seconds)
    return n * n


def sum_of_squares(rounds: int, n: int) -> int:
    total = n * n
    for k in range(rounds):
        total += k * k
    return total


def factorial(n: int) -> int:
    return math.factorial(n)


def sha256(new: Callable[[bytes], Any], rounds: int, n: int) -> str:
    digest = new(b"%d" % n)
    for _ in range(rounds):
        digest.update(BLOCK)
    return str(digest.hexdigest())


def read_file(paths: tuple[str, ...], n: int) -> int:
    with open(paths[n % len(paths)], "rb") as file:  # noqa: PTH123  (no Path made in the timed code)
        return len(file.read())


class Ready:
    """A workload that is set up: the picklable function, the same for every arm, and what setting it up found out.

    `rounds` is None unless the length of a call was calibrated; `one_call_s` is then what a call took here.
    """

    def __init__(self, function: Callable[[int], Any], rounds: int | None = None, one_call_s: float | None = None):
        self.function = function
        self.rounds = rounds
        self.one_call_s = one_call_s


class Workload:
    """One row of the table: `nature` is 'cpu', 'waiting' or 'files'; `work_ms` the default length, None without one."""

    def __init__(self, nature: str, work_ms: float | None, set_up: Callable[[float, Path, int | None], Ready]):
        self.nature = nature
        self.work_ms = work_ms
        self._set_up = set_up

    def set_up(self, work_ms: float | None, scratch: Path, rounds: int | None = None) -> Ready:
        """Return the function to map. Takes some tens of milliseconds where the length of a call is calibrated.

        It is not where the `rounds` are given, which another Python's calibration has found.
        """
        return self._set_up(work_ms or self.work_ms or 0.0, scratch, rounds)


def calibrated(work_ms: float, of_rounds: Callable[[int], Callable[[int], Any]], given: int | None = None) -> Ready:
    """Find the rounds that make one call take `work_ms` in this thread, or take those that are given.

    The least of several times is taken: a disturbance only ever makes a call longer.
    """
    if given is not None:
        return Ready(of_rounds(given), given)
    rounds, target_ns = 1, work_ms * 1e6
    while (took := least_ns(of_rounds(rounds), calls=1)) < min(LONG_ENOUGH_NS, target_ns):
        rounds *= 2
    took = least_ns(of_rounds(rounds), calls=5)
    rounds = max(1, round(rounds * target_ns / took))
    function = of_rounds(rounds)
    return Ready(function, rounds, least_ns(function, calls=3) / 1e9)


def least_ns(function: Callable[[int], Any], calls: int) -> int:
    times = []
    for _ in range(calls):
        started = perf_counter_ns()
        function(1)
        times.append(perf_counter_ns() - started)
    return max(1, min(times))


def set_up_sum_of_squares(work_ms: float, _: Path, given: int | None) -> Ready:
    return calibrated(work_ms, lambda rounds: partial(sum_of_squares, rounds), given)


def set_up_sha256(work_ms: float, _: Path, given: int | None) -> Ready:
    import hashlib  # brings OpenSSL, which no other workload should have to load

    return calibrated(work_ms, lambda rounds: partial(sha256, hashlib.sha256, rounds), given)


def set_up_read_files(_: float, scratch: Path, __: int | None) -> Ready:
    paths = []
    for number in range(FILES):
        path = scratch / f"{number}.bin"
        path.write_bytes(os.urandom(FILE_BYTES + number))
        paths.append(str(path))
    return Ready(partial(read_file, tuple(paths)))


WORKLOADS: dict[str, Workload] = {
    "square": Workload("cpu", None, lambda *_: Ready(square)),
    "square-sleep": Workload("waiting", 1000.0, lambda work_ms, *_: Ready(partial(square_sleep, work_ms / 1000))),
    "sum-of-squares": Workload("cpu", 20.0, set_up_sum_of_squares),
    "factorial": Workload("cpu", None, lambda *_: Ready(factorial)),
    "sha256": Workload("cpu", 20.0, set_up_sha256),
    "read-files": Workload("files", None, set_up_read_files),
}
