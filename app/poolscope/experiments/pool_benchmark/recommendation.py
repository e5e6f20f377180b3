"""Which configuration a run speaks for, as facts: in a pool that lives on, and for one call with start-up counted.

And when it has enough for that: what it may leave out after a round, how sure it is, and what more time would buy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.naming import family
from poolscope.experiments.pool_benchmark.plan import FEWEST_TO_SETTLE, LONG_ROUND, is_look
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import waits, why_unfounded
from poolscope.protocol.commands import ContinueRounds
from poolscope.stats.comparison import FAR, NEAR, WORTH_IT, Comparison, TimedConfiguration, compare, far_behind
from poolscope.stats.intervals import CONFIDENCE, FEWEST_FOR_RATIO, Ratio, ratio

# Of configurations that tie, the one that takes least of the machine and of the code around it: threads share memory
# and take any function; interpreters start fastest after them, but few libraries can run in one.
RANK = {"serial": 0, "thread": 1, "asyncio": 2, "process": 3, "pool": 4, "interpreter": 5}
RANK |= {"loky": 6, "joblib": 7, "executor": 8, "dask": 9, "ray": 10}
Times = Callable[[Configuration], tuple[float, ...]]  # the map's, or the whole call's

NARROW = 0.05  # of the gain: up to here on either side its interval is narrow enough …
NARROW_ENOUGH = 0.10  # … and up to here where only its size is open, and nothing that hangs on it


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the samples bear out. `maps` compares the maps alone, `calls` whole calls (None without one).

    `config` is the configuration to use, the plain loop included, None without a clear winner; `others` are the
    cheapest ones of other kinds that map as fast, as far as is shown. `for_one_call` is the one for a single call,
    None where `calls` names none. `best` has the least median of the map of those that are compared, whichever is
    recommended. `gain` is the plain loop's map over that of `shown`: `config`, or `best` where no pool is recommended.
    `beyond` are those that `maps` leaves out, for they have more workers than CPUs; `tentative`: `best` has so many,
    and is not shown to be so far ahead that they count.
    """

    maps: Comparison
    calls: Comparison | None
    config: Configuration | None
    others: tuple[Configuration, ...]
    for_one_call: Configuration | None
    best: Configuration
    shown: Configuration
    gain: Ratio
    beyond: tuple[Configuration, ...]
    tentative: bool


def recommend(state: State) -> Recommendation | None:
    """None until all that are still repeated have the samples that an interval takes, or the run is over with less."""
    loop = state.serial
    if loop is None or not loop.map or not (state.outcome or _all_measured(state)):
        return None
    configs = eligible_configs(state)
    # More workers than CPUs can only fill gaps in which one waits for its next item, as larger chunks do. What that
    # gains hangs on the moment, so that an answer that counted it would be another one each time: it counts only where
    # it is far more, or where no other pool wins.
    beyond = tuple(config for config in configs if is_beyond_cpus(state, config))
    within = [config for config in configs if config not in beyond]
    far = not beyond or _some_are_far_ahead(state, loop, within, beyond)
    maps = None if far else compare_maps(state, loop, within)
    if maps is None or maps.outcome != "pool":
        every = compare_maps(state, loop, configs)
        if maps is not None and every is not None and every.outcome == "pool":
            maps = compare_maps(state, loop, within, gain_is_shown=True)
        if maps is None or maps.outcome != "pool":
            maps, beyond = every, ()
    if maps is None:
        return None
    pools = [config for config in configs if not config.serial]
    if maps.outcome == "no clear winner" and len(pools) < len(configs):
        # The loops of two Pythons may be as fast as each other and every pool still slower than them.
        without = compare_maps(state, loop, pools)
        maps = without if without is not None and without.outcome == "loop" else maps
    # One that lost by its maps was not compared by its start-up, so that it may still be the one for a single call.
    whole = [config for config in configs if config.total and config not in beyond]
    calls = compare(
        loop.map,
        [replace(timed, lost=False) for timed in _timed(state, whole, _total)],
        looks=state.looks,
    )
    best = state.configs[maps.best]
    config = None if why_unfounded(state) else _recommended(state, maps, loop)
    if config is None and maps.outcome == "pool":
        maps = replace(maps, outcome="no clear winner", recommended=None)
    others = _as_fast(state, maps, config) if config is not None and maps.outcome == "pool" else ()
    shown = best if config is None or config is loop else config
    tentative = not far and is_beyond_cpus(state, best)
    one_call = _for_one_call(state, calls, config)
    gain = ratio(loop.map, shown.map)
    return Recommendation(maps, calls, config, others, one_call, best, shown, gain, beyond, tentative)


