"""Work that waits: for time to pass, for a real HTTP server on this machine to answer, for files.

Workers import this, so what only the setting-up needs is imported there.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolscope.workloads.work import Work, WorkRequest

HOST = "127.0.0.1"
ANSWER_LIMIT_S = 60.0
ENOUGH = 1 << 16
SERVER = Path(__file__).with_name("http_server.py")
FILES = 16
FILE_BYTES = 128 * 1024


def square_sleep(seconds: float, n: int) -> int:
    time.sleep(seconds)
    return n * n


async def square_sleep_by_asyncio(seconds: float, n: int) -> int:
    import asyncio  # here, for the other functions do without

    await asyncio.sleep(seconds)
    return n * n


class WrongAnswer(Exception):
    """The server said something else than it was asked for."""


def get(port: int, n: int) -> int:
    """One request on a connection of its own, as most scripts make them; the server says n back."""
    with socket.create_connection((HOST, port), ANSWER_LIMIT_S) as connection:
        connection.sendall(request_for(n))
        parts = []
        while part := connection.recv(ENOUGH):
            parts.append(part)
    return number_in(b"".join(parts))


async def get_by_asyncio(port: int, n: int) -> int:
    """The same as a coroutine, by asyncio's streams."""
    import asyncio  # here, for the other functions do without

    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request_for(n))
        return number_in(await reader.read())
    finally:
        writer.close()
        await writer.wait_closed()


def request_for(n: int) -> bytes:
    return b"GET /%d HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (n, HOST.encode())


def number_in(answer: bytes) -> int:
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise WrongAnswer(f"The server answered {answer[:60]!r}.")
    return int(body)


def read_file(paths: tuple[str, ...], n: int) -> int:
    with open(paths[n % len(paths)], "rb") as file:  # no Path is made in the timed code
        return len(file.read())


def write_files(folder: Path) -> tuple[str, ...]:
    """Write files of noise, no two of the same size. Returns their paths."""
    paths = []
    for number in range(FILES):
        path = folder / f"{number}.bin"
        path.write_bytes(os.urandom(FILE_BYTES + number))
        paths.append(str(path))
    return tuple(paths)


def make_sleep(request: WorkRequest) -> Work:
    from poolscope.workloads.work import Work  # not before: workers that import this module have no use for it

    seconds = request.seconds
    return Work(partial(square_sleep, seconds), request.numbers, partial(square_sleep_by_asyncio, seconds))


def make_http(request: WorkRequest) -> Work:
    """Start the server, in a process of its own; close() ends it, and so does the end of this process."""
    import subprocess

    from poolscope.machine.processes import exit_description
    from poolscope.workloads.work import Work

    server = subprocess.Popen(
        [sys.executable, "-I", "-S", str(SERVER), str(request.seconds)],
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

    return Work(partial(get, port), request.numbers, partial(get_by_asyncio, port), close=close, servers=(server.pid,))


def make_read_files(request: WorkRequest) -> Work:
    from poolscope.workloads.work import Work

    return Work(partial(read_file, write_files(request.scratch)), request.numbers)


MAKERS = {"sleep": make_sleep, "square-sleep": make_sleep, "http": make_http, "read-files": make_read_files}
