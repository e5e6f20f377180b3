"""Many viewers of one event stream, in a process of their own: raw sockets, as little work for a frame as can be."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import perf_counter_ns
from typing import Any, cast

import uvloop
from _server import raise_open_files

FRAME = re.compile(rb": t=(\d+)\r\nid: (\d+)\r\n")
ENDS = b"\r\n\r\n\r\n"  # an event's end, then its chunk's
AT_ONCE = 50  # connections that are made side by side
PATIENCE_S = 60.0  # with one viewer's first picture; an order has twice that


@dataclass(frozen=True)
class Seen:
    """What all viewers together saw in a while: `late_s` of every frame from its publishing to the socket's reader."""

    seconds: float
    late_s: list[float]
    bytes: int
    skipped: int
    cpu_s: float


@dataclass(frozen=True)
class Ends:
    """Where the viewers stand: how many on which version, and how many of those whose newest frame holds the text."""

    versions: dict[int, int]
    told: int
    closed: int


class Viewer(asyncio.Protocol):
    """One viewer: it looks for the stamps of whole frames and keeps the last frame."""

    measuring = False
    late_ns: list[int] = []  # noqa: RUF012 (shared by all viewers on purpose)
    bytes = 0
    skipped = 0

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._part = b""
        self.version = -1
        self.last = b""
        self.closed = False
        self.first = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = perf_counter_ns()
        whole = self._part + data if self._part else data
        if not whole.endswith(ENDS):
            self._part = whole
            return
        self._part = b""
        for found in FRAME.finditer(whole):
            version = int(found[2])
            if Viewer.measuring:
                Viewer.late_ns.append(now - int(found[1]))
                Viewer.skipped += version - self.version - 1
            self.version, self.last = version, whole
        if Viewer.measuring:
            Viewer.bytes += len(data)
        if self.version >= 0 and not self.first.done():
            self.first.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.first.done():
            self.first.set_exception(exc or ConnectionError("closed before the first frame"))


async def attend(orders: Connection, port: int, path: str) -> None:
    """Do what is ordered until the order is None."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    viewers: list[Viewer] = []
    transports: list[asyncio.Transport] = []
    room = asyncio.Semaphore(AT_ONCE)

    async def join() -> None:
        async with room:
            transport, viewer = await loop.create_connection(lambda: Viewer(request), "127.0.0.1", port)
            viewers.append(viewer)
            transports.append(transport)
            await asyncio.wait_for(viewer.first, PATIENCE_S)

    while (order := await asyncio.to_thread(orders.recv)) is not None:
        what, value = order
        if what == "join":
            await asyncio.gather(*(join() for _ in range(value)))
            orders.send(len(viewers))
        elif what == "watch":
            orders.send(await watch(value))
        elif what == "ends":
            versions = Counter(viewer.version for viewer in viewers)
            told = sum(value in viewer.last for viewer in viewers)
            orders.send(Ends(dict(versions), told, sum(viewer.closed for viewer in viewers)))
    for transport in transports:
        transport.abort()


async def watch(seconds: float) -> Seen:
    Viewer.late_ns, Viewer.bytes, Viewer.skipped = [], 0, 0
    times, began = os.times(), time.perf_counter()
    Viewer.measuring = True
    await asyncio.sleep(seconds)
    Viewer.measuring = False
    spent, took = os.times(), time.perf_counter() - began
    cpu_s = spent.user + spent.system - times.user - times.system
    return Seen(took, [late / 1e9 for late in Viewer.late_ns], Viewer.bytes, Viewer.skipped, cpu_s)


def work(orders: Connection, port: int, path: str) -> None:
    raise_open_files()
    uvloop.run(attend(orders, port, path))


class Crowd:
    """The viewers as the benchmark sees them."""

    def __init__(self, orders: Connection) -> None:
        self._orders = orders

    def _ask(self, what: str, value: Any) -> Any:
        self._orders.send((what, value))
        if not self._orders.poll(2 * PATIENCE_S):
            raise TimeoutError(f"the viewers did not {what}")
        return self._orders.recv()

    def join(self, count: int) -> int:
        """Have so many more come, and wait until each has its first picture. Returns how many there are."""
        return int(self._ask("join", count))

    def watch(self, seconds: float) -> Seen:
        seen = self._ask("watch", seconds)
        assert isinstance(seen, Seen)
        return seen

    def ends(self, text: bytes) -> Ends:
        ends = self._ask("ends", text)
        assert isinstance(ends, Ends)
        return ends


@contextmanager
def crowd(port: int, path: str) -> Iterator[Crowd]:
    """A process for viewers of `path`; they leave with it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, port, path), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Crowd(ours)
        ours.send(None)
    finally:
        process.join(10)
        process.kill()
