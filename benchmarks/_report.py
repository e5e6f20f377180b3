"""What every benchmark prints: the machine, the versions, medians with their spread, and whether a claim holds."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from statistics import quantiles

import psutil
from poolscope.machine.facts import read_machine
from poolscope.stats import intervals

PACKAGES = ("poolscope", "uvicorn", "uvloop", "httptools", "starlette", "sse-starlette")


def asked(doc: str | None) -> bool:
    """Whether this is to be `--quick`: a look whether the benchmark still works, too short to hold a claim to."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that the benchmark still works")
    return bool(parser.parse_args().quick)


def heading(doc: str | None) -> None:
    """What is measured, and on what: figures do not travel, so they never stand without their machine."""
    facts = read_machine()
    memory = psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{value:.2f}" for value in psutil.getloadavg())
    print(f"\n{(doc or '').splitlines()[0]}")
    print(f"  {datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {platform.platform()} · {facts.cpu}")
    print(f"  {facts.usable_cpus} of {facts.logical_cpus} CPUs usable · {memory:.1f} GiB · load {load}")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"  {python} · " + " · ".join(f"{name} {installed(name)}" for name in PACKAGES), flush=True)


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def spread(values: Sequence[float], scale: float = 1.0, unit: str = "", digits: int = 1) -> str:
    """'12.3 ms (95% CI 11.9–12.8; 25–75% 10.1–15.0; n = 30)'; the values times `scale` are in `unit`."""
    told = intervals.timing([value * scale for value in values])
    parts = []
    if told.low is not None and told.high is not None and told.confidence == intervals.CONFIDENCE:
        parts.append(f"95% CI {told.low:.{digits}f}–{told.high:.{digits}f}")
    if len(values) > 3:
        low, _, high = quantiles(told.samples, n=4)
        parts.append(f"25–75% {low:.{digits}f}–{high:.{digits}f}")
    return f"{told.median:.{digits}f}{unit} ({'; '.join([*parts, f'n = {len(values)}'])})"


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent of the values do not exceed, by linear interpolation."""
    return quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]


class Claims:
    """Says of each claim whether it holds, at once and again at the end."""

    def __init__(self, quick: bool) -> None:
        self._quick = quick
        self._said: list[str] = []

    def at_most(self, what: str, value: float, limit: float, unit: str = "", digits: int = 2) -> None:
        self._say(what, f"{value:.{digits}f}{unit}, at most {limit:g}{unit}", value <= limit)

    def at_least(self, what: str, value: float, limit: float, unit: str = "", digits: int = 2) -> None:
        self._say(what, f"{value:.{digits}f}{unit}, at least {limit:g}{unit}", value >= limit)

    def median_at_most(self, what: str, values: Sequence[float], limit: float, digits: int = 3) -> None:
        self._median(what, values, limit, digits, most=True)

    def median_at_least(self, what: str, values: Sequence[float], limit: float, digits: int = 3) -> None:
        self._median(what, values, limit, digits, most=False)

    def _median(self, what: str, values: Sequence[float], limit: float, digits: int, *, most: bool) -> None:
        """A claim on a median. One that fails by less than its 95 % interval is not refuted: it can't be told."""
        told = intervals.timing(values)
        edge = told.low if most else told.high
        holds: bool | None = told.median <= limit if most else told.median >= limit
        if not holds and (edge is None or (edge <= limit if most else edge >= limit)):
            holds = None
        interval = "" if told.low is None else f" (95% CI {told.low:.{digits}f}–{told.high:.{digits}f})"
        interval += "" if holds is not None else ", which spans the limit"
        self._say(what, f"{told.median:.{digits}f}{interval}, at {'most' if most else 'least'} {limit:g}", holds)

    def true(self, what: str, value: bool | None) -> None:
        """A claim that is true or not; None where something else on the machine kept it from showing."""
        self._say(what, {True: "yes", False: "no", None: "no, but the machine was busy"}[value], value)

    def _say(self, what: str, figures: str, holds: bool | None) -> None:
        verdict = {True: "holds", False: "DOES NOT HOLD", None: "cannot tell"}[holds]
        self._said.append(f"  {what}: {figures} → {verdict}")

    def close(self) -> int:
        """Print all claims. The exit status is 0 even so: a busy machine must not end `make bench` half way."""
        print("Claims" + (" (too short to judge by)" if self._quick else ""))
        print("\n".join(self._said), flush=True)
        return 0


def progress(text: str) -> None:
    """One line that overwrites itself, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
