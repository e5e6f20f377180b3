"""Work that waits: for time to pass, and for a real HTTP server on this machine to answer."""

from __future__ import annotations

import socket
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from poolscope.workloads.functions import square_sleep

if TYPE_CHECKING:
    from poolscope.workloads.catalog import Asked, Work

HOST = "127.0.0.1"
ANSWER_LIMIT_S = 60.0
ENOUGH = 1 << 16
SERVER = Path(__file__).with_name("http_server.py")


class WrongAnswer(Exception):
    """The server said something else than it was asked for."""


def get(port: int, n: int) -> int:
    """One request on a connection of its own, as most scripts make them; the server says n back."""
    with socket.create_connection((HOST, port), ANSWER_LIMIT_S) as connection:
        connection.sendall(request(n))
        parts = []
        while part := connection.recv(ENOUGH):
            parts.append(part)
    return number(b"".join(parts))


async def get_by_asyncio(port: int, n: int) -> int:
    """The same as a coroutine, by asyncio's streams."""
    import asyncio  # by now somebody has; the workers of other kinds need not

    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request(n))
        return number(await reader.read())
    finally:
        writer.close()
        await writer.wait_closed()


def request(n: int) -> bytes:
    return b"GET /%d HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (n, HOST.encode())


def number(answer: bytes) -> int:
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise WrongAnswer(f"The server answered {answer[:60]!r}.")
    return int(body)


async def square_sleep_by_asyncio(seconds: float, n: int) -> int:
    import asyncio

    await asyncio.sleep(seconds)
    return n * n


def make_sleep(asked: Asked) -> Work:
    return work_of(
        partial(square_sleep, asked.work_ms / 1000), partial(square_sleep_by_asyncio, asked.work_ms / 1000), asked.count
    )


def make_http(asked: Asked) -> Work:
    """Start the server, in a process of its own; close() ends it, and so does the end of this process."""
    import subprocess  # here, as the others: workers that import this module have no use for them

    from poolscope.machine.processes import exit_description

    server = subprocess.Popen(
        [sys.executable, "-I", "-S", str(SERVER), str(asked.work_ms / 1000)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    line = server.stdout.readline()
    if not line:
        raise OSError(f"The HTTP server {exit_description(server.wait())} instead of naming its port.")
    port = int(line)

    def close() -> None:
        server.terminate()
        server.communicate()

    return work_of(partial(get, port), partial(get_by_asyncio, port), asked.count, close)


def work_of(
    function: Callable[[int], int],
    coroutine: Callable[[int], Awaitable[int]],
    count: int,
    close: Callable[[], None] | None = None,
) -> Work:
    from poolscope.workloads.catalog import Work, nothing

    return Work(function, range(1, count + 1), coroutine, close=close or nothing)


MAKERS = {"sleep": make_sleep, "http": make_http}
