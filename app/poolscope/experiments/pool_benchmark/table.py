"""A which-pool run as a terminal shows it: a row a setting instead of one a repetition, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from poolscope.experiments.pool_benchmark.naming import on_python, settings, title
from poolscope.experiments.pool_benchmark.params import IN_PROCESSES
from poolscope.experiments.pool_benchmark.samples import Configuration, State
from poolscope.stats.intervals import ratio
from poolscope.text.language import capital
from poolscope.text.numbers import interval_of

HEADER = (
    "kind",
    "workers",
    "chunk",
    "map, ms",
    "speed-up, ×",
    "interval",
    "start-up, ms",
    "whole call, ms",
    "memory, MiB a worker",
)


def table(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Medians of each setting, plain loops first, kind by kind; None where it was not measured."""
    configs = [*(config for config in state.configs.values() if config.serial), *state.pools]
    return HEADER, [_row(state, config) for config in configs if config.map]


def notes(state: State) -> list[str]:
    """Sentences on what took no part, or not to the end: each said once, of all the settings that it is true of.

    Not the reason why the run itself failed: that is its error.
    """
    out = [python for python in state.pythons if python.why_not and python.why_not != state.reason]
    said = [f"Python {python.label} took no part. {python.why_not}" for python in out]
    groups: dict[tuple[str, str], list[Configuration]] = {}
    for config in state.configs.values():
        if why := state.left_out(config):
            groups.setdefault((title(state, config), why), []).append(config)
    return said + [f"{capital(_all(state, configs))}: {why}" for (_, why), configs in groups.items()]


def _all(state: State, configs: Sequence[Configuration]) -> str:
    """Settings of one kind and Python: '2 and 4 interpreters on 3.13t'."""
    return settings(state, configs) + (on_python(state, configs[0]) if len(configs) > 1 else "")


def _row(state: State, config: Configuration) -> Sequence[object]:
    gain = ratio(state.serial.map, config.map) if state.serial and state.serial.map else None
    memory = config.memory.get("per_worker") or ()
    return (
        title(state, config),
        None if config.serial else config.size,
        config.chunk_used if config.kind in IN_PROCESSES else None,
        median(config.map) * 1e3,
        gain.value if gain else None,
        interval_of(gain) if gain and config is not state.serial else None,
        median(config.start) * 1e3 if config.start else None,
        median(config.total) * 1e3 if config.total else None,
        median(memory) / 2**20 if memory and not config.serial else None,
    )
