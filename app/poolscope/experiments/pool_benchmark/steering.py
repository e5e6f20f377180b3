"""What a run may leave out, and when it has enough: the server's answer to a round, for runs with no number of them."""

from __future__ import annotations

from poolscope.experiments.pool_benchmark.recommendation import Recommendation, recommend
from poolscope.experiments.pool_benchmark.rounds import is_look
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import why_unfounded
from poolscope.protocol.commands import ContinueRounds
from poolscope.stats.comparison import NEAR, WORTH_IT
from poolscope.stats.intervals import Ratio, ratio

NARROW = 0.05  # of the gain: up to here on either side its interval is narrow enough


def steer(state: State) -> ContinueRounds | None:
    """What is to become of the rounds after the last one; None where that is not the time to look."""
    if state.looks is None or not is_look(state.rounds):
        return None
    recommendation = recommend(state)
    if recommendation is None:
        return ContinueRounds(state.rounds, {}, enough=False)
    return ContinueRounds(state.rounds, losers(state, recommendation), enough=is_settled(state, recommendation))


def losers(state: State, recommendation: Recommendation) -> dict[str, str]:
    """The keys of the pools that can't be recommended any more, each with that of the one it lost to."""
    maps, loop = recommendation.maps, state.serial
    leaders = {maps.best, recommendation.config.key if recommendation.config else maps.best}
    if loop is None or maps.outcome == "loop":  # all have lost, and what they lost by needs the usual samples
        return {}
    return {
        key: loop.key if key in maps.equal else maps.best
        for key in maps.slower - leaders
        if not state.configs[key].serial
    }


def is_settled(state: State, recommendation: Recommendation) -> bool:
    """Whether more rounds would hardly change what is recommended, or how much it gains."""
    if why_unfounded(state):
        return True
    maps, config, best = recommendation.maps, recommendation.config, recommendation.best
    match maps.outcome:
        case "loop":
            return True
        case "pool" if config is not None:
            # A cheaper one that may be as fast has to be shown slower first, or to be the better choice.
            decided = maps.equal[0] == config.key
            return decided and is_narrow(recommendation.gain) and _is_near(config, best)
        case "small gain":
            return is_narrow(recommendation.gain)
        case "no clear winner":
            # Where the best of them is slower, the loop may still be shown to win.
            return recommendation.gain.shows_difference is False and no_pool_gains(state, recommendation)
        case _:
            return False


def is_narrow(gain: Ratio) -> bool:
    """Whether an interval reaches no further than NARROW of the value to either side."""
    return gain.low is not None and gain.high is not None and gain.high - gain.low <= 2 * NARROW * gain.value


def no_pool_gains(state: State, recommendation: Recommendation) -> bool:
    """Whether the interval of each pool that may be the fastest ends before the gain that a pool is worth."""
    loop = state.serial
    if loop is None or not recommendation.maps.equal:
        return False
    gains = (ratio(loop.map, state.configs[key].map) for key in recommendation.maps.equal)
    return all(gain.high is not None and gain.high < WORTH_IT for gain in gains)


def _is_near(config: Configuration, best: Configuration) -> bool:
    """Whether a configuration that is not the fastest is surely as fast as one that is recommended must be."""
    if config is best:
        return True
    high = ratio(config.map, best.map).high
    return high is not None and high <= NEAR
