"""What workers send and nobody can read, each in another way; in the main process all goes well."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any, Self

items = list(range(6))
LENGTH: int | None = None


def unnamed(number: int) -> Any:
    return (lambda: number) if number == 3 and in_worker() else number


def in_worker() -> bool:
    return multiprocessing.parent_process() is not None


class KeywordsOnly(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")


class TwoArguments(ValueError):
    def __init__(self, path: str, line: int) -> None:
        ValueError.__init__(self, f"{path}, line {line}")


class HoldsLock(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


class HalfReduced:
    def __init__(self, one: int, other: int) -> None:
        self.total = one + other

    def __reduce__(self) -> tuple[type[Self], tuple[int]]:
        return type(self), (self.total,)


def keywords(number: int) -> int:
    if number == 4 and in_worker():
        raise KeywordsOnly(code=number)
    return number


def locked(number: int) -> int:
    if number == 4 and in_worker():
        raise HoldsLock("in use")
    return number


def chained(number: int) -> int:
    try:
        return int("x") if number == 2 and in_worker() else number
    except ValueError as error:
        raise TwoArguments("data.csv", number) from error


def result(number: int) -> Any:
    return HalfReduced(number, 1) if number == 3 and in_worker() else number


def set_at_run_time() -> list[int]:
    global LENGTH
    LENGTH = 3
    return items


def needs_length(number: int) -> int:
    return measured_by(number)


def measured_by(number: int) -> int:
    return number + LENGTH  # type: ignore[operator]
