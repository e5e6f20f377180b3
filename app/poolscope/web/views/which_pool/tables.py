"""The numbers of a which-pool run as rows: each kind at its best size, fitted curves, every setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.charts import curves, fits, to_compare
from poolscope.experiments.pool_benchmark.export import cpu_share, memory_per_worker
from poolscope.experiments.pool_benchmark.messages import no_fit_sentence
from poolscope.experiments.pool_benchmark.naming import config_names, title
from poolscope.experiments.pool_benchmark.recommendation import Recommendation
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import IN_PROCESSES, POOL_KINDS
from poolscope.protocol.payloads import DroppedWhy
from poolscope.stats.breakeven import efficiency
from poolscope.stats.intervals import Ratio, ratio, timing
from poolscope.stats.scaling import FittedValue, Scaling
from poolscope.text import numbers
from poolscope.text.numbers import count
from poolscope.text.sentences import format_list
from poolscope.web.table import Cell

BY_PICKLE = (*IN_PROCESSES, "interpreter")  # kinds whose items and results are copied on their way
OUT: Mapping[DroppedWhy, str] = {"slower": "slower", "beyond CPUs": "not far ahead", "no time": "little time"}


@dataclass(frozen=True, slots=True)
class KindRow:
    """One kind at the size that stands for it, or the plain loop; seconds and bytes, None where not known.

    `pool` is the kind, whose mark stands before its name in words, `kind`; `count` are its counted repetitions.
    `start` brings all workers up, `pickled` are the bytes of all items and results, `memory` is that of one worker.
    """

    pool: str
    kind: str
    size: int | None
    count: int
    time: float | None
    speedup: float | None
    interval: str
    efficiency: float | None
    start: float | None
    pickled: float | None
    memory: float | None
    best: bool


@dataclass(frozen=True, slots=True)
class FitRow:
    """A fitted scalability curve: shares in 1, the peak as a speed-up with its number of workers ('' for none)."""

    kind: str
    pool: str
    law: str
    serial: float | None
    interval: str
    crosstalk: float | None
    peak: float | None
    at: str
    r2: float | None


@dataclass(frozen=True, slots=True)
class CellRow:
    """One setting; `word` and `mark` say what is the matter with it, '' where all is well."""

    pool: str
    name: str
    size: int
    chunk: str
    count: int
    time: float | None
    low: float | None
    high: float | None
    speedup: float | None
    interval: str
    own: float | None
    on_cpu: float | None
    start: float | None
    memory: float | None
    mark: str
    word: str
    best: bool


def marked(row: Any) -> Cell:
    """The name of a row's kind behind the mark of that kind."""
    return Cell(row.kind, kind=row.pool)


def grouped(state: State) -> dict[str, list[Configuration]]:
    """The pools by the kind's name, which holds its start method and Python where these vary; plain loops left out."""
    groups: dict[str, list[Configuration]] = {}
    for config in state.pools:
        groups.setdefault(title(state, config), []).append(config)
    return groups


def counting(state: State, configs: Sequence[Configuration]) -> list[Configuration]:
    """Those whose times count: measured, not given up, with the right results."""
    return [config for config in configs if config.map and not state.left_out(config)]


def time_digits(state: State) -> int:
    """Decimals of a column in milliseconds that leave its least value two digits."""
    least = min((median(config.map) for config in state.configs.values() if config.map), default=1.0) * 1e3
    return next((digits for digits, from_ms in ((1, 1.0), (2, 0.1), (3, 0.01)) if least >= from_ms), 4)


def against(loop: Configuration | None, config: Configuration) -> Ratio | None:
    return ratio(loop.map, config.map) if loop and loop.map and config.map else None


def interval(gain: Ratio | None) -> str:
    return numbers.interval_of(gain) if gain else ""


def kinds(state: State, choice: Recommendation | None) -> tuple[KindRow, ...]:
    """The plain loops and a setting of each kind (`to_compare`), fastest first; those without a time at the end."""
    loops = [config for config in state.configs.values() if config.serial]
    recommended = choice.config if choice else None
    rows = [_kind(state, config, recommended) for config in (*loops, *to_compare(state, choice))]
    return tuple(sorted(rows, key=lambda row: row.time if row.time is not None else float("inf")))


def _kind(state: State, config: Configuration, recommended: Configuration | None) -> KindRow:
    gain = against(state.serial, config)
    return KindRow(
        pool=config.kind,
        kind=title(state, config),
        size=None if config.serial else config.size,
        count=len(config.map),
        time=median(config.map) if config.map else None,
        speedup=gain.value if gain else None,
        interval=interval(gain) if config is not state.serial else "",
        efficiency=efficiency(gain.value, config.size) if gain else None,
        start=config.start_s,
        pickled=_pickled(state, config),
        memory=memory_per_worker(config),
        best=config is recommended,
    )