def _recommended(state: State, maps: Comparison, loop: Configuration) -> Configuration | None:
    match maps.outcome:
        case "pool":
            config = _not_beyond_cpus(state, maps, state.configs[maps.recommended or maps.best])
            return _executor_for(state, maps, config, _map) if config else None
        case "small gain":
            return state.configs[next((key for key in maps.equal if key in maps.faster), maps.best)]
        case "loop":
            return loop
        case _:
            return None


def _for_one_call(state: State, calls: Comparison | None, config: Configuration | None) -> Configuration | None:
    """Who is recommended where the pool is made and closed for the one call, by the rule of those that live on."""
    if calls is None or calls.recommended is None:
        return None
    fastest_call = state.configs[calls.recommended]
    return fastest_call if fastest_call is config else _executor_for(state, calls, fastest_call, _total)


def _map(config: Configuration) -> tuple[float, ...]:
    return config.map


def _total(config: Configuration) -> tuple[float, ...]:
    return config.total


def _some_are_far_ahead(
    state: State, loop: Configuration, within: Sequence[Configuration], beyond: Sequence[Configuration]
) -> bool:
    """Whether one with more workers than CPUs is shown to be far ahead of every pool that has a CPU a worker."""
    pools = [config for config in within if not config.serial]
    if not pools:
        return True
    best = fastest(pools)
    timed = _timed(state, [best, *beyond], _map)
    return best.key in far_behind(timed, loop.map, looks=state.looks)


def is_far_behind(state: State, config: Configuration, other: Configuration, times: Times = _map) -> bool:
    """Whether one is shown to take more than FAR times as long as another, which two samples a side are enough for."""
    timed, loop = _timed(state, [config, other], times), state.serial
    return loop is not None and config.key in far_behind(timed, loop.map, looks=state.looks)


def is_beyond_cpus(state: State, config: Configuration) -> bool:
    """Whether a configuration has more workers than there are CPUs for them, for work that computes."""
    cpus = config.hosts_cpus or state.usable_cpus
    return not config.serial and cpus is not None and config.size > cpus and waits(state) is False


def compare_maps(
    state: State, loop: Configuration, configs: Sequence[Configuration], *, gain_is_shown: bool = False
) -> Comparison | None:
    """The comparison of the maps alone, without start-up."""
    timed = _timed(state, configs, _map)
    return compare(loop.map, timed, looks=state.looks, gain_is_shown=gain_is_shown)


def _not_beyond_cpus(state: State, maps: Comparison, config: Configuration) -> Configuration | None:
    """For computing work with more workers than CPUs, the cheapest with fewer that may be as fast, if any may.

    None where that one is not shown to be faster than the loop.
    """
    if not is_beyond_cpus(state, config):
        return config
    fewer = [state.configs[key] for key in maps.equal if not is_beyond_cpus(state, state.configs[key])]
    as_fast = (other for other in fewer if not other.serial and (ratio(other.map, config.map).low or 0.0) <= 1)
    other = next(as_fast, config)
    return other if other.key in maps.faster else None


def _executor_for(state: State, compared: Comparison, config: Configuration, times: Times) -> Configuration:
    """For a Pool the executor with the same workers, if that is worth it and not shown to be far behind.

    Left to themselves they differ in how many items they hand over at once. What that gains hangs on the moment, as
    with more workers than CPUs, and is to be had from either by a chunk size.
    """
    for other in eligible_configs(state):
        known = is_executor_of(other, config) and other.key in compared.faster
        if known and not is_far_behind(state, other, config, times):
            gain = ratio(state.serial.map if state.serial else (), times(other))
            return other if gain.value >= worth(state, other) else config
    return config


def is_executor_of(config: Configuration, pool: Configuration) -> bool:
    """Whether one is the executor whose worker processes are as those of the other, a Pool."""
    return (config.kind, pool.kind) == ("process", "pool") and _workers(config) == _workers(pool)


