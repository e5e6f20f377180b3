"""Settings in the words of sentences: '4 processes', 'asyncio with 8 at once', '2 threads on 3.13t'."""

from __future__ import annotations

from collections.abc import Sequence

from app.experiments.which_pool.params import IN_PROCESSES
from app.experiments.which_pool.samples import Arm, State
from app.experiments.wording import GAP, listed

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


def family(arm: Arm) -> str:
    return FAMILIES[arm.kind]


def setting(state: State, arm: Arm) -> str:
    """The setting, with what tells it from the others of this run: start method, chunk size and Python if they vary."""
    if arm.serial:
        return f"the plain loop{on_python(state, arm)}"
    if arm.kind == "asyncio":
        return f"asyncio with {arm.size} at once{on_python(state, arm)}"
    noun = family(arm)
    words = f"{arm.size}{GAP}{ONE[noun] if arm.size == 1 else noun}"
    more = ["multiprocessing.Pool"] if arm.kind == "pool" else []
    if arm.kind in IN_PROCESSES:
        if len(state.params.start_methods) > 1:
            more.append(arm.start_method)
        if len(state.params.chunksizes) > 1 and arm.chunk_used is not None:
            more.append(f"chunks of {arm.chunk_used}")
    return f"{words}{f' ({listed(more)})' if more else ''}{on_python(state, arm)}"


def settings(state: State, arms: Sequence[Arm]) -> str:
    """Several of one kind by their sizes alone: '4 and 8 processes'."""
    if len(arms) == 1:
        return setting(state, arms[0])
    sizes = listed(sorted({arm.size for arm in arms}))
    return f"asyncio with {sizes} at once" if arms[0].kind == "asyncio" else f"{sizes}{GAP}{family(arms[0])}"


def on_python(state: State, arm: Arm) -> str:
    """' on 3.14' where several Pythons take part, else ''."""
    return f" on {arm.python}" if len(state.pythons) > 1 else ""


def several(arm: Arm) -> bool:
    """Whether a setting takes its verb in the plural."""
    return arm.size != 1 and family(arm) in ONE


def title(state: State, arm: Arm) -> str:
    """The kind as a chart or a table names it."""
    start = f", {arm.start_method}" if len(state.params.start_methods) > 1 and arm.start_method else ""
    return f"{TITLES[arm.kind]}{start}{on_python(state, arm)}"
