"""Which size maps fastest and whether it beats the plain loop, in a sentence that its intervals support."""

from __future__ import annotations

from statistics import median

from poolscope.experiments.findings import Verdict
from poolscope.experiments.pool_sizes.disturbance import disturbed
from poolscope.experiments.pool_sizes.findings import threshold_in_words
from poolscope.experiments.pool_sizes.samples import Configuration, State
from poolscope.stats.intervals import FEWEST_FOR_RATIO, Ratio, ratio
from poolscope.text.language import cpus_usable, workers
from poolscope.text.numbers import duration, interval_of, times


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """None until every arm has the few repetitions that an interval takes, or the run is over with less."""
    configs = [config for config in state.configs if config.map]
    fewest = min(len(config.map) for config in (state.serial, *state.configs))
    if not configs or not state.serial.map or (fewest < FEWEST_FOR_RATIO and not state.outcome):
        return None
    best = min(configs, key=lambda config: median(config.map))
    gain = ratio(state.serial.map, best.map)
    if gain.low is None or gain.high is None:
        return _too_few(state, best)
    if gain.low > 1:
        said = _pool_wins(state, configs, best, gain, usable_cpus)
    elif gain.high < 1:
        said = _loop_wins(state, best, gain, usable_cpus)
    else:
        said = _undecided(state, best, gain)
    missing = [config.size for config in state.configs if not config.map]
    extra = [f"{workers(*missing)}: not measured." if missing else "", _noise(state, usable_cpus)]
    return Verdict(said.headline, " ".join(filter(None, (said.rest, *extra))))


def _too_few(state: State, best: Configuration) -> Verdict:
    counted = min(len(state.serial.map), len(best.map))
    number = "one repetition is" if counted == 1 else f"{counted} repetitions are"
    return Verdict(
        "No clear winner:",
        f"{number} too few for an interval. The plain loop took {duration(median(state.serial.map))}, the fastest "
        f"pool, {workers(best.size)}, {duration(median(best.map))}.",
    )


def _undecided(state: State, best: Configuration, gain: Ratio) -> Verdict:
    return Verdict(
        "No clear winner:",
        f"{workers(best.size)}, the fastest pool, took {duration(median(best.map))} against "
        f"{duration(median(state.serial.map))} for the plain loop; {times(gain.value)} serial ({interval_of(gain)}) "
        "shows no difference.",
    )


def _loop_wins(state: State, best: Configuration, gain: Ratio, usable_cpus: int) -> Verdict:
    loop, pool = duration(median(state.serial.map)), duration(median(best.map))
    rest = (
        f"as the fastest pool ({times(gain.value)} serial, {interval_of(gain)}). "
        f"{threshold_in_words(state, best, usable_cpus)}"
    )
    return Verdict(f"The plain loop wins: {loop} against {pool} with {workers(best.size)}", rest.strip())


def _pool_wins(
    state: State, configs: list[Configuration], best: Configuration, gain: Ratio, usable_cpus: int
) -> Verdict:
    tied = [config for config in configs if config is best or not _slower(config, best)]
    took = f"{duration(median(best.map))}, {times(gain.value)} serial"
    if len(tied) == 1:
        headline = f"{workers(best.size)} {'maps' if best.size == 1 else 'map'} fastest: {took}"
    else:
        sizes = sorted(config.size for config in tied)
        headline = f"No clear winner among {workers(*sizes)}: {took} at best"
    said = [f"({interval_of(gain)}).", _single_call(state, configs, best), _beyond(state, configs, tied, usable_cpus)]
    return Verdict(headline, " ".join(filter(None, said)))


def _slower(config: Configuration, best: Configuration) -> bool:
    """Whether an arm is shown to be slower than the best one."""
    low = ratio(config.map, best.map).low
    return low is not None and low > 1


def _single_call(state: State, configs: list[Configuration], best: Configuration) -> str:
    """Who finishes first if the pool is made and closed for this one call."""
    whole = {config.size: median(config.total) for config in configs if config.total}
    if best.size not in whole:
        return ""
    first = min(whole, key=lambda size: whole[size])
    loop = median(state.serial.map)
    if loop < whole[first]:
        return (
            f"For a single call, start-up and shutdown counted, the plain loop finishes first: "
            f"{duration(loop)} against {duration(whole[first])} with {workers(first)}."
        )
    if first == best.size:
        return (
            f"For a single call too, start-up and shutdown counted, {'it finishes' if first == 1 else 'they finish'} "
            f"first: {duration(whole[first])} against {duration(loop)} for the plain loop."
        )
    return (
        f"For a single call, start-up and shutdown counted, {workers(first)} {'finishes' if first == 1 else 'finish'} "
        f"first: {duration(whole[first])} against {duration(whole[best.size])}."
    )


def _beyond(state: State, configs: list[Configuration], tied: list[Configuration], usable_cpus: int) -> str:
    """The sizes above both the smallest of the best ones and the usable CPUs, which have nothing to gain."""
    enough = max(usable_cpus, min(config.size for config in tied))
    more = sorted(config.size for config in configs if config.size > enough)
    if state.waits or not more:
        return ""
    return f"{workers(*more)} only add start-up: {cpus_usable(usable_cpus)}."


def _noise(state: State, usable_cpus: int) -> str:
    judged = disturbed(state, usable_cpus)
    return "Something else disturbed the run, so take the figures with care." if judged and judged.disturbed else ""
