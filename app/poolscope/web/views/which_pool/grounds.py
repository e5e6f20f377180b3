"""On what ground a which-pool run stands: where the time went, the trial of the work, the Pythons, the CPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.charts import ON_CPU, side_by_side, spent
from poolscope.experiments.pool_benchmark.naming import setting
from poolscope.experiments.pool_benchmark.recommendation import fastest
from poolscope.experiments.pool_benchmark.state import Configuration, Python, State
from poolscope.stats.disturbance import beside_us
from poolscope.text import language, numbers
from poolscope.web.views.which_pool.tables import against, counting, interval

TASK = (2, 3)  # places in a budget of what is inside the task
WORTH_TELLING = 2.0  # % of workers × wall


@dataclass(frozen=True, slots=True)
class Cause:
    """What kept one setting from being faster, the largest share first."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Trial:
    """The pre-flight in one Python: the work called a few times before anything was timed, as pairs of words."""

    python: str
    facts: tuple[tuple[str, str], ...]
    traceback: str


@dataclass(frozen=True, slots=True)
class PythonRow:
    """One Python: its plain loop in seconds, and its best setting against that loop and against the first Python's."""

    label: str
    version: str
    gil: str
    loop: float | None
    best: str
    own: float | None
    interval: str
    speedup: float | None
    why_not: str


def causes(state: State, usable_cpus: int) -> tuple[Cause, ...]:
    """For one setting of each kind, where its workers' time went instead of into the task."""
    return tuple(
        Cause(setting(state, config), cause(state, config, usable_cpus))
        for config in side_by_side(state)
        if config.traced
    )


def cause(state: State, config: Configuration, usable_cpus: int) -> str:
    """'73 % waiting for the GIL, 4 % start-up': what was not computing, the largest share first."""
    shares = [(row["share"], row["phase"]) for row in spent(state, config, usable_cpus)]
    told = sorted(((share, what) for share, what in shares if share >= WORTH_TELLING and what != ON_CPU), reverse=True)
    said = ", ".join(f"{share:.0f}{numbers.GAP}% {what}" for share, what in told)
    return said or "all but all of the workers’ time was computing"


def phases(state: State, usable_cpus: int) -> tuple[str, ...]:
    """What the drawn budgets hold, in the order in which they are stacked: the task first, what is around it after."""
    drawn = [row for config in side_by_side(state) for row in spent(state, config, usable_cpus) if row["share"] > 0]
    ranks = {row["phase"]: (row["order"] not in TASK, row["order"]) for row in drawn}
    return tuple(sorted(ranks, key=ranks.__getitem__))


def trials(state: State) -> tuple[Trial, ...]:
    return tuple(_trial(python) for python in state.pythons if python.preflight)


def _trial(python: Python) -> Trial:
    tried = python.preflight
    calls = tried.get("call_s") or ()
    told = [("function", str(tried.get("function") or numbers.UNKNOWN)), ("items", numbers.whole(tried.get("count")))]
    if calls:
        told.append(("one call", f"{numbers.duration(calls[0])} at first, then {numbers.duration(min(calls))}"))
    unpicklable: Mapping[str, str] = tried.get("unpicklable") or {}
    told.append(("can be pickled", "no" if unpicklable else "yes"))
    told += [(f"the {what}", str(why)) for what, why in unpicklable.items()]
    if tried.get("item_bytes") is not None:
        told.append(("an item, pickled", numbers.size(tried["item_bytes"])))
    if tried.get("result_bytes") is not None:
        told.append(("a result, pickled", numbers.size(tried["result_bytes"])))
    if tried.get("pickle_s") is not None:
        told.append(("pickling both, there and back", numbers.duration(tried["pickle_s"])))
    equal = tried.get("repeats_equal")
    told.append(("the same result again", "not tried" if equal is None else "yes" if equal else "no"))
    if tried.get("coroutine"):
        told.append(("coroutine", "yes, so asyncio can run it"))
    if tried.get("printed"):
        told.append(("printed", numbers.size(tried["printed"])))
    raised: Mapping[str, Any] = tried.get("raised") or {}
    if raised:
        told.append(("raised", f"{raised.get('type')}: {raised.get('message')}"))
        if raised.get("item") is not None:
            told.append(("by the item", str(raised["item"])))
    return Trial(python.label, tuple(told), str(raised.get("traceback") or ""))


def pythons(state: State) -> tuple[PythonRow, ...]:
    """The Pythons side by side; nothing where there is only one."""
    return tuple(_python(state, python) for python in state.pythons) if len(state.pythons) > 1 else ()


def _python(state: State, python: Python) -> PythonRow:
    loop = state.loop_of(python.label)
    pools = counting(state, [config for config in state.pools if config.python == python.label])
    best = fastest(pools) if pools else None
    own = against(loop, best) if best else None
    whole = against(state.serial, best) if best else None
    return PythonRow(
        label=python.label,
        version=f"{python.implementation} {python.version}".strip(),
        gil={True: "on", False: "off", None: numbers.UNKNOWN}[python.gil],
        loop=median(loop.map) if loop and loop.map else None,
        best=setting(state, best).removesuffix(f" on {python.label}") if best else numbers.UNKNOWN,
        own=own.value if own else None,
        interval=interval(own),
        speedup=whole.value if whole else None,
        why_not=python.why_not,
    )


def cpu_truth(state: State, conditions: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """How many CPUs there are, may be used and were really got, as pairs of words; what isn't known is left out."""
    quota, mhz = conditions.get("cpu_quota"), conditions.get("cpu_frequency_mhz")
    known = {
        "logical": conditions.get("logical_cpus"),
        "physical": conditions.get("physical_cpus"),
        "hyper-threads": conditions.get("smt"),
        "affinity": conditions.get("affinity_cpus"),
        "quota": f"{quota:g} CPUs, from {conditions.get('cpu_quota_source')}" if quota else "none",
        "usable": conditions.get("usable_cpus_why") or conditions.get("usable_cpus"),
        "frequency": numbers.frequency(mhz) if mhz else None,
    }
    told = [(name, str(value)) for name, value in known.items() if value is not None]
    effective = state.cpu.get("effective") or {}
    told += [(f"got by {language.count(int(n), 'busy process')}", f"{got:.2f} CPUs") for n, got in effective.items()]
    _, throttled = beside_us(state.noise)
    told.append(("throttled", "no counter to read" if throttled is None else language.count(throttled, "time")))
    return tuple(told)
