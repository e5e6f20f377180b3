"""Work that uses several CPUs by itself: in a library's threads or in Python's own; and some that looks as if."""

from __future__ import annotations

import hashlib
import os
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

BLOCK = bytes(20_000_000)
MATRIX = np.random.default_rng(5).random((700, 700))
few = range(2)


def in_blas(number: int) -> float:
    return float((MATRIX @ MATRIX).trace()) + number


def in_solver(number: int) -> float:
    return float(np.linalg.solve(MATRIX, MATRIX).sum())


def in_own_threads(number: int) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda block: hashlib.sha256(block).hexdigest(), [BLOCK, BLOCK]))


def in_one_thread_without_gil(number: int) -> int:
    return zlib.crc32(BLOCK)


def in_threads_under_gil(number: int) -> list[int]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda start: sum(range(start, 1_000_000)), [0, 1]))


def limits_seen(number: int) -> list[str | None]:
    """The limits of native threads in the environment of whoever is at work."""
    return [os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")]


def limited_to_one(number: int) -> int:
    """Raises where the limits have not come through."""
    if limits_seen(number) != ["1", "1", "1"]:
        raise ValueError(f"limits are {limits_seen(number)}")
    return number
