"""Which kind of pool, how large and with what chunks, in a sentence that the intervals support."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from poolscope.experiments.experiment import Verdict
from poolscope.experiments.pool_benchmark.breakeven import nearest
from poolscope.experiments.pool_benchmark.findings.breakage import hangs, nests_pools, workers_break
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.findings.cpus import oversubscribed
from poolscope.experiments.pool_benchmark.findings.dispatch import function_too_large, too_large_to_hand_over
from poolscope.experiments.pool_benchmark.findings.function import (
    LIGHT,
    call_facts,
    event_loop_blocked,
    gil_held,
    items_changed,
    results_remembered,
)
from poolscope.experiments.pool_benchmark.findings.validity import results_differ, who_had_the_cpus
from poolscope.experiments.pool_benchmark.messages import HEADLINES, verdict_sentence
from poolscope.experiments.pool_benchmark.naming import config_name
from poolscope.experiments.pool_benchmark.reasons import against_loop, as_good, doubts, reach, reasons
from poolscope.experiments.pool_benchmark.recommendation import (
    Recommendation,
    eligible_configs,
    fewest_repetitions,
    how_fast,
    no_pool_gains,
    recommend,
    worth,
)
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import why_unfounded
from poolscope.stats.comparison import WORTH_IT
from poolscope.stats.intervals import ratio
from poolscope.text.sentences import Part

# The headline where there is no winner, by who had the CPUs.
BUSY = {
    "others": "no winner, busy",
    "server": "no winner, busy by the server",
    "both": "no winner, busy by both",
    "pages": "no winner, busy for pages",
    "pages and others": "no winner, busy by pages and others",
}
TWICE = 1.995  # from here on how many times as long is easier to read than by how many percent
# The headline where the times are not those of the work.
NO_ANSWER = {"lazy": "no answer, lazy", "kept": "no answer, kept"}
LONGEST_PROSE = 220  # characters that are read in one go; where they are more, the reasons are a list

Check = Callable[[State, int], CheckResult]

# What explains by itself why there is no winner: its headline comes before 'No clear winner' and the like.
BREAKS: tuple[Check, ...] = (hangs, workers_break, nests_pools)
# They hold whatever the times are, and the first of them that does is named.
ABOUT_CALLS: tuple[Check, ...] = (results_remembered, items_changed)
COSTS: tuple[Check, ...] = (function_too_large, too_large_to_hand_over, oversubscribed)


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """None until every configuration has the few repetitions that an interval takes, or the run is over with less."""
    recommendation = recommend(state)
    if recommendation is None:
        return _nothing_to_recommend(state, usable_cpus)
    headline, behind, facts = _statement(state, recommendation, usable_cpus)
    doubtful = [verdict_sentence(state, doubt.code, doubt.facts) for doubt in doubts(state, usable_cpus)]
    weighty = [
        verdict_sentence(state, reason.code, reason.facts)
        for reason in reasons(state, recommendation, usable_cpus)
        if reason.weighty
    ]
    why = [sentence for sentence in weighty if sentence not in doubtful]
    lead = " ".join((verdict_sentence(state, behind, facts), *doubtful))
    title = _explained(state, usable_cpus, headline, facts)
    code = behind.removesuffix(", behind")
    if len(lead) + sum(map(len, why)) > LONGEST_PROSE:
        return Verdict(title, lead, tuple(why), code)
    return Verdict(title, " ".join((lead, *why)), code=code)


def as_json(state: State, usable_cpus: int) -> dict[str, Any] | None:
    """The contract's verdict: kind, size and chunk size are None without a clear winner; `also` are those as fast."""
    recommendation, stated = recommend(state), verdict(state, usable_cpus)
    if stated is None:
        return None
    if recommendation is None:
        nobody = {"kind": None, "size": None, "chunksize": None, "speedup": None, "outcome": "nothing to choose"}
        return {**nobody, "sentence": str(stated), "reasons": []}
    config = recommendation.config
    return {
        **(identity(config) if config else {"kind": None, "size": None, "chunksize": None}),
        "speedup": recommendation.gain.as_json(),
        "sentence": str(stated),
        "reasons": [
            verdict_sentence(state, reason.code, reason.facts) for reason in reasons(state, recommendation, usable_cpus)
        ],
        "outcome": why_unfounded(state) or recommendation.maps.outcome,
        "best": identity(recommendation.best),
        "also": [identity(other) for other in as_good(state, recommendation)],
    }


