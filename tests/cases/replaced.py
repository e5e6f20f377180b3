"""Work in pools whose workers are replaced after so many tasks."""

from __future__ import annotations

import os

few = list(range(8))


def pid_of(_: int) -> int:
    return os.getpid()


def square(number: int) -> int:
    return number * number
