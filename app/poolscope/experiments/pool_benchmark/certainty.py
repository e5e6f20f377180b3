"""How sure a run is of what it recommends, and what more time would buy."""

from __future__ import annotations

from dataclasses import dataclass

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.recommendation import Recommendation
from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.pool_benchmark.steering import is_settled


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
