"""Words around numbers: lists, plurals, ordinals, and a sentence's beginning."""

from __future__ import annotations

from collections.abc import Iterable

from poolscope.text.numbers import GAP, whole


def format_list(values: Iterable[object]) -> str:
    """'a', 'a and b', 'a, b and c'; '' of nothing."""
    *before, last = [str(value) for value in values] or [""]
    return f"{', '.join(before)} and {last}" if before else last


def plural(noun: str, number: float) -> str:
    """The noun as it follows the number: '1 process' but '2 processes', '1 retry' but '2 retries'."""
    if number == 1:
        return noun
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou") else f"{noun}s"


def count(number: int, noun: str) -> str:
    """'1 run', '2 runs', '1 500 processes'."""
    return f"{whole(number)}{GAP}{plural(noun, number)}"


def workers(*sizes: int) -> str:
    """'1 worker', '4 workers', '2, 4 and 6 workers'."""
    return f"{format_list(sizes)}{GAP}{plural('worker', sizes[0] if len(sizes) == 1 else 2)}"


def cpus_usable(number: int) -> str:
    """'1 CPU is usable', '4 CPUs are usable'."""
    return f"{count(number, 'CPU')} {'is' if number == 1 else 'are'} usable"


def ordinal(place: int) -> str:
    """'1st', '2nd', '3rd', '4th', '11th'."""
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def capital(text: str) -> str:
    """The text as a sentence begins; only the first letter changes."""
    return text[:1].upper() + text[1:]


FILTERS = {function.__name__: function for function in (ordinal, plural)}