def _pickled(state: State, config: Configuration) -> float | None:
    """Bytes of all items and results where they are copied, 0 where they are not; None before that is known."""
    if config.kind not in BY_PICKLE:
        return 0.0
    python = state.python(config.python)
    trial = python.trial if python else None
    if trial is None or trial.item_bytes is None or trial.result_bytes is None or not state.items:
        return None
    return float((trial.item_bytes + trial.result_bytes) * state.items)


def fit_rows(state: State, usable_cpus: int) -> tuple[tuple[FitRow, ...], tuple[str, ...]]:
    """The curves that the points bear, and why not for the others; once the run is over, for until then they move."""
    if not state.outcome:
        return (), ()
    found, lines = fits(state, usable_cpus), curves(state)
    unfit: dict[str, list[str]] = {}
    for name, fit in found.items():
        if not fit.supported:
            unfit.setdefault(no_fit_sentence(fit.why), []).append(name)
    return (
        tuple(_fit(name, lines[name], fit) for name, fit in found.items() if fit.supported),
        tuple(f"{format_list(names)}: {why}" for why, names in unfit.items()),
    )


def _fit(name: str, configs: Sequence[Configuration], fit: Scaling) -> FitRow:
    law = "universal scalability law" if fit.law == "usl" else "Amdahl’s law"
    # One size may have met workers of one host alone.
    hosts = {host for config in configs if config.hosts_cpus for host in config.hosts}
    return FitRow(
        kind=name,
        pool=configs[0].kind,
        law=f"{law}, over {numbers.count(len(hosts), 'host')}" if len(hosts) > 1 else law,
        serial=fit.serial.value if fit.serial else None,
        interval=_percents(fit.serial),
        crosstalk=fit.crosstalk.value if fit.crosstalk else None,
        # Without an upper bound the data do not tell a peak, whatever the curve's own may be.
        peak=fit.peak_speedup.value if fit.peak_speedup and fit.peak_speedup.high is not None else None,
        at=_workers(fit.peak_workers),
        r2=fit.r2 if fit.r2 is not None and fit.r2 >= 0 else None,  # below 0 for a line that is flat
    )


def _percents(share: FittedValue | None) -> str:
    if share is None or share.high is None:
        return ""
    return f"{numbers.percent(share.low, 1)}{numbers.UNKNOWN}{numbers.percent(share.high, 1)}"


def _workers(peak: FittedValue | None) -> str:
    return f"{peak.value:.0f}" if peak and peak.value is not None else ""


def cells(state: State, choice: Recommendation | None) -> tuple[CellRow, ...]:
    """Every setting in the order of the plan, the plain loops among them."""
    recommended = choice.config if choice else None
    return tuple(_cell(state, config, recommended) for config in state.configs.values())


def _cell(state: State, config: Configuration, recommended: Configuration | None) -> CellRow:
    mapped = timing(config.map) if config.map else None
    gain = against(state.serial, config)
    own = against(state.loop_of(config.python, config.native_threads), config)
    mark, word = _matter(state, config)
    return CellRow(
        pool=config.kind,
        name=title(state, config),
        size=config.size,
        chunk=numbers.whole(config.chunk_used),
        count=len(config.map),
        time=mapped.median if mapped else None,
        low=mapped.low if mapped else None,
        high=mapped.high if mapped else None,
        speedup=gain.value if gain else None,
        interval=interval(gain) if config is not state.serial else "",
        own=own.value if own else None,
        on_cpu=cpu_share(config),
        start=config.start_s,
        memory=memory_per_worker(config),
        mark=mark,
        word=word,
        best=config is recommended,
    )


def _matter(state: State, config: Configuration) -> tuple[str, str]:
    """What is the matter with a setting: its mark and a word."""
    if config.skipped:
        return "stopped", "given up"
    if state.left_out(config):
        return "failed", "other results"
    if not config.map:
        return ("stopped", "not measured") if state.outcome else ("queued", "queued")
    if config.dropped is not None:
        return "stopped", f"{OUT[config.dropped.why]}, out after {count(config.dropped.round, 'round')}"
    return "", ""


def skipped(state: State) -> tuple[tuple[str, str], ...]:
    """What took no part, or not to the end, each with why: Pythons, kinds that were asked for, settings."""
    several = len(state.pythons) > 1
    away = [(f"Python {python.label}", python.why_not) for python in state.pythons if python.why_not]
    lacking = [
        (f"{kind} on {python.label}" if several else kind, why)
        for python in state.pythons
        for kind, why in python.kinds.items()
        if why and kind in (state.params.kinds or POOL_KINDS)
    ]
    groups: dict[tuple[str, str], list[Configuration]] = {}
    for config in state.configs.values():
        if why := state.left_out(config):
            groups.setdefault((title(state, config), why), []).append(config)
    return (*away, *lacking, *((config_names(state, configs), why) for (_, why), configs in groups.items()))
