"""Why the recommended configuration and not another, as codes and facts: other kinds, sizes, Pythons, and doubts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.findings.cpus import oversubscribed
from poolscope.experiments.pool_benchmark.findings.function import (
    LIGHT,
    child_processes,
    event_loop_blocked,
    gil_held,
    may_have_starved,
)
from poolscope.experiments.pool_benchmark.findings.overhead import ClusterPrice, cluster_price, imported_s
from poolscope.experiments.pool_benchmark.findings.validity import cpu_speed_changed, judge_disturbance
from poolscope.experiments.pool_benchmark.naming import FAMILIES, family, nouns
from poolscope.experiments.pool_benchmark.recommendation import (
    Recommendation,
    eligible_configs,
    faster_beyond_cpus,
    fastest,
    how_fast,
    is_beyond_cpus,
    is_executor_of,
    is_slower,
)
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import (
    WAITS,
    blocks_event_loop,
    is_childrens_work,
    on_cpu,
    waits,
    why_unfounded,
)
from poolscope.protocol.kinds import COPIES_ITEMS, ENGINES, POOL_KINDS
from poolscope.stats.comparison import EQUAL, FAR, NEAR
from poolscope.stats.intervals import Ratio, ratio
from poolscope.text.numbers import interval_of
from poolscope.text.sentences import Part, format_list

NO_GAIN = 1.05  # up to here a kind gains next to nothing
LESS_MEMORY = 0.67
USED_BY = {  # who had the CPUs, in whose words
    "others": "others used",
    "server": "server used",
    "both": "both used",
    "pages": "pages used",
    "pages and others": "pages and others used",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence by its code and facts; `weighty` ones belong to the verdict itself, the others below it."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    weighty: bool = True


def reasons(state: State, recommendation: Recommendation, usable_cpus: int) -> list[Reason]:
    """In the order in which they matter."""
    if why_unfounded(state):
        return [*doubts(state, usable_cpus), *_missing(state), *_lacking(state)]
    return [
        *doubts(state, usable_cpus),
        *_speed(state, recommendation, usable_cpus),
        *_lost_changes(state, recommendation),
        *_cheapest(state, recommendation),
        *_faster_beyond(recommendation, usable_cpus),
        *_single_call(state, recommendation),
        *_cluster(state, recommendation, usable_cpus),
        *_event_loop(state, recommendation, usable_cpus),
        *_several_cpus(state, recommendation, usable_cpus),
        *_for_programs(state, recommendation, usable_cpus),
        *_waiting(state, recommendation, usable_cpus),
        *_without_gil(state, recommendation),
        *_other_kinds(state, recommendation, usable_cpus),
        *_tied_sizes(state, recommendation),
        *_beyond(state, recommendation, usable_cpus),
        *_native_threads(state, recommendation),
        *_other_pythons(state, recommendation),
        *_missing(state),
        *_lacking(state),
    ]


def doubts(state: State, usable_cpus: int) -> Iterator[Reason]:
    """What the figures are to be taken with care for: a noisy machine, results that can't be compared."""
    judged = judge_disturbance(state, usable_cpus)
    if judged is not None and judged.disturbed:
        sign = judged.in_the_way
        yield Reason("disturbed", {**sign.numbers, "who": Part(USED_BY[sign.by])} if sign else {})
    if not state.comparable:
        yield Reason("results change")
    for config in state.pools:
        if config.lost is not None:
            yield Reason(
                "workers lost", {"config": config, "workers": config.lost.workers, "retried": config.lost.retried}
            )