def identity(config: Configuration) -> dict[str, Any]:
    """What makes a configuration, as JSON has it."""
    return {
        "kind": config.kind,
        "size": config.size,
        "chunksize": config.chunksize,
        "max_tasks": config.max_tasks,
        "python": config.python,
        "start_method": config.start_method,
        "chunk_used": config.chunk_used,
        "native_threads": config.native_threads,
    }


def whys_left_out(state: State) -> Iterator[str]:
    """Why pools don't count, once for what broke several in the same way.

    One that was not tried since another broke has the other's reason, which is told there.
    """
    told = set()
    for config in state.pools:
        broke, why = config.breakage, state.left_out(config)
        same = (broke.code, broke.error.partition(":")[0], broke.places, broke.globals) if broke else why
        if why and same not in told and not config.untried_after:
            told.add(same)
            yield why


def every_pool_broke(state: State) -> bool:
    """Whether none of the pools was measured, and not for want of time: they broke, or can't do the work."""
    return bool(state.pools) and all(config.skipped and not config.late and not config.map for config in state.pools)


def _explained(state: State, usable_cpus: int, headline: str, facts: dict[str, Any]) -> str:
    """The headline, behind what explains by itself that no pool is recommended."""
    cause = None
    if headline == "no winner":
        cause = _why_no_winner(state, usable_cpus)
        if cause is None and (who := who_had_the_cpus(state, usable_cpus)):
            headline = BUSY[who]
    elif headline in ("loop", "too small", "small gain"):
        cause = _why_no_gain(state, usable_cpus)
    title = verdict_sentence(state, headline, facts)
    return f"{verdict_sentence(state, *cause)} {title}" if cause else title


def _nothing_to_recommend(state: State, usable_cpus: int) -> Verdict | None:
    """A run that is over and has no pool to speak for."""
    if not state.outcome or state.serial is None or not state.serial.map:
        return None
    if unfounded := why_unfounded(state):
        facts = call_facts(state)
        title, rest = (verdict_sentence(state, code, facts) for code in (NO_ANSWER[unfounded], unfounded))
        return Verdict(title, rest, code=unfounded)
    whys = " ".join(whys_left_out(state))
    facts = {"loop_s": median(state.serial.map), "whys": whys or None}
    ended = any(config.map and not config.skipped for config in state.pools)
    code = "wrong results" if ended else "none finished"
    title, cause = verdict_sentence(state, code, facts), _why_nothing_counts(state, usable_cpus, code)
    if cause:
        title = f"{verdict_sentence(state, *cause)} {title}"
    noisy = [
        verdict_sentence(state, doubt.code, doubt.facts)
        for doubt in doubts(state, usable_cpus)
        if doubt.code == "disturbed"
    ]
    return Verdict(title, " ".join((verdict_sentence(state, "only the loop", facts), *noisy)), code=code)


def _statement(state: State, recommendation: Recommendation, usable_cpus: int) -> tuple[str, str, dict[str, Any]]:
    """The codes of the headline and of what stands behind it, and the facts of both."""
    best, blocked = recommendation.best, event_loop_blocked(state, usable_cpus)
    facts: dict[str, Any] = {
        **against_loop(state, best),
        "best": best,
        "gain": recommendation.gain,
        "loop": state.serial,
        "loop_s": median(state.serial.map) if state.serial else None,
        "best_s": median(best.map),
        "fastest": _fastest(state, recommendation),
        "worth_it": WORTH_IT - 1,
        "base": Part("the plain loop of" if len(state.pythons) > 1 else "the only plain loop"),
    }
    if unfounded := why_unfounded(state):
        return NO_ANSWER[unfounded], unfounded, facts | call_facts(state)
    match recommendation.maps.outcome:
        case "loop" | "small gain" | "too few" | "no clear winner" if blocked.holds:
            more = {"reach": reach(facts["gain"], "reach", "gain little", "take")}
            return "blocked", "blocked, behind", {**facts, **more, **blocked.facts}
        case "pool":
            return _use(state, recommendation, facts)
        case "small gain":
            config = recommendation.config or best
            fastest = {} if config is best else {"fastest": None}
            facts |= {"worth_it": worth(state, config) - 1}
            return "small gain", "small gain, behind", {**facts, "config": config, **fastest}
        case "loop":
            return _loop(state, usable_cpus, facts)
        case "too few":
            repetitions, of = fewest_repetitions(state, best)
            code = "one repetition" if repetitions == 1 else "few repetitions"
            return "no winner", code, {**facts, "repetitions": repetitions, "least_repeated": of}
        case _:
            return _undecided(state, recommendation, facts)


