"""When a run has enough: what it may leave out after a round, how sure it is, and what more time would buy.

`steer` is the server's answer to a round, for runs that were given no number of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.plan import FEWEST_TO_SETTLE, LONG_ROUND, is_look
from poolscope.experiments.pool_benchmark.recommendation import (
    Recommendation,
    compare_maps,
    cost,
    eligible_configs,
    is_beyond_cpus,
    recommend,
    worth,
)
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import why_unfounded
from poolscope.protocol.commands import ContinueRounds
from poolscope.stats.comparison import FAR, NEAR, WORTH_IT, TimedConfiguration, far_behind
from poolscope.stats.intervals import Ratio, ratio

NARROW = 0.05  # of the gain: up to here on either side its interval is narrow enough …
NARROW_ENOUGH = 0.10  # … and up to here where only its size is open, and nothing that hangs on it


def steer(state: State) -> ContinueRounds | None:
    """What is to become of the rounds after the last one; None where that is not the time to look."""
    if state.looks is None or not is_look(state.rounds):
        return None
    if state.rounds < FEWEST_TO_SETTLE:
        return ContinueRounds(state.rounds, early_losers(state), enough=False)
    recommendation = recommend(state)
    if recommendation is None:
        return ContinueRounds(state.rounds, {}, enough=False)
    return ContinueRounds(state.rounds, losers(state, recommendation), enough=is_settled(state, recommendation))


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


def is_settled(state: State, recommendation: Recommendation) -> bool:
    """Whether more rounds would hardly change what is recommended, or about how much it gains."""
    if why_unfounded(state):
        return True
    maps, config, best, gain = recommendation.maps, recommendation.config, recommendation.best, recommendation.gain
    match maps.outcome:
        case "loop":
            return True
        case "pool" if config is not None:
            cheaper = maps.equal[: maps.equal.index(config.key)] if config.key in maps.equal else maps.equal
            decided = _is_near(config, best) and all(_is_far(state.configs[key], best) for key in cheaper)
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
    return config is best or (high is not None and high <= NEAR)


def _is_far(config: Configuration, best: Configuration) -> bool:
    """Whether a cheaper one, though not yet shown to be slower, is surely not fast enough to be recommended."""
    low = ratio(config.map, best.map).low
    return low is not None and low > NEAR


def _may_be_far_ahead(config: Configuration, best: Configuration) -> bool:
    """Whether one with more workers than CPUs may yet be so fast that it would be recommended."""
    high = ratio(best.map, config.map).high
    return not config.dropped and (high is None or high > FAR)


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
    more_s = remedies.more_repetitions(state)["seconds"] - state.spent_s
    then = half * (state.spent_s / (state.spent_s + more_s)) ** 0.5 if more_s > 0 else None
    return Certainty(settled, rounds, state.spent_s, half, more_s if more_s > 0 else None, then)
