"""Quantities as text: seconds, bytes, ratios, intervals, counts, frequencies, each by one rule of digits and unit.

What is measured keeps three to four significant digits; a no-break space stands before its unit. What is not known is
an en dash, never 0. At the end stands the noun that follows a number: '1 process', '2 processes'.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol

GAP = "\N{NO-BREAK SPACE}"  # between number and unit
NARROW = "\N{NARROW NO-BREAK SPACE}"  # between thousands
UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
_THOUSANDS = re.compile(r"'[^']*'|(?<=\d),(?=\d{3}(?!\d))")


def whole(value: float | None) -> str:
    """'12 345', thousands apart by narrow no-break spaces."""
    return UNKNOWN if value is None else _typeset(f"{round(value):,}")


def decimal(value: float | None, digits: int = 1) -> str:
    """'1 234.5', with a fixed number of decimals, so that a column of them can be compared."""
    return UNKNOWN if value is None else _typeset(f"{value:,.{digits}f}")


def ms(seconds: float | None, digits: int = 1) -> str:
    """Seconds as milliseconds without the unit, for a column whose head names it."""
    return UNKNOWN if seconds is None else decimal(seconds * 1e3, digits)


def kib(count: float | None, digits: int = 1) -> str:
    """Bytes as KiB without the unit, for a column whose head names it."""
    return UNKNOWN if count is None else decimal(count / 2**10, digits)


def mib(count: float | None, digits: int = 1) -> str:
    """Bytes as MiB without the unit, for a column whose head names it."""
    return UNKNOWN if count is None else decimal(count / 2**20, digits)


def percent(share: float | None, digits: int = 0) -> str:
    """A share of 1 as '76', without the sign; one that is little but not nothing is '<1'."""
    if share is None:
        return UNKNOWN
    least = 10.0**-digits
    return f"<{least:g}" if 0 < share * 100 < least / 2 else f"{share * 100:.{digits}f}"


def duration(seconds: float | None) -> str:
    """Seconds with the unit that suits them: '3.21 µs', '105 ms', '1.92 s', '2 min 5 s', '1 h 3 min'."""
    if seconds is None:
        return UNKNOWN
    if seconds >= 3600:
        return f"{int(seconds // 3600)}{GAP}h {int(seconds % 3600 // 60)}{GAP}min"
    if seconds >= 120:
        return f"{int(seconds // 60)}{GAP}min {int(seconds % 60)}{GAP}s"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        # Compared after rounding, so that 0.9999 s reads '1.00 s' and never '1000 ms'.
        if seconds >= scale * 0.9995:
            return f"{three_digits(seconds / scale)}{GAP}{unit}"
    return f"{three_digits(seconds / 1e-9)}{GAP}ns" if seconds > 0 else f"0{GAP}s"


def roughly(seconds: float | None) -> str:
    """An estimate, with no more digits than it is good for: 'about 3 s', 'about 2 min', 'about 1 h 10 min'."""
    if seconds is None:
        return UNKNOWN
    if seconds < 150:  # '72 s, which takes about 2 min' would be a riddle
        tens = 10 if seconds >= 20 else 5 if seconds >= 10 else 1
        return f"about{GAP}{max(1, round(seconds / tens) * tens)}{GAP}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about{GAP}{minutes}{GAP}min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"about{GAP}{hours}{GAP}h" + (f" {rest}{GAP}min" if rest else "")


def bounds(low: float | None, high: float | None) -> str:
    """The least and the greatest value that may be asked for: '1–16', '−10 to 5 000', '±10', '' without both."""
    if low is None or high is None:
        return ""
    words = [whole(bound) if bound == int(bound) else f"{bound:g}" for bound in (low, high)]
    return f"±{words[1]}" if low == -high else (" to " if low < 0 else "–").join(words)


def size(count: float | None) -> str:
    """Bytes with the unit that suits them: '512 B', '3.21 KiB', '23.1 GiB'."""
    if count is None:
        return UNKNOWN
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale:
            return f"{three_digits(count / scale)}{GAP}{unit}"
    return f"{count:.0f}{GAP}B"


def frequency(mhz: float | None) -> str:
    """'2.60 GHz', '800 MHz'."""
    if mhz is None:
        return UNKNOWN
    return f"{mhz / 1000:.2f}{GAP}GHz" if mhz >= 1000 else f"{mhz:.0f}{GAP}MHz"


def ratio(value: float | None) -> str:
    """'1.91', '10.7', '123'; a small one keeps two digits that say something: '0.0047'."""
    if value is None:
        return UNKNOWN
    if value >= 0.1 or value == 0:
        return three_digits(value) if value < 99.95 else whole(value)
    return f"{value:#.2g}" if value >= 1e-4 else f"{value:.1e}"


def times(value: float | None) -> str:
    """'1.91×'."""
    return UNKNOWN if value is None else f"{ratio(value)}×"


def factor(value: float) -> str:
    """'2.3', '80', '165' of a ratio within a sentence: no more digits than anybody reads."""
    return f"{value:.2g}" if value < 99.5 else whole(float(f"{value:.3g}"))


def interval(low: float | None, high: float | None, confidence: float | None) -> str:
    """'95% CI 1.89–1.92', with the confidence that the samples really give; '' where there is no interval."""
    if low is None or high is None:
        return ""
    return f"{confidence or 0.95:.0%}{GAP}CI {ratio(low)}–{ratio(high)}"


class Estimate(Protocol):
    """What has an interval, such as a ratio of two medians."""

    @property
    def value(self) -> float: ...

    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def confidence(self) -> float | None: ...


def interval_of(estimate: Estimate) -> str:
    """The estimate's interval in words; '' where it has none."""
    return interval(estimate.low, estimate.high, estimate.confidence)


