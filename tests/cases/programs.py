"""Work whose CPU time is that of child processes: programs, pools of its own, kept or made anew."""

from __future__ import annotations

import asyncio
import multiprocessing
import shlex
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache

COMPUTE = "print(sum(i * i % 7 for i in range(600_000)))"  # long beside what else may hold up its parent
COMMAND = [sys.executable, "-I", "-S", "-c", COMPUTE]
few = range(2)


def total(number: int, count: int = 1_000_000) -> int:
    return sum(i * number % 7 for i in range(count))


def in_program(number: int) -> bytes:
    return subprocess.run(COMMAND, capture_output=True, check=True).stdout


def in_shells_background(number: int) -> bytes:
    """A child of a child computes, and the one between waits for it."""
    return subprocess.run(["/bin/sh", "-c", f"{shlex.join(COMMAND)} & wait"], capture_output=True, check=True).stdout


def in_own_pool(number: int) -> list[int]:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(total, [number, number + 1])


@cache
def kept_executor() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("fork"))


def in_kept_executor(number: int) -> int:
    """Its worker lives on, so that nobody has collected its times; they can be read in ticks of 10 ms alone."""
    return kept_executor().submit(total, number).result()


async def in_awaited_program(number: int) -> int:
    return await (await asyncio.create_subprocess_exec(*COMMAND, stdout=subprocess.DEVNULL)).wait()


def in_waiting_program(number: int) -> int:
    return subprocess.run(["/bin/sleep", "0.3"], check=True).returncode


def itself(number: int) -> int:
    return total(number)