def _workers(config: Configuration) -> tuple[object, ...]:
    return (
        config.python,
        config.size,
        config.start_method,
        config.chunksize,
        config.max_tasks,
        config.native_threads,
    )


def eligible_configs(state: State) -> list[Configuration]:
    """Every configuration whose times count: measured, not given up, with the results of the plain loop."""
    return [
        config
        for config in state.configs.values()
        if config is not state.serial and config.map and not state.left_out(config)
    ]


def cost(state: State, config: Configuration) -> tuple[int, ...]:
    """What it takes, the least first: a plain loop, this Python, a light kind, few workers, the first start method."""
    labels = list(dict.fromkeys(other.python for other in state.configs.values()))
    methods = list(dict.fromkeys(other.start_method for other in state.configs.values()))
    return (
        not config.serial,
        labels.index(config.python),
        config.native_threads,
        RANK.get(config.kind, len(RANK)),
        config.size,
        methods.index(config.start_method),
        config.max_tasks,
        config.chunksize,
    )


def worth(state: State, config: Configuration) -> float:
    """The gain over the plain loop from which on a configuration would be used.

    Threads that compute under the GIL do no two items at once. Seen on two virtual CPUs: taking turns on both, they are
    3 to 9 % faster than a loop on one, which is the machine's doing and no reason for a pool.
    """
    python = state.python(config.python)
    under_gil = config.kind == "thread" and python is not None and bool(python.gil)
    return NEAR if under_gil and waits(state) is False else WORTH_IT


def is_slower(config: Configuration, other: Configuration) -> bool:
    """Whether the interval of these two alone shows it; of many that are compared, a few are shown so by chance."""
    return (ratio(config.map, other.map).low or 0.0) > 1


def fastest(configs: Sequence[Configuration]) -> Configuration:
    """The one with the least median of the map."""
    return min(configs, key=lambda config: median(config.map))


def spoken_of(recommendation: Recommendation | None) -> Configuration | None:
    """The pool that an answer is about: the one to use, or the best where none is; None where it is about no pool."""
    named = (recommendation.config, recommendation.best) if recommendation else ()
    return next((config for config in named if config and not config.serial), None)


def faster_beyond_cpus(recommendation: Recommendation) -> Configuration | None:
    """The fastest with more workers than CPUs, if it was faster than the best of those with a CPU a worker."""
    beyond = [config for config in recommendation.beyond if not config.shown_slower and len(config.map) > 1]
    found = fastest(beyond) if beyond else None
    return found if found and median(found.map) < median(recommendation.best.map) else None


def how_fast(state: State, recommendation: Recommendation) -> str:
    """The code of what the best one may be called.

    Others that were repeated less often, in a run that was stopped or since they were not far ahead, may be faster.
    """
    if faster_beyond_cpus(recommendation):
        return "fastest within CPUs"
    best = recommendation.best
    others = [config for config in eligible_configs(state) if len(config.map) < len(best.map)]
    may_be_faster = any(median(config.map) < median(best.map) for config in others if not config.shown_slower)
    return "fastest of often" if may_be_faster else "fastest"


def _all_measured(state: State) -> bool:
    wanted = min(FEWEST_FOR_RATIO, state.params.repeats or FEWEST_FOR_RATIO)
    measured = (config for config in state.configs.values() if not config.skipped and config.dropped is None)
    return all(len(config.total) >= wanted for config in measured)


def _timed(state: State, configs: Sequence[Configuration], times: Times) -> list[TimedConfiguration]:
    return [
        TimedConfiguration(
            config.key,
            times(config),
            cost(state, config),
            lost=config.dropped is not None,
            worth=worth(state, config),
        )
        for config in configs
    ]


def _as_fast(state: State, maps: Comparison, config: Configuration) -> tuple[Configuration, ...]:
    """Of each other kind the cheapest that is not shown to be slower than the fastest, and is faster than the loop."""
    found: dict[str, Configuration] = {family(config): config}
    limit = median(state.configs[maps.best].map) * NEAR
    for key in maps.tied:
        other = state.configs[key]
        near = median(other.map) <= limit and not is_slower(other, state.configs[maps.best])
        if not other.serial and near and key in maps.faster:
            found.setdefault(family(other), other)
    return tuple(found.values())[1:]


