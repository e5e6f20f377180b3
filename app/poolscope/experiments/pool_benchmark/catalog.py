"""The built-in work: one for each shape that work can have."""

from __future__ import annotations

BUILT_IN = (
    "square",
    "sum-of-squares",
    "primes",
    "sha256",
    "zlib",
    "sleep",
    "http",
    "read-files",
    "large-arguments",
    "uneven",
    "shared-object",
    "memory-hungry",
)
