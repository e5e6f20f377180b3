"""Configurations in the words of sentences: '4 processes', 'asyncio with 8 at once', '2 threads on 3.13t'."""

from __future__ import annotations

from collections.abc import Sequence

from poolscope.experiments.pool_benchmark.params import PoolSizesParams, WhichPoolParams
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import ENGINES, IN_PROCESSES, STARTED_BY_METHOD
from poolscope.text.numbers import GAP, count, duration
from poolscope.text.sentences import Noun, format_list

# What a kind is at heart: a Pool's workers are processes as an executor's are.
FAMILIES = {
    "serial": "the plain loop",
    "thread": "threads",
    "asyncio": "asyncio",
    "process": "processes",
    "pool": "processes",
    "interpreter": "interpreters",
    **{kind: f"{kind} workers" for kind in ENGINES},
}
ONE = {"threads": "thread", "processes": "process", "interpreters": "interpreter", "workers": "worker"}
ONE |= {f"{kind} workers": f"{kind} worker" for kind in ENGINES}
TITLES = {
    "serial": "plain loop",
    "thread": "threads",
    "asyncio": "asyncio",
    "process": "processes",
    "pool": "multiprocessing.Pool",
    "interpreter": "interpreters",
    **{kind: kind for kind in ENGINES},
}


def family(config: Configuration) -> str:
    return FAMILIES[config.kind]


def config_name(state: State, config: Configuration) -> str:
    """The configuration, with what tells it from the others of this run: start method, chunk size, Python."""
    if config.serial:
        return f"the plain loop{with_native_threads(config)}{on_python(state, config)}"
    if config.kind == "asyncio":
        return f"asyncio with {config.size} at once{with_native_threads(config)}{on_python(state, config)}"
    workers = _workers(config)
    words = f"{config.size}{GAP}{ONE[workers] if config.size == 1 else workers}"
    more = ["multiprocessing.Pool"] if config.kind == "pool" and workers != "workers" else []
    if config.kind in IN_PROCESSES:
        if config.start_method and _varies(state, config, "start_method"):
            more.append(config.start_method)
        if _varies(state, config, "chunksize"):
            more.append(f"chunks of {config.chunk_used}")
        if config.max_tasks:
            more.append(f"replaced after {count(config.max_tasks, 'task')}")
    if config.native_threads:
        more.append(f"{count(config.native_threads, 'native thread')} each")
    return f"{words}{f' ({format_list(more)})' if more else ''}{on_python(state, config)}"


def config_names(state: State, configs: Sequence[Configuration]) -> str:
    """Several of one kind by their sizes alone: '4 and 8 processes'."""
    if len(configs) == 1:
        return config_name(state, configs[0])
    if len({config.native_threads for config in configs}) > 1:
        return format_list([config_name(state, config) for config in configs])
    sizes = format_list(sorted({config.size for config in configs}))
    if configs[0].kind == "asyncio":
        return f"asyncio with {sizes} at once"
    workers = _workers(configs[0])
    pool = " (multiprocessing.Pool)" if configs[0].kind == "pool" and workers != "workers" else ""
    return f"{sizes}{GAP}{workers}{pool}"


def with_native_threads(config: Configuration) -> str:
    """' with 1 native thread' where the environment limits them, else ''."""
    return f" with {count(config.native_threads, 'native thread')}" if config.native_threads else ""


def noun(state: State, config: Configuration) -> Noun:
    """The configuration for a sentence, with the number of its verb."""
    return Noun(config_name(state, config), config.size != 1 and family(config) in ONE)


def nouns(state: State, configs: Sequence[Configuration]) -> Noun:
    return Noun(config_names(state, configs), len(configs) > 1 or noun(state, configs[0]).plural)


def on_python(state: State, config: Configuration) -> str:
    """' on 3.14' where several Pythons take part, else ''."""
    return f" on {config.python}" if len(state.pythons) > 1 else ""


def title(state: State, config: Configuration) -> str:
    """The kind as a chart or a table names it."""
    varied = config.start_method and _varies(state, config, "start_method")
    kind = TITLES[config.kind]
    if config.kind == "executor" and isinstance(state.params, WhichPoolParams):
        kind = f"{kind} {state.params.executor}"
    words = [kind, *([config.start_method] if varied else [])]
    words += [f"replaced after {count(config.max_tasks, 'task')}"] if config.max_tasks else []
    return f"{', '.join(words)}{with_native_threads(config)}{on_python(state, config)}"


def repetitions_asked(params: PoolSizesParams | WhichPoolParams, each: str) -> str:
    """How many counted repetitions each setting, or size, was to have: '5 repetitions a size'."""
    if params.repeats is None:
        return f"as many repetitions as it takes, for up to {duration(params.seconds)}"
    return f"{count(params.repeats, 'repetition')} a {each}"


def _workers(config: Configuration) -> str:
    """A run of one kind in its own Python, which has no label then, compares so many workers and nothing else."""
    return "workers" if config.kind == "pool" and not config.python else family(config)


def _varies(state: State, config: Configuration, field: str) -> bool:
    """Whether the processes of the same Python were measured with several values of a field."""
    kinds = STARTED_BY_METHOD if field == "start_method" else IN_PROCESSES
    alike = (other for other in state.pools if other.python == config.python and other.kind in kinds)
    return len({getattr(other, field) for other in alike}) > 1
