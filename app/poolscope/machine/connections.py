"""Counts the bytes that this process's TCP connections have carried, as the kernel does; None where it tells nobody."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FILES = Path("/proc/self/fd")
# Where struct tcp_info has bytes_acked and bytes_received (linux/tcp.h, from Linux 4.2 on): what has arrived over
# there, and here.
BYTES = struct.Struct("=QQ")
BYTES_AT = 120


@dataclass(frozen=True, slots=True)
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
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.type != socket.SOCK_STREAM:
            return None
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_AT + BYTES.size)
    return Carried(*BYTES.unpack_from(told, BYTES_AT)) if len(told) == BYTES_AT + BYTES.size else None


def carried_since(before: Mapping[str, Carried] | None, passes: int) -> Carried | None:
    """What has been carried since, in the mean of so many passes. Of connections that were closed nothing is known."""
    now = tcp_bytes() if before is not None else None
    if before is None or now is None:
        return None
    none = Carried(0, 0)
    sent = sum(carried.sent - before.get(inode, none).sent for inode, carried in now.items())
    received = sum(carried.received - before.get(inode, none).received for inode, carried in now.items())
    return Carried(sent // passes, received // passes)