# When a run has enough


def steer(state: State) -> ContinueRounds | None:
    """What is to become of the rounds after the last one, for a run that was given no number of them.

    It is the server's answer to a round; None where that is not the time to look.
    """
    if state.looks is None or not is_look(state.rounds):
        return None
    if state.rounds < FEWEST_TO_SETTLE:
        return ContinueRounds(state.rounds, early_losers(state), enough=False)
    recommendation = recommend(state)
    if recommendation is None:
        return ContinueRounds(state.rounds, {}, enough=False)
    return ContinueRounds(
        state.rounds,
        losers(state, recommendation),
        enough=is_settled(state, recommendation),
        not_ahead=not_ahead(state, recommendation),
    )


def early_losers(state: State) -> dict[str, str]:
    """Who is so far behind after the first look that a long round need not be repeated for them."""
    loop, looks = state.serial, state.looks
    if loop is None or looks is None or state.round_s <= LONG_ROUND * state.params.seconds:
        return {}
    pools = [config for config in eligible_configs(state) if not config.serial]
    timed = [TimedConfiguration(config.key, config.map, cost(state, config)) for config in pools]
    return far_behind(timed, loop.map, looks=looks)


def losers(state: State, recommendation: Recommendation) -> dict[str, str]:
    """The keys of the pools that can't be recommended any more, each with that of the one it lost to."""
    maps, loop = recommendation.maps, state.serial
    leaders = {maps.best, recommendation.config.key if recommendation.config else maps.best}
    if loop is None or maps.outcome == "loop":  # all have lost, and what they lost by needs the usual samples
        return {}
    if recommendation.tentative:
        within = [config for config in eligible_configs(state) if not is_beyond_cpus(state, config)]
        with_a_cpu_each = compare_maps(state, loop, within)
        lost = with_a_cpu_each.slower if with_a_cpu_each else frozenset()
        leaders |= {config.key for config in within if config.key not in lost}
    leaders |= {
        config.key
        for config in eligible_configs(state)
        for key in leaders
        if is_executor_of(config, state.configs[key]) and not is_far_behind(state, config, state.configs[key])
    }
    return {
        key: loop.key if key in maps.equal else maps.best
        for key in maps.slower - leaders
        if not state.configs[key].serial
    } | _behind_beyond_cpus(state, recommendation, loop)


def _behind_beyond_cpus(state: State, recommendation: Recommendation, loop: Configuration) -> dict[str, str]:
    """Those with more workers than CPUs that are shown to lose all the same."""
    best, beyond = recommendation.best, recommendation.beyond
    every = compare_maps(state, loop, [best, *beyond]) if beyond else None
    return {config.key: every.best for config in beyond if every and config.key in every.slower}


def not_ahead(state: State, recommendation: Recommendation) -> dict[str, str]:
    """Those with more workers than CPUs that can't be so far ahead any more that they would count.

    Each with the fastest that has a CPU a worker. Their own fastest stands for them: it may be needed to show that
    pools gain at all. The time that the others would take goes to more rounds of those that the answer hangs on.
    Three or four samples are too few for that: their interval misses the truth too often.
    """
    pools = [config for config in eligible_configs(state) if not config.serial and config.dropped is None]
    beyond = [config for config in pools if is_beyond_cpus(state, config)]
    within = [config for config in pools if config not in beyond]
    if not within or not beyond or recommendation.maps.outcome == "loop":
        return {}
    best, kept = fastest(within), fastest(beyond)
    known = [config for config in beyond if config is not kept and ratio(best.map, config.map).confidence == CONFIDENCE]
    return {config.key: best.key for config in known if not _may_be_far_ahead(config, best)}


