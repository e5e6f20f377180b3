"""Functions that use processes of their own, each in another way."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import Pool

few = [1, 2]
kept: list[Pool] = []


def part(number: int) -> int:
    return sum(step * number % 5 for step in range(1000))


def in_pool(number: int) -> int:
    with multiprocessing.Pool(1) as pool:
        return sum(pool.map(part, range(number, number + 4)))


def in_executor(number: int) -> int:
    with ProcessPoolExecutor(1) as pool:
        return sum(pool.map(part, range(number, number + 4)))


def in_fork_server(number: int) -> int:
    with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as pool:
        return sum(pool.map(part, range(number, number + 4)))


def two_levels(number: int) -> int:
    with ProcessPoolExecutor(1) as pool:
        return sum(pool.map(in_pool, range(number, number + 2)))


def in_threads(number: int) -> int:
    with ThreadPoolExecutor(1) as pool:
        return sum(pool.map(in_pool, range(number, number + 2)))


def in_kept_pool(number: int) -> int:
    """The pool lives on in the process that calls, whose children are then not those of a measured pool alone."""
    if not kept:
        kept.append(multiprocessing.Pool(1))
    return kept[0].apply(part, (number,))


threads: list[ThreadPoolExecutor] = []


def in_kept_threads(number: int) -> int:
    """A pool's copy in a process that is forked has none of its threads."""
    if not threads:
        threads.append(ThreadPoolExecutor(1))
    return threads[0].submit(part, number).result()


async def in_loop(number: int) -> int:
    return await asyncio.to_thread(in_pool, number)
