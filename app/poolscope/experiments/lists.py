"""Reads lists as people write them, '1-4, 8' or 'thread, process', and says in a sentence what a list may hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from poolscope.experiments.parameters import Params, item_bounds, quoted

V = TypeVar("V")
BETWEEN = re.compile(r"[,;\s]+")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A parameter that takes distinct whole numbers: its name, their bounds, how many at most, and an example."""

    name: str
    least: int
    most: int
    longest: int
    example: str

    @property
    def allowed(self) -> str:
        return f"whole numbers from {self.least} to {self.most:,}, such as {self.example}"

    def of(self, model: type[Params]) -> Numbers:
        """The same within the bounds of a model, which may be narrower."""
        low, high = item_bounds(model.model_fields[self.name])
        return replace(self, least=self.least if low is None else low, most=self.most if high is None else high)

    def read(self, value: Any) -> list[int]:
        """The numbers that a number, a text such as '1-4, 8' or a list of them names. Raises ValueError."""
        parts = value if isinstance(value, list | tuple) else [value]
        ranges = [found for part in parts for found in self._ranges_in(part)]
        # Counted before they are written out: a range over the bounds of a large parameter would fill the memory.
        count = sum(len(numbers) for numbers in ranges)
        if not 1 <= count <= self.longest:
            raise ValueError(f"`{self.name}` must be 1 to {self.longest} {self.allowed}; these are {count:,}.")
        return distinct(self.name, [number for numbers in ranges for number in numbers])

    def _ranges_in(self, part: Any) -> list[range]:
        if isinstance(part, int) and not isinstance(part, bool):
            return [range(self._in_bounds(part, str(part)), part + 1)]
        if not isinstance(part, str):
            raise self._refusal(part)
        ranges: list[range] = []
        for word in filter(None, BETWEEN.split(re.sub(r"\s*[-–]\s*", "-", part.strip()))):
            found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", word, re.ASCII)
            if not found:
                raise self._refusal(word)
            low = self._in_bounds(int(found[1]), word)
            high = self._in_bounds(int(found[2] or found[1]), word)
            if high < low:
                raise ValueError(f"`{self.name}` must be {self.allowed}; {quoted(word)} runs backwards.")
            ranges.append(range(low, high + 1))
        return ranges

    def _in_bounds(self, number: int, word: str) -> int:
        if not self.least <= number <= self.most:
            raise self._refusal(word)
        return number

    def _refusal(self, value: Any) -> ValueError:
        return ValueError(f"`{self.name}` must be {self.allowed}; {quoted(value)} is not.")


def names(name: str, value: Any, allowed: str, known: Callable[[str], str | None]) -> list[str]:
    """The distinct names in a text such as 'a, b' or in a list; `known` gives what a word stands for, None if nothing.

    An empty text or list has none. Raises ValueError with what is allowed.
    """
    if value is None:
        return []
    found: list[str] = []
    for part in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(part, str):
            raise ValueError(f"`{name}` must be {allowed}; {quoted(part)} is not.")
        for word in filter(None, BETWEEN.split(part.strip())):
            meant = known(word)
            if meant is None:
                raise ValueError(f"`{name}` must be {allowed}; {quoted(word)} is not.")
            found.append(meant)
    return distinct(name, found)


def distinct(name: str, values: list[V]) -> list[V]:
    """The values as they are. Raises ValueError where one stands there more than once."""
    twice = {value: None for value in values if values.count(value) > 1}
    if twice:
        raise ValueError(f"`{name}` must be distinct; {', '.join(map(str, twice))} stands there more than once.")
    return values