def compared(estimate: Estimate) -> str:
    """'1.91× as fast', '2.13× slower', 'about as fast': a loss is turned round, so that both numbers are above 1.

    Where the interval holds 1 nothing is called slower, for it may be faster: a little is 'about as fast', and more
    stays a figure, '0.80× as fast', beside an interval that says the rest.
    """
    if is_loss(estimate):
        return f"{times(1 / estimate.value)} slower"
    near = f"{estimate.value:.1f}" == "1.0" and _shows_difference(estimate) is not True
    return "about as fast" if near else f"{times(estimate.value)} as fast"


def interval_of_compared(estimate: Estimate) -> str:
    """The interval of what `compared` says."""
    if not is_loss(estimate) or not estimate.low or not estimate.high:
        return interval_of(estimate)
    return interval(1 / estimate.high, 1 / estimate.low, estimate.confidence)


def is_loss(estimate: Estimate) -> bool:
    """Whether what is shown would be more than 1.00× slower, as far as the interval tells; without one, than 1.0×."""
    shown = _shows_difference(estimate)
    return 0 < estimate.value < (0.95 if shown is None else 0.995) and shown is not False


def _shows_difference(estimate: Estimate) -> bool | None:
    """Whether the interval leaves 1 out; None without an interval."""
    if estimate.low is None or estimate.high is None:
        return None
    return not estimate.low <= 1.0 <= estimate.high


def three_digits(value: float) -> str:
    """'1.92', '10.7', '105', and all that stands before the point: '1024'."""
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def three_significant(value: float) -> str:
    """'0.00606', '0.625', '38.2', '1 024': three digits and all before the point, for what stands beside a point."""
    if value >= 1:
        return three_digits(value) if value < 999.5 else whole(value)
    return f"{value:#.3g}" if value >= 1e-4 else f"{value:.2e}"


def clock(iso: str | None) -> str:
    """The time of day of an ISO 8601 stamp, '14:03:28', in the server's own time zone."""
    return UNKNOWN if iso is None else datetime.fromisoformat(iso).astimezone().strftime("%H:%M:%S")


def day(iso: str | None) -> str:
    """The date of an ISO 8601 stamp, '2026-02-03', in the server's own time zone."""
    return UNKNOWN if iso is None else datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d")


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds from one ISO 8601 stamp to another."""
    if start is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


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


def cpus_usable(number: int) -> str:
    """'1 CPU is usable', '4 CPUs are usable'."""
    return f"{count(number, 'CPU')} {'is' if number == 1 else 'are'} usable"


def ordinal(place: int) -> str:
    """'1st', '2nd', '3rd', '4th', '11th'."""
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def typeset(sentence: str) -> str:
    """A sentence for programs and terminals as a page has it: '60,000' as '60 000', but not within a quoted value."""
    return _THOUSANDS.sub(lambda found: NARROW if found[0] == "," else found[0], sentence)


def _typeset(number: str) -> str:
    """A number as Python writes it, with our thousands and minus."""
    return number.replace(",", NARROW).replace("-", MINUS)


FILTERS = {
    function.__name__: function
    for function in (whole, decimal, ms, mib, percent, duration, roughly, times, ratio, clock, day)
}
NOUN_FILTERS = {function.__name__: function for function in (ordinal, plural)}
