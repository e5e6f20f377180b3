"""Items that are made one by one, which takes time or memory, and items that lie there."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

KIB, MIB = 2**10, 2**20

ready = [bytes(KIB)] * 20


def slowly() -> Iterator[int]:
    for number in range(10):
        time.sleep(0.02)
        yield number


class Reader:
    """A data set as libraries have them: no sequence, and read as it is gone through."""

    def __iter__(self) -> Iterator[bytes]:
        for number in range(10):
            time.sleep(0.02)
            yield bytes([number])


reader = Reader()


def large() -> Iterator[bytes]:
    return (bytes([number % 256]) * MIB for number in range(80))


def endless() -> Iterator[bytes]:
    while True:
        time.sleep(0.001)
        yield b"." * MIB


quick = (number for number in range(100))


def digest(item: object) -> str:
    return hashlib.sha256(repr(item)[:100].encode()).hexdigest()