def _use(state: State, recommendation: Recommendation, facts: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    config = recommendation.config or recommendation.best
    facts["config"] = config
    if config.serial:
        return "other loop", "other loop, behind", facts
    also = as_good(state, recommendation)
    facts["configs"] = [config_name(state, one) for one in (config, *also)]
    if also:
        facts["tie"] = Part("no winner between")
    return "use", "use, behind", facts


def _loop(state: State, usable_cpus: int, facts: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    near, as_long = nearest(state, usable_cpus), 1 / facts["gain"].value
    slower = "percent longer" if as_long < TWICE else "times slower"
    facts |= {"slower": Part(slower), "longer": as_long - 1, "as_long": as_long}
    facts |= {"reach": reach(facts["gain"], "reach", "gain little", "take")}
    if near and near.is_told:
        return "too small", "too small, behind", facts | near.facts
    if near and near.why_not:
        facts |= near.facts | {"why": Part(near.why_not)}
    return "loop", "loop, behind", facts


def _undecided(state: State, recommendation: Recommendation, facts: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    maps, gain = recommendation.maps, recommendation.gain
    facts |= {"compared": maps.compared}
    if not gain.shows_difference:
        return "no winner", "no gain" if no_pool_gains(state, recommendation) else "undecided", facts
    if gain.value < 1:
        return "no winner", "others open" if _others_open(state, recommendation) else "unconfirmed", facts
    # The caution for the best of many is for gains, and for several.
    return "no winner", "luckiest" if maps.compared > 1 else "unconfirmed", facts


def _others_open(state: State, recommendation: Recommendation) -> bool:
    """Whether the interval of another configuration that was not shown to be slower reaches as far as the loop."""
    loop = state.serial.map if state.serial else ()
    others = [config for config in eligible_configs(state) if config is not recommendation.best]
    return any((ratio(loop, config.map).high or 1.0) >= 1 for config in others if not config.shown_slower)


def _fastest(state: State, recommendation: Recommendation) -> Part:
    """What the best one is called; where it is slower than the plain loop, it is the fastest of the pools alone."""
    code = how_fast(state, recommendation)
    if recommendation.gain.value >= 1:
        return Part(code)
    return Part("fastest pool of often" if code == "fastest of often" else "fastest pool")


def _why_nothing_counts(state: State, usable_cpus: int, code: str) -> tuple[str, dict[str, Any]] | None:
    """The headline, by code and facts, of why no pool was measured to its end ('none finished') or none can be
    compared ('wrong results'); None where none of the checks found it."""
    checks = (
        (results_differ,) if code == "wrong results" else (*BREAKS, *ABOUT_CALLS, event_loop_blocked, oversubscribed)
    )
    return _first_of(state, usable_cpus, checks)


def _why_no_winner(state: State, usable_cpus: int) -> tuple[str, dict[str, Any]] | None:
    """The headline of the cause that no pool gains by; None where no single one is known."""
    return _first_of(state, usable_cpus, ABOUT_CALLS) or _why_no_gain(state, usable_cpus)


def _why_no_gain(state: State, usable_cpus: int) -> tuple[str, dict[str, Any]] | None:
    """The same of what costs every pool its gain, of several the one that costs most."""
    # Beside processes, which have no part in it, the GIL explains threads alone.
    checks = (*COSTS, *((gil_held,) if all(config.kind in LIGHT for config in state.pools) else ()))
    return _first_of(state, usable_cpus, checks, by_cost=True)


def _first_of(
    state: State, usable_cpus: int, checks: tuple[Check, ...], *, by_cost: bool = False
) -> tuple[str, dict[str, Any]] | None:
    results = [(check.__name__, check(state, usable_cpus)) for check in checks]
    found = [(f"{name}: {result.code}", result) for name, result in results if result.holds]
    if by_cost:
        found.sort(key=lambda named: -(named[1].lost_share or 0.0))
    return next(((code, {**result.facts}) for code, result in found if code in HEADLINES), None)
