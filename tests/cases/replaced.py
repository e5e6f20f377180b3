"""Work in pools whose workers are replaced after so many tasks."""

from __future__ import annotations

import os
import time

few = list(range(8))
deadly = [1, 2, 3, 4, 5, 6, 0, 8]


def pid_of(_: int) -> int:
    return os.getpid()


def square(number: int) -> int:
    return number * number


def dies_of_zero(number: int) -> int:
    if number == 0:
        time.sleep(0.3)  # until somebody knows this worker
        os._exit(3)
    return number
