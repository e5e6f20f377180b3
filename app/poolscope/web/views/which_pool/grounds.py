"""On what ground a which-pool run stands: where the time went, the trial of the work, the Pythons, the CPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.charts import COMPUTING, side_by_side, spent
from poolscope.experiments.pool_benchmark.naming import config_name
from poolscope.experiments.pool_benchmark.recommendation import fastest
from poolscope.experiments.pool_benchmark.state import Configuration, Python, State
from poolscope.protocol.payloads import TrialReport
from poolscope.stats.disturbance import beside_us
from poolscope.text import numbers
from poolscope.text.sentences import format_list
from poolscope.web.views.which_pool.tables import against, counting, interval

TASK = (2, 3)  # places in a budget of what is inside the task
CALLED = {
    "positional": "f(*item)",
    "ragged": "f(*item), items of several lengths",
    "keywords": "f(**item)",
    "mixed": "f(*item), or f(**item) for a mapping",
}
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
        Cause(config_name(state, config), cause(state, config, usable_cpus))
        for config in side_by_side(state)
        if config.traced
    )


def cause(state: State, config: Configuration, usable_cpus: int) -> str:
    """'73 % waiting for the GIL, 4 % start-up': what was not computing, the largest share first."""
    shares = [(row["share"], row["phase"]) for row in spent(state, config, usable_cpus)]
    costs = [(share, what) for share, what in shares if share >= WORTH_TELLING and what != COMPUTING]
    sentence = ", ".join(f"{share:.0f}% {what}" for share, what in sorted(costs, reverse=True))
    return sentence or "almost all of the workers’ time was computing"


def phases(state: State, usable_cpus: int) -> tuple[str, ...]:
    """What the drawn budgets hold, in the order in which they are stacked: the task first, what is around it after."""
    drawn = [row for config in side_by_side(state) for row in spent(state, config, usable_cpus) if row["share"] > 0]
    ranks = {row["phase"]: (row["order"] not in TASK, row["order"]) for row in drawn}
    return tuple(sorted(ranks, key=ranks.__getitem__))


def trials(state: State) -> tuple[Trial, ...]:
    return tuple(_trial(python.label, python.trial) for python in state.pythons if python.trial)


def _trial(label: str, trial: TrialReport) -> Trial:
    pairs = [("function", trial.function), ("items", f"{numbers.whole(trial.count)}{' of more' if trial.cut else ''}")]
    if trial.made and trial.made.lazy:
        pairs.append(("making them", f"{numbers.duration(trial.made.seconds)}, {numbers.size(trial.made.memory)}"))
    if trial.found_in:
        pairs.append(("found in", f"{trial.found_in}, which is not on Python’s path"))
    if trial.calling != "item":
        pairs.append(("called", CALLED[trial.calling]))
    if trial.call_s:
        pairs.append(("the very first call", numbers.duration(trial.call_s[0])))
    if trial.again_s:
        pairs.append(("the very first call again", numbers.duration(trial.again_s[0])))
    if (count := len(trial.call_s)) > 1:
        pairs.append((f"the quickest of {count} items", numbers.duration(min(trial.call_s))))
    pairs.append(("can be pickled", "no" if trial.unpicklable else "yes"))
    pairs += [(f"the {what}", why) for what, why in trial.unpicklable.items()]
    if trial.parcel is not None:
        pairs.append(("the function, pickled", numbers.size(trial.parcel.size)))
    if trial.item_bytes is not None:
        pairs.append(("an item, pickled", numbers.size(trial.item_bytes)))
    if trial.result_bytes is not None:
        pairs.append(("a result, pickled", numbers.size(trial.result_bytes)))
    if trial.pickle_s is not None:
        pairs.append(("pickling both, there and back", numbers.duration(trial.pickle_s)))
    pairs.append(("the same result again", {None: "not tried", True: "yes", False: "no"}[trial.repeats_equal]))
    if trial.coroutine:
        pairs.append(("coroutine", "yes, so asyncio can run it"))
    if trial.printed:
        pairs.append(("printed", numbers.size(trial.printed)))
    if trial.raised is None:
        return Trial(label, tuple(pairs), "")
    pairs.append(("raised", f"{trial.raised.type}: {trial.raised.message}"))
    pairs.append(("by the item", trial.raised.item))
    return Trial(label, tuple(pairs), trial.raised.traceback)


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
        version=f"{python.facts.implementation} {python.facts.version}" if python.facts else "",
        gil={True: "on", False: "off", None: numbers.UNKNOWN}[python.gil],
        loop=median(loop.map) if loop and loop.map else None,
        best=config_name(state, best).removesuffix(f" on {python.label}") if best else numbers.UNKNOWN,
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
    pairs = [(name, str(value)) for name, value in known.items() if value is not None]
    effective = state.cpu.effective if state.cpu else {}
    pairs += [
        (f"CPU time received by {numbers.count(int(n), 'busy process')}", f"{got:.2f} CPUs")
        for n, got in effective.items()
    ]
    pairs += [
        (f"{config_name(state, config)} on", f"{format_list(config.hosts)} ({numbers.count(config.hosts_cpus, 'CPU')})")
        for config in state.pools
        if config.hosts_cpus
    ]
    _, throttled = beside_us(state.noise)
    pairs.append(("throttled", "no counter to read" if throttled is None else numbers.count(throttled, "time")))
    return tuple(pairs)
