"""The chunk sizes that pools use, as CPython's own pools choose them."""

from __future__ import annotations

import pytest
from poolscope.protocol.kinds import chunk_used


@pytest.mark.parametrize(
    ("kind", "method", "asked", "items", "size", "used"),
    [
        ("pool", "map", 0, 10, 2, 2),
        ("pool", "map", 0, 10, 4, 1),
        ("pool", "map", 0, 100_000, 8, 3125),
        ("pool", "map", 7, 10, 4, 7),
        ("pool", "imap", 0, 1000, 2, 1),
        ("pool", "imap_unordered", 5, 1000, 2, 5),
        ("pool", "apply_async", 0, 1000, 2, 1),
        ("process", "map", 0, 1000, 2, 1),
        ("process", "map", 5, 1000, 2, 5),
        ("thread", "map", 5, 1000, 2, 1),
        ("serial", "map", 5, 1000, 1, 1),
    ],
)
def test_the_chunk_size_is_said_as_the_kind_uses_it(
    kind: str, method: str, asked: int, items: int, size: int, used: int
) -> None:
    assert chunk_used(kind, asked, items, size, method) == used
