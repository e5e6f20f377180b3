"""A setting made in the main process is missing in spawned workers, and the exception can't be unpickled."""

from __future__ import annotations

LIMITS: dict[str, int] | None = None


class Unconfigured(Exception):
    def __init__(self, part: str, hint: str) -> None:
        super().__init__(f"{part} is not configured: {hint}")


def items() -> list[int]:
    global LIMITS
    LIMITS = {"longest": 7}  # by whoever starts the work
    return list(range(30))


def check(number: int) -> int:
    if LIMITS is None:
        raise Unconfigured("LIMITS", "call items() first")
    total = 0
    for step in range(2_000):
        total += step % LIMITS["longest"]
    return total + number
