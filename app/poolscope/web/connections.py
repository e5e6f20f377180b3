"""HTTP connections with bounds: on a request's headers, on the time that a client takes for them, and on their number.

uvicorn bounds none of these: header lines without an end fill the memory, and a client that sends a byte now and then,
or half a body, holds its connection for ever. Here is also given back what a crowd of them took, once it has left.
"""

from __future__ import annotations

import gc
import resource
from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from poolscope.machine import memory

HEADERS_LIMIT = 32 * 1024  # bytes of a request before its body; browsers send about one
HEADERS_S = 10.0  # from the first byte, or the connection, to the end of the headers
BODY_S = 20.0  # from there to the end of the body, of which at most 64 KiB are read
# Descriptors that connections leave to everything else: runners have three pipes each, pages and the journal are files.
KEPT_FREE = 200
FEWEST = 50
CROWD = 100
# When all is closed that a crowd had, once its connections are: mostly the first of these, on a busy machine the other.
SETTLED_S = 2.0, 10.0

TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 51\r\nconnection: close\r\n\r\nThere are too many connections; try again in a bit.\n"
)


def most_connections() -> int:
    """How many connections may be open at once, by the descriptors that this process may have; raises their limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 1_000_000 if hard == resource.RLIM_INFINITY else max(FEWEST, hard - KEPT_FREE)


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol for one connection; closes it where a bound is passed.

    `most` is the number of connections from which on new ones are refused, None for any number.
    """

    most: int | None = None
    crowd = 0  # the most connections since memory was given back
    headers_s, body_s = HEADERS_S, BODY_S

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self._timer: TimerHandle | None = None
        self._before_body = 0  # bytes of the present request
        self._in_headers = True
        super().connection_made(transport)
        BoundedHttp.crowd = max(BoundedHttp.crowd, len(self.connections))
        if self.most is not None and len(self.connections) > self.most:
            transport.write(TOO_MANY)
            transport.close()
            return
        self._close_after(self.headers_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._close_after(None)
        super().connection_lost(exc)
        if BoundedHttp.crowd >= CROWD and 10 * len(self.connections) <= BoundedHttp.crowd:
            BoundedHttp.crowd = len(self.connections)
            for settled_s in SETTLED_S:
                self.loop.call_later(settled_s, give_back)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_headers:
            self._before_body += len(data)
            if self._timer is None:  # a further request of the same connection
                self._close_after(self.headers_s)
        super().data_received(data)
        if self._in_headers and self._before_body > HEADERS_LIMIT and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._in_headers = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_headers, self._before_body = False, 0
        self._close_after(self.body_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_headers = True
        self._close_after(None)
        super().on_message_complete()

    def _close_after(self, seconds: float | None) -> None:
        """Close the connection in so many seconds unless told otherwise by then; None takes that back."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.close)


def give_back() -> None:
    """Let go of what a crowd left behind, most of it in cycles that the collector would find much later."""
    gc.collect()
    memory.give_back()
