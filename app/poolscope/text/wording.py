"""The numbers that verdicts and findings spell out: times, ratios, intervals, counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from poolscope.stats.intervals import Ratio

GAP = "\N{NO-BREAK SPACE}"
NARROW = "\N{NARROW NO-BREAK SPACE}"


def whole(number: int) -> str:
    """'12 345', thousands apart by narrow no-break spaces."""
    return f"{number:,}".replace(",", NARROW)


def time(seconds: float, digits: int = 4) -> str:
    """Four significant digits with the unit that suits: '105.0 ms', '3.245 µs', '2.106 s'."""
    for least, factor, unit in ((1.0, 1.0, "s"), (1e-3, 1e3, "ms"), (1e-6, 1e6, "µs")):
        if seconds >= least * 0.99995:
            return f"{significant(seconds * factor, digits)}{GAP}{unit}"
    return f"{significant(seconds * 1e9, 3)}{GAP}ns"


def times(ratio: float) -> str:
    """'1.91×', and for a small one '0.0134×'."""
    return f"{significant(ratio, 3)}×"


def interval(ratio: Ratio) -> str:
    """'95% CI 1.89–1.92', with the confidence that few samples really give; '' without an interval."""
    if ratio.low is None or ratio.high is None:
        return ""
    return f"{ratio.confidence or 0.95:.0%} CI {significant(ratio.low, 3)}–{significant(ratio.high, 3)}"


def significant(value: float, digits: int) -> str:
    if not value:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def workers(*sizes: int) -> str:
    """'1 worker', '4 workers', '2, 4 and 6 workers'."""
    return f"{listed(sizes)}{GAP}{'worker' if sizes == (1,) else 'workers'}"


def listed(values: Sequence[object]) -> str:
    words = [str(value) for value in values]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def capital(text: str) -> str:
    """The text as a sentence begins; only the first letter changes."""
    return text[:1].upper() + text[1:]


def cpus(count: int) -> str:
    return f"1{GAP}CPU is usable" if count == 1 else f"{count}{GAP}CPUs are usable"


def memory(size: float) -> str:
    """'23.8 MiB', from 10 GiB on '12.4 GiB', under 0.1 MiB '4.2 KiB'."""
    for least, unit, bytes_ in ((10 * 2**30, "GiB", 2**30), (2**20 / 10, "MiB", 2**20), (2**10 / 10, "KiB", 2**10)):
        if size >= least:
            return f"{size / bytes_:,.1f}{GAP}{unit}"
    return f"{size:.0f}{GAP}bytes"
