"""A pool of threads that the module makes: a forked worker has the pool and none of its threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

items = list(range(4))
pool = ThreadPoolExecutor(1, "helper")
pool.submit(abs, 1).result()


def hands_on(number: int) -> int:
    return pool.submit(abs, number).result()
