"""Fills facts into a table of sentences, so that wording stands together as prose and code speaks in codes and facts.

A template is the sentence itself. In it `{name}` is a fact, or the table's own template of that name; `{name:spec}` is
one of QUANTITIES or Python's own format; `{name:one/many}` chooses by the number of what is named; `[…]` is left out
where a fact in it is None or missing. Beside them stand lists and a sentence's beginning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from poolscope.text.numbers import (
    GAP,
    compared,
    cpus_usable,
    duration,
    factor,
    interval_of,
    interval_of_compared,
    is_loss,
    percent,
    plural,
    size,
    times,
    whole,
)

OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


def format_list(values: Iterable[object]) -> str:
    """'a', 'a and b', 'a, b and c'; '' of nothing."""
    *before, last = [str(value) for value in values] or [""]
    return f"{', '.join(before)} and {last}" if before else last


def workers(*sizes: int) -> str:
    """'1 worker', '4 workers', '2, 4 and 6 workers'."""
    return f"{format_list(sizes)}{GAP}{plural('worker', sizes[0] if len(sizes) == 1 else 2)}"


def capital(text: str) -> str:
    """The text as a sentence begins; only the first letter changes."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Noun:
    """What a sentence is about, in words; `plural` is the number that its verb takes."""

    words: str
    plural: bool = False

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Part:
    """A fact that is worded by the table's template of this name."""

    name: str


def approximately(number: float) -> str:
    """'5 090' for 5089: three digits, all that an estimate is good for."""
    return whole(float(f"{number:.3g}"))


def share(value: float | None) -> str:
    """'0.98', of an unknown one 'an unknown share'."""
    return "an unknown share" if value is None else f"{value:.2f}"


def alternatives(words: Collection[object]) -> str:
    """'a or b'."""
    return " or ".join(map(str, words))


QUANTITIES: dict[str, Callable[[Any], str]] = {
    "about": approximately,
    "compared": compared,
    "compared interval": interval_of_compared,
    "compared with": lambda estimate: f"{compared(estimate)} {'than' if is_loss(estimate) else 'as'}",
    "capital": lambda words: capital(str(words)),
    "cpus": cpus_usable,
    "duration": duration,
    "factor": factor,
    "interval": interval_of,
    "or": alternatives,
    "percent": lambda value: f"{percent(value)}%",
    "share": share,
    "size": size,
    "times": lambda value: times(getattr(value, "value", value)),
    "whole": whole,
}


def fill(table: Mapping[str, str], name: str, facts: Mapping[str, Any]) -> str:
    """The table's template of that name with the facts filled in, as it would go on within a sentence."""
    return _Filler(table).fill(table[name], facts)


class _Filler(Formatter):
    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table

    def fill(self, template: str, facts: Mapping[str, Any]) -> str:
        return self.vformat(OPTIONAL.sub(lambda found: self._known(found[1], facts), template), (), facts)

    def _known(self, part: str, facts: Mapping[str, Any]) -> str:
        """The part, '' where one of its facts is not known."""
        fields = [name for _, name, _, _ in self.parse(part) if name]
        return part if all(facts.get(name, self._table.get(name)) is not None for name in fields) else ""

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        fact = kwargs[field_name] if field_name in kwargs else Part(field_name)
        return (self.fill(self._table[fact.name], kwargs) if isinstance(fact, Part) else fact), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if "/" in format_spec:
            one, many = format_spec.split("/")
            return many if _is_plural(value) else one
        if format_spec in QUANTITIES:
            return QUANTITIES[format_spec](value)
        if isinstance(value, (tuple, list)):
            return format_list(value)
        return format(value, format_spec) if format_spec else str(value)


def _is_plural(value: Any) -> bool:
    if isinstance(value, Noun):
        return value.plural
    return (len(value) if isinstance(value, (tuple, list)) else value) != 1