def _speed(state: State, recommendation: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """What may have kept the run from an answer, where it has none."""
    if recommendation.config is None and (changed := cpu_speed_changed(state, usable_cpus)).holds:
        yield Reason("speed changed", changed.facts)


def _lost_changes(state: State, recommendation: Recommendation) -> Iterator[Reason]:
    """Work that is done by changing its item and returns nothing: a process changes a copy."""
    config, trial = recommendation.config, state.reference.trial if state.reference else None
    change = trial.changed if trial else None
    if config is not None and config.kind in COPIES_ITEMS and change is not None and not change.returned:
        yield Reason("changes lost", {"config": config})


def against_loop(state: State, config: Configuration) -> dict[str, Any]:
    """What a configuration gains, or how many times as long it takes, both with the interval in words."""
    gain = ratio(state.serial.map, config.map) if state.serial else Ratio(1.0, None, None)
    loss = gain.inverse()
    return {
        "config": config,
        "gain": gain,
        "ci": interval_of(gain) or None,
        "loss": loss,
        "loss_ci": interval_of(loss) or None,
    }


def reach(gain: Ratio, gains: str = "reaches", little: str = "gains little", loses: str = "takes") -> Part:
    """How the speed-up is told: below 1 as a time, which is longer, for nobody thinks in speed-ups of 0.006."""
    return Part(loses if gain.value < 1 else little if gain.value <= NO_GAIN else gains)


def as_good(state: State, recommendation: Recommendation) -> tuple[Configuration, ...]:
    """Those of other kinds to be named beside the recommended one.

    Of work that waits, if for child processes, only what is as light as it.
    """
    config = recommendation.config
    light = waits(state) or is_childrens_work(state.serial)
    if light and config is not None and config.kind in LIGHT:
        return tuple(other for other in recommendation.others if other.kind in LIGHT)
    return recommendation.others


def _cheapest(state: State, recommendation: Recommendation) -> Iterator[Reason]:
    """The rule by which another than the fastest is recommended."""
    config, best = recommendation.config, recommendation.best
    if recommendation.maps.outcome in ("pool", "small gain") and config is not None and config is not best:
        less = 1 - median(best.map) / median(config.map)
        if is_executor_of(config, best) and less > 1 - 1 / EQUAL:
            chunks = {"chunk": config.chunk_used, "best_chunk": best.chunk_used}
            facts = {"config": config, "best": best, "less": less, "far": FAR - 1}
            yield Reason("faster as a Pool", facts | (chunks if config.chunk_used != best.chunk_used else {}))
            return
        of, compared = Part(how_fast(state, recommendation)), recommendation.maps.compared
        yield Reason("cheapest", {"best": best, "fastest": of, "equal": EQUAL - 1, "compared": compared})


def _faster_beyond(recommendation: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """The rule by which one that was faster with more workers than CPUs is not recommended."""
    best, config = recommendation.best, faster_beyond_cpus(recommendation)
    if recommendation.config is not None and config is not None:
        less = 1 - median(config.map) / median(best.map)
        facts = {"config": config, "less": less, "best": best, "far": FAR - 1, "usable_cpus": usable_cpus}
        yield Reason("faster beyond", facts, False)


def _single_call(state: State, recommendation: Recommendation) -> Iterator[Reason]:
    """Who finishes first if the pool is made and closed for this one call."""
    calls, loop, config = recommendation.calls, state.serial, recommendation.config
    if calls is None or loop is None or "too few" in (calls.outcome, recommendation.maps.outcome):
        return
    if recommendation.maps.outcome == "loop" or (config is not None and config.serial):
        return
    if config is None and blocks_event_loop(state):
        return
    best = recommendation.for_one_call or state.configs[calls.best]
    facts = {
        "best": best,
        "loop": loop,
        "took_s": median(best.total),
        "loop_s": median(loop.map),
        "gain": ratio(loop.map, best.total),
        "import_s": imported_s(best),
    }
    match calls.outcome:
        case "no clear winner":
            yield Reason("call undecided", facts)
        case "loop":
            yield Reason("call loop", facts)
        case "small gain":
            yield Reason("call small gain", facts)
        case _:
            yield Reason("call too" if best is config else "call other", facts)


def _cluster(state: State, recommendation: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """What a cluster takes beside its work, and from how much work on it pays: whoever asks for one wants to know."""
    price = cluster_price(state, usable_cpus)
    if price is None or recommendation.maps.outcome == "too few":
        return
    pays = {"pays": Part("pays")} if price.facts["seconds_per_item"] is not None else {}
    facts = {**price.facts, **pays, "price": Part(_price_told(price))}
    yield Reason(price.code, facts)


def _price_told(price: ClusterPrice) -> str:
    """The code of the words for what is known of it."""
    starts, sends = price.facts["cluster_s"] is not None, price.facts["sent"] is not None
    if starts:
        return "start and traffic" if sends else "start"
    return "traffic" if sends else "no price"


def _event_loop(state: State, recommendation: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """Why asyncio gains less than it could, where it gains something; else that is the verdict."""
    found = event_loop_blocked(state, usable_cpus)
    if found.holds and recommendation.maps.outcome in ("pool", "small gain"):
        yield Reason("blocked for a part", found.facts)


def _several_cpus(state: State, recommendation: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """Why pools gain little where a single item keeps the CPUs busy, unless its native threads were limited."""
    config, found = recommendation.config or recommendation.best, oversubscribed(state, usable_cpus)
    if found.holds and not config.native_threads:
        yield Reason("several CPUs", found.facts)


def _for_programs(state: State, recommendation: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """Why threads are enough for work that looks as if it needed processes."""
    config, found = recommendation.config, child_processes(state, usable_cpus)
    if config is not None and config.kind == "thread" and found.holds and not oversubscribed(state, usable_cpus).holds:
        yield Reason("programs work", found.facts)


def _waiting(state: State, recommendation: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """Why kinds that share one interpreter are enough."""
    config, share = recommendation.config, on_cpu(state.serial)
    shown = waits(state) and not may_have_starved(state, usable_cpus)
    if config is not None and config.kind in LIGHT and shown and share is not None and share <= WAITS:
        yield Reason("work waits", {"loop_on_cpu": share})


def _without_gil(state: State, recommendation: Recommendation) -> Iterator[Reason]:
    """Why threads win here, where they mostly don't."""
    config = recommendation.config
    python = state.python(config.python) if config is not None and config.kind == "thread" else None
    if python is not None and python.gil is False and waits(state) is False:
        yield Reason("no GIL in" if len(state.pythons) > 1 else "no GIL", {"python": python.label})


def _other_kinds(state: State, recommendation: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """The best of each other kind in the recommended one's Python, or why it has none."""
    config = recommendation.config
    chosen = config if config is not None and not config.serial else recommendation.best
    here = [other for other in state.pools if other.python == chosen.python]
    present = [other for other in eligible_configs(state) if other in here]
    named = {family(other) for other in as_good(state, recommendation)}
    decided = config is not None  # else they could pass for winners
    unmeasured: dict[str, list[str]] = {}  # kinds by why, which several may have in common
    for name in dict.fromkeys(FAMILIES[kind] for kind in (*POOL_KINDS, *ENGINES)):
        measured = [other for other in present if family(other) == name]
        left_out = [other for other in here if family(other) == name and state.left_out(other)]
        if measured and name != family(chosen):
            weighty = decided and name not in named
            yield _kind(state, recommendation, chosen, fastest(measured), usable_cpus, weighty)
        if not measured and left_out:
            unmeasured.setdefault(state.left_out(left_out[0]), []).append(name)
        elif left_out:
            yield from (Reason("left out", {"config": one, "why": state.left_out(one)}, False) for one in left_out)
    for why, names in unmeasured.items():
        yield Reason("kind left out", {"kind": format_list(names), "why": why})


def _kind(
    state: State,
    recommendation: Recommendation,
    chosen: Configuration,
    config: Configuration,
    usable_cpus: int,
    weighty: bool,
) -> Reason:
    facts = against_loop(state, config)
    facts["against"] = reach(facts["gain"])
    turns = gil_held(state, usable_cpus)
    if config.kind == "thread" and turns.holds and turns.code == "in turn":
        return Reason("in turn", facts, weighty)
    if config.kind == "thread" and turns.holds:
        return Reason("one thread as good" if config.size == 1 else "under the GIL", facts, weighty)
    tied = config.key in recommendation.maps.tied and not is_slower(config, recommendation.best)
    if recommendation.config is chosen and tied:
        dearer = bool(config.around and chosen.around) and median(config.around) > median(chosen.around)
        around = {"around_s": median(config.around)} if waits(state) and dearer else {}
        return Reason("tied", {**facts, **around}, weighty)
    share = _memory_share(config, chosen)
    if share is not None and share < LESS_MEMORY and facts["gain"].value > NO_GAIN:
        return Reason("less memory", {**facts, "memory_share": share}, weighty)
    return Reason("other", facts, weighty)


def _memory_share(config: Configuration, chosen: Configuration) -> float | None:
    """What a worker takes of what one of the chosen one does; None if unknown, or for kinds that share it all."""
    each = [
        float(median(one.memory.per_worker)) if one.memory and one.memory.per_worker else 0.0
        for one in (config, chosen)
    ]
    return None if config.kind in LIGHT or min(each) <= 0 else each[0] / each[1]


def _tied_sizes(state: State, recommendation: Recommendation) -> Iterator[Reason]:
    """The larger pools that may be as fast, where sizes are all that was compared."""
    config, maps = recommendation.config, recommendation.maps
    if config is None or config.serial or maps.outcome != "pool" or len({other.kind for other in state.pools}) > 1:
        return
    limit = NEAR * median(recommendation.best.map)
    tied = [state.configs[key] for key in maps.tied if key != config.key]
    near = [other for other in tied if median(other.map) <= limit and not is_slower(other, recommendation.best)]
    worth = [other for other in near if not is_beyond_cpus(state, other)]
    if worth:
        yield Reason("tied sizes", {"configs": nouns(state, worth)})


def _beyond(state: State, recommendation: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """The sizes of its kind beyond both the recommended one and the usable CPUs, which have nothing to gain."""
    config = recommendation.config
    if config is None or config.serial:
        return
    alike = [other for other in eligible_configs(state) if _but_for_size(other) == _but_for_size(config)]
    larger = [other for other in alike if other.size > config.size and is_beyond_cpus(state, other)]
    if larger and median(fastest(larger).map) >= median(config.map) / NO_GAIN:
        yield Reason("only add start-up", {"configs": nouns(state, larger), "usable_cpus": usable_cpus})


def _but_for_size(config: Configuration) -> tuple[object, ...]:
    return config.kind, config.python, config.native_threads


def _native_threads(state: State, recommendation: Recommendation) -> Iterator[Reason]:
    """The fastest with each other limit of native threads, the plain loop included."""
    chosen = recommendation.config or recommendation.best
    others = [config for config in eligible_configs(state) if config.python == chosen.python]
    for limit in sorted({config.native_threads for config in others} - {chosen.native_threads}):
        facts = against_loop(state, fastest([config for config in others if config.native_threads == limit]))
        yield Reason("other", {**facts, "against": reach(facts["gain"])}, recommendation.config is not None)


def _other_pythons(state: State, recommendation: Recommendation) -> Iterator[Reason]:
    chosen = recommendation.config or recommendation.best
    for python in state.pythons:
        if python.why_not:
            yield Reason("Python left out", {"python": python.label, "why": python.why_not})
        elif python.label != chosen.python:
            measured = [config for config in eligible_configs(state) if config.python == python.label]
            if measured:
                facts = against_loop(state, fastest(measured))
                yield Reason("other", {**facts, "against": reach(facts["gain"])}, recommendation.config is not None)


def _missing(state: State) -> Iterator[Reason]:
    """The configurations that the run never came to."""
    missing = [config for config in state.pools if not config.map and not config.skipped]
    if len(missing) == 1:
        yield Reason("one not measured", {"config": missing[0]})
    elif missing:
        yield Reason("several not measured", {"count": len(missing)})


def _lacking(state: State) -> Iterator[Reason]:
    """The kinds that a Python has not got, or not for this work; said in the verdict where they were asked for."""
    for python in state.pythons:
        for kind, why in python.kinds.items():
            planned = any((config.kind, config.python) == (kind, python.label) for config in state.pools)
            if why and not planned and not python.why_not and kind in (state.params.kinds or POOL_KINDS):
                code = "kind lacking in" if len(state.pythons) > 1 else "kind lacking"
                yield Reason(code, {"python": python.label, "why": why}, bool(state.params.kinds))
