"""Settings in the words of sentences: '4 processes', 'asyncio with 8 at once', '2 threads on 3.13t'."""

from __future__ import annotations

from collections.abc import Sequence

from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import IN_PROCESSES
from poolscope.text.language import format_list
from poolscope.text.numbers import GAP

# What a setting is at heart: a Pool's workers are processes as an executor's are.
FAMILIES = {
    "serial": "the plain loop",
    "thread": "threads",
    "asyncio": "asyncio",
    "process": "processes",
    "pool": "processes",
    "interpreter": "interpreters",
}
ONE = {"threads": "thread", "processes": "process", "interpreters": "interpreter"}
TITLES = {
    "serial": "plain loop",
    "thread": "threads",
    "asyncio": "asyncio",
    "process": "processes",
    "pool": "multiprocessing.Pool",
    "interpreter": "interpreters",
}


def family(config: Configuration) -> str:
    return FAMILIES[config.kind]


def setting(state: State, config: Configuration) -> str:
    """The setting, with what tells it from the others of this run: start method, chunk size and Python if they vary."""
    if config.serial:
        return f"the plain loop{on_python(state, config)}"
    if config.kind == "asyncio":
        return f"asyncio with {config.size} at once{on_python(state, config)}"
    noun = family(config)
    words = f"{config.size}{GAP}{ONE[noun] if config.size == 1 else noun}"
    more = ["multiprocessing.Pool"] if config.kind == "pool" else []
    if config.kind in IN_PROCESSES:
        if len(state.params.start_methods) > 1:
            more.append(config.start_method)
        if len(state.params.chunksizes) > 1 and config.chunk_used is not None:
            more.append(f"chunks of {config.chunk_used}")
    return f"{words}{f' ({format_list(more)})' if more else ''}{on_python(state, config)}"


def settings(state: State, configs: Sequence[Configuration]) -> str:
    """Several of one kind by their sizes alone: '4 and 8 processes'."""
    if len(configs) == 1:
        return setting(state, configs[0])
    sizes = format_list(sorted({config.size for config in configs}))
    return f"asyncio with {sizes} at once" if configs[0].kind == "asyncio" else f"{sizes}{GAP}{family(configs[0])}"


def on_python(state: State, config: Configuration) -> str:
    """' on 3.14' where several Pythons take part, else ''."""
    return f" on {config.python}" if len(state.pythons) > 1 else ""


def several(config: Configuration) -> bool:
    """Whether a setting takes its verb in the plural."""
    return config.size != 1 and family(config) in ONE


def title(state: State, config: Configuration) -> str:
    """The kind as a chart or a table names it."""
    start = f", {config.start_method}" if len(state.params.start_methods) > 1 and config.start_method else ""
    return f"{TITLES[config.kind]}{start}{on_python(state, config)}"
