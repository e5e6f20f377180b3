"""Coroutines that keep the event loop in several ways, and some that give it back."""

# ruff: noqa: ASYNC221, ASYNC251  (they block on purpose)

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

PAUSE_S = 0.08  # long beside the turns that others take between two steps
few = range(2)


def compute(number: int) -> int:
    total, until = 0, time.thread_time() + PAUSE_S
    while time.thread_time() < until:
        total += number
    return 0


async def sleeps(number: int) -> int:
    time.sleep(PAUSE_S)
    return number


async def computes(number: int) -> int:
    return compute(number)


async def runs_a_program(number: int) -> int:
    return subprocess.run(["/bin/sleep", f"{PAUSE_S}"], check=True).returncode


async def suspends_once(number: int) -> int:
    await asyncio.sleep(0)
    time.sleep(PAUSE_S)
    return number


async def in_a_task(number: int) -> int:
    """What blocks is another task than the one that is awaited."""
    return await asyncio.wait_for(sleeps(number), 5)


class NeverSuspends:
    def __await__(self) -> Generator[None, None, int]:
        time.sleep(PAUSE_S)
        yield from ()
        return 1


async def awaits_what_never_suspends(number: int) -> int:
    return await NeverSuspends()


async def waits_for_a_thread(number: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, PAUSE_S).result()


async def fetch(number: int, pause_s: float) -> int:
    time.sleep(pause_s)
    return number


partly_applied = partial(fetch, pause_s=PAUSE_S)


async def awaits(number: int) -> int:
    await asyncio.sleep(PAUSE_S)
    return number


async def awaits_often(number: int) -> int:
    for _ in range(4):
        await asyncio.sleep(PAUSE_S / 4)
    return number


helper = ThreadPoolExecutor(1)


def start_helper() -> None:
    """Beforehand: whoever starts a thread waits until it runs, which may take long on a busy machine."""
    helper.submit(int).result()


async def in_thread(number: int) -> None:
    await asyncio.get_running_loop().run_in_executor(helper, time.sleep, PAUSE_S)


async def computes_in_thread(number: int) -> int:
    return await asyncio.get_running_loop().run_in_executor(helper, compute, number)


async def awaits_a_program(number: int) -> int:
    return await (await asyncio.create_subprocess_exec("/bin/sleep", f"{3 * PAUSE_S}")).wait()


async def in_tasks(number: int) -> tuple[int, int]:
    return await asyncio.gather(awaits(number), awaits(number))


async def does_half_of_each(number: int) -> int:
    await asyncio.sleep(PAUSE_S)
    time.sleep(PAUSE_S * 0.6)
    return number
