"""Counts the bytes that this process's TCP connections have carried, as the kernel does; None where it tells nobody."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from poolscope.protocol.frozen import frozen

FILES = Path("/proc/self/fd")
# Where struct tcp_info has bytes_acked and bytes_received (linux/tcp.h, from Linux 4.2 on): what has arrived over
# there, and here.
BYTES = struct.Struct("=QQ")
BYTES_AT = 120


@frozen
class Carried:
    """Bytes of payload, without the headers of packets."""

    sent: int
    received: int


def tcp_bytes() -> Mapping[str, Carried] | None:
    """What each TCP connection of this process has carried so far, by its inode."""
    if not hasattr(socket, "TCP_INFO"):
        return None
    found = {}
    try:
        entries = list(FILES.iterdir())
    except OSError:
        return None
    for entry in entries:
        with suppress(OSError):  # it has just been closed, or is no connection
            inode = str(entry.readlink())
            if inode.startswith("socket:") and (carried := carried_by(int(entry.name))):
                found[inode] = carried
    return found


def carried_by(number: int) -> Carried | None:
    """What the connection behind a file descriptor has carried; None for another kind of socket."""
    with socket.socket(fileno=os.dup(number)) as connection:
        return carried_on(connection)


def carried_on(connection: socket.socket) -> Carried | None:
    """The same of a connection that is at hand."""
    if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.type != socket.SOCK_STREAM:
        return None
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_AT + BYTES.size)
    return Carried(*BYTES.unpack_from(told, BYTES_AT)) if len(told) == BYTES_AT + BYTES.size else None


class Meter:
    """Counts what the connections that are open now carry from now on. Close it.

    It keeps each of them at hand, by a descriptor of its own, so that a look takes some microseconds: to search all
    descriptors takes half a millisecond, in which a thread that is stopped in its midst holds the GIL.
    """

    def __init__(self) -> None:
        self._open: list[tuple[socket.socket, Carried]] = []
        entries: list[Path] = []
        with suppress(OSError):
            entries = list(FILES.iterdir()) if hasattr(socket, "TCP_INFO") else []
        for entry in entries:
            with suppress(OSError):  # it has just been closed
                if str(entry.readlink()).startswith("socket:"):
                    self._keep(socket.socket(fileno=os.dup(int(entry.name))))

    def _keep(self, connection: socket.socket) -> None:
        try:
            before = carried_on(connection)
        except OSError:
            before = None
        if before is None:
            connection.close()
        else:
            self._open.append((connection, before))

    def read(self) -> Carried | None:
        """None where there is no connection."""
        sent = received = 0
        for connection, before in self._open:
            now = carried_on(connection)
            if now is not None:
                sent, received = sent + now.sent - before.sent, received + now.received - before.received
        return Carried(sent, received) if self._open else None

    def close(self) -> None:
        for connection, _ in self._open:
            connection.close()
        self._open.clear()


def carried_since(before: Mapping[str, Carried] | None, passes: int) -> Carried | None:
    """What has been carried since, in the mean of so many passes. Of connections that were closed nothing is known."""
    now = tcp_bytes() if before is not None else None
    if before is None or now is None:
        return None
    none = Carried(0, 0)
    sent = sum(carried.sent - before.get(inode, none).sent for inode, carried in now.items())
    received = sum(carried.received - before.get(inode, none).received for inode, carried in now.items())
    return Carried(sent // passes, received // passes)