def is_settled(state: State, recommendation: Recommendation) -> bool:
    """Whether more rounds would hardly change what is recommended, or about how much it gains."""
    if why_unfounded(state):
        return True
    maps, config, best, gain = recommendation.maps, recommendation.config, recommendation.best, recommendation.gain
    match maps.outcome:
        case "loop":
            return True
        case "pool" if config is not None:
            rivals = {*maps.equal, *(other.key for other in eligible_configs(state) if is_executor_of(other, config))}
            cheaper = [rival for key in rivals if cost(state, rival := state.configs[key]) < cost(state, config)]
            decided = _is_near(config, best) and all(_is_far(rival, best) for rival in cheaper)
            decided = decided and not any(_may_be_far_ahead(other, best) for other in recommendation.beyond)
            return (
                decided
                and not recommendation.tentative
                and is_narrow(gain, NARROW_ENOUGH)
                and (gain.low or 0.0) >= worth(state, config)
            )
        case "small gain":
            return is_narrow(gain)
        case "no clear winner":
            # Where the best of them is slower, the loop may still be shown to win.
            return gain.shows_difference is False and no_pool_gains(state, recommendation)
        case _:
            return False


def is_narrow(gain: Ratio, narrow: float = NARROW) -> bool:
    """Whether an interval reaches no further than this part of the value to either side, on average."""
    return gain.low is not None and gain.high is not None and gain.high - gain.low <= 2 * narrow * gain.value


def no_pool_gains(state: State, recommendation: Recommendation) -> bool:
    """Whether the interval of each pool that may be the fastest ends before the gain that a pool is worth."""
    loop = state.serial
    if loop is None or not recommendation.maps.equal:
        return False
    gains = (ratio(loop.map, state.configs[key].map) for key in recommendation.maps.equal)
    return all(gain.high is not None and gain.high < WORTH_IT for gain in gains)


def _is_near(config: Configuration, best: Configuration) -> bool:
    """Whether a configuration that is not the fastest is surely as fast as one that is recommended must be."""
    high = ratio(config.map, best.map).high
    return config is best or (high is not None and high <= _margin(config, best))


def _is_far(config: Configuration, best: Configuration) -> bool:
    """Whether a cheaper one, though not yet shown to be slower, is surely not fast enough to be recommended."""
    low = ratio(config.map, best.map).low
    return low is not None and low > _margin(config, best)


def _margin(config: Configuration, best: Configuration) -> float:
    """How many times as long as the fastest a cheaper configuration may take and still be recommended."""
    return FAR if is_executor_of(config, best) else NEAR


def _may_be_far_ahead(config: Configuration, best: Configuration) -> bool:
    """Whether one with more workers than CPUs may yet be so fast that it would be recommended."""
    high = ratio(best.map, config.map).high
    return not config.dropped and (high is None or high > FAR)


def fewest_repetitions(state: State, shown: Configuration) -> tuple[int, Configuration | None]:
    """How often the plain loop and `shown` were both repeated, and which of them no more than that; None of equals.

    An interval of the gain takes repetitions of both.
    """
    loop = state.serial
    if loop is None or len(loop.map) == len(shown.map):
        return len(shown.map), None
    least = min(loop, shown, key=lambda config: len(config.map))
    return len(least.map), least


@dataclass(frozen=True, slots=True)
class Certainty:
    """`settled`: more rounds would hardly change the answer. `half_width` is half the interval of the gain over the
    gain, None without one; `rounds` are the plain loop's, and `spent_s` the seconds that all took, None if not known.

    With `more_s` more seconds, as the remedy asks for, it would come to about `half_width_then`.
    """

    settled: bool
    rounds: int
    spent_s: float | None = None
    half_width: float | None = None
    more_s: float | None = None
    half_width_then: float | None = None


def certainty(state: State, recommendation: Recommendation) -> Certainty:
    """An interval narrows with the root of the number of samples, which is what is expected of more time."""
    gain, rounds = recommendation.gain, len(state.serial.map) if state.serial else 0
    settled = is_settled(state, recommendation)
    if gain.low is None or gain.high is None:
        return Certainty(settled, rounds)
    half = (gain.high - gain.low) / 2 / gain.value
    if state.params.repeats is not None or not state.spent_s:
        return Certainty(settled, rounds, half_width=half)
    more_s = remedies.more_repetitions(state).get("seconds", state.spent_s) - state.spent_s
    then = half * (state.spent_s / (state.spent_s + more_s)) ** 0.5 if more_s > 0 else None
    return Certainty(settled, rounds, state.spent_s, half, more_s if more_s > 0 else None, then)
