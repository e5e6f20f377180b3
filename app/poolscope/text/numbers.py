"""Numbers and times as text: the one place that decides digits, units and signs."""

from __future__ import annotations

from datetime import datetime

from poolscope.text.wording import GAP, NARROW

NBSP = GAP  # between number and unit
UNKNOWN = "\u2013"  # an en dash, never 0


def whole(value: int | float | None) -> str:
    """12 345 with thin spaces."""
    return UNKNOWN if value is None else f"{round(value):,}".replace(",", NARROW).replace("-", "\u2212")


def decimal(value: float | None, digits: int = 1) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f}".replace(",", NARROW).replace("-", "\u2212")


def ms(seconds: float | None, digits: int = 1) -> str:
    """Seconds as milliseconds without the unit, for a column whose head names it."""
    return UNKNOWN if seconds is None else decimal(seconds * 1e3, digits)


def percent(share: float | None, digits: int = 0) -> str:
    return UNKNOWN if share is None else f"{share * 100:.{digits}f}"


def mib(count: float | None, digits: int = 1) -> str:
    """Bytes as MiB without the unit, for a column whose head names it."""
    return UNKNOWN if count is None else decimal(count / 1024**2, digits)


def duration(seconds: float | None) -> str:
    """A time with the unit that suits it, three to four digits: 3.21 µs, 105 ms, 1.92 s, 2 min 5 s, 1 h 3 min."""
    if seconds is None:
        return UNKNOWN
    if seconds >= 3600:
        return f"{int(seconds // 3600)}{NBSP}h {int(seconds % 3600 // 60)}{NBSP}min"
    if seconds >= 120:
        return f"{int(seconds // 60)}{NBSP}min {int(seconds % 60)}{NBSP}s"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{three(seconds / scale)}{NBSP}{unit}"
    return f"{three(seconds / 1e-9)}{NBSP}ns" if seconds > 0 else f"0{NBSP}s"


def three(value: float) -> str:
    """Three significant digits: 1.92, 10.7, 105."""
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def size(of: float | None) -> str:
    """Bytes with the unit that suits them: 512 B, 3.21 KiB, 23.1 GiB."""
    if of is None:
        return UNKNOWN
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if of >= scale:
            return f"{three(of / scale)}{NBSP}{unit}"
    return f"{of:.0f}{NBSP}B"


def frequency(mhz: float | None) -> str:
    """2.60 GHz, 800 MHz."""
    if mhz is None:
        return UNKNOWN
    return f"{mhz / 1000:.2f}{NBSP}GHz" if mhz >= 1000 else f"{mhz:.0f}{NBSP}MHz"


def times(ratio: float | None) -> str:
    """1.91×"""
    return UNKNOWN if ratio is None else f"{ratio:.2f}×"


def interval(low: float | None, high: float | None, confidence: float | None) -> str:
    """95% CI 1.89–1.92, with the confidence that the samples really give; nothing where there is none."""
    if low is None or high is None:
        return ""
    return f"{confidence or 0.95:.0%}{NBSP}CI {ratio(low)}{UNKNOWN}{ratio(high)}"


def ratio(value: float | None) -> str:
    """1.91; a small one keeps two digits that say something: 0.0047."""
    if value is None:
        return UNKNOWN
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.2g}" if value >= 1e-4 else f"{value:.1e}"


def clock(iso: str | None) -> str:
    """14:03:28 in the server's own time zone."""
    return UNKNOWN if iso is None else datetime.fromisoformat(iso).astimezone().strftime("%H:%M:%S")


def day(iso: str | None) -> str:
    return UNKNOWN if iso is None else datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d")


def between(start: str | None, end: str | None) -> float | None:
    """Seconds from one ISO stamp to another."""
    if start is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def count(number: int, noun: str) -> str:
    """'1 run', '2 runs'."""
    return f"{whole(number)}{NBSP}{noun}{'' if number == 1 else 's'}"


FILTERS = {
    function.__name__: function
    for function in (whole, decimal, ms, mib, percent, duration, times, ratio, clock, day, ordinal)
}
