"""Why the setting that was chosen and not another: one sentence for each other kind, size, Python and doubt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from poolscope.experiments.pool_benchmark.disturbance import disturbed
from poolscope.experiments.pool_benchmark.findings.gil import LIGHT, gil_held
from poolscope.experiments.pool_benchmark.naming import FAMILIES, family, setting, settings, several
from poolscope.experiments.pool_benchmark.recommendation import Recommendation, counted, fastest
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import waits
from poolscope.protocol.kinds import POOL_KINDS
from poolscope.stats.intervals import Ratio, ratio
from poolscope.text.language import capital, cpus_usable
from poolscope.text.numbers import duration, interval_of, times

NO_GAIN = 1.05  # up to here a kind 'stays at' its speed-up instead of reaching it
LESS_MEMORY = 0.67


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence; `weighty` ones belong to the verdict itself, the others below it."""

    sentence: str
    weighty: bool = True


def reasons(state: State, choice: Recommendation, usable_cpus: int) -> list[Reason]:
    """In the order in which they matter."""
    return [
        *doubtful(state, usable_cpus),
        *_single_call(state, choice),
        *_without_gil(state, choice),
        *_other_kinds(state, choice, usable_cpus),
        *_beyond(state, choice, usable_cpus),
        *_other_pythons(state, choice),
        *_missing(state),
        *_lacking(state),
    ]


def base(state: State) -> str:
    """What speed-ups are measured against."""
    return f"the plain loop on {state.serial.python}" if state.serial and len(state.pythons) > 1 else "the plain loop"


def gained(state: State, gain: Ratio) -> str:
    """'3.60× serial', or '3.60× the plain loop on 3.11' where several Pythons took part."""
    return f"{times(gain.value)} {base(state) if len(state.pythons) > 1 else 'serial'}"


def against(state: State, config: Configuration) -> str:
    """'reach 1.91× (95% CI 1.89–1.92)', or 'stay at' where it is hardly a gain."""
    gain = ratio(state.serial.map, config.map) if state.serial else Ratio(1.0, None, None)
    verb = "reach" if gain.value > NO_GAIN else "stay at"
    if not several(config):
        verb = "reaches" if gain.value > NO_GAIN else "stays at"
    shown = interval_of(gain)
    return f"{verb} {times(gain.value)}{f' ({shown})' if shown else ''}"


def as_good(state: State, choice: Recommendation) -> tuple[Configuration, ...]:
    """The settings of other kinds to be named beside the chosen one. For waiting work only what is as light as it."""
    if waits(state) and choice.config is not None and choice.config.kind in LIGHT:
        return tuple(config for config in choice.others if config.kind in LIGHT)
    return choice.others


def _single_call(state: State, choice: Recommendation) -> Iterator[Reason]:
    """Who finishes first if the pool is made and closed for this one call."""
    once, loop = choice.calls, state.serial
    if once is None or loop is None or once.outcome == "too few" or choice.maps.outcome in ("too few", "loop"):
        return
    if choice.config is not None and choice.config.serial:
        return
    best = state.configs[once.recommended or once.best]
    took, looped = duration(median(best.total)), duration(median(loop.map))
    gain = ratio(loop.map, best.total)
    figures = f"{times(gain.value)} ({interval_of(gain)})"
    counted = "start-up and shutdown counted"
    if once.outcome == "no clear winner":
        others = f"{took} at best against {looped} for {base(state)}"
        yield Reason(f"For a single call, {counted}, there is no clear winner: {others}.")
    elif once.outcome == "loop":
        others = f"{looped} against {took} with {setting(state, best)}"
        yield Reason(f"For a single call, {counted}, the plain loop finishes first: {others}.")
    elif once.outcome == "small gain":
        verb = "gain" if several(best) else "gains"
        yield Reason(f"For a single call, {counted}, {setting(state, best)} {verb} hardly anything: {figures}.")
    elif best is choice.config:
        yield Reason(f"For a single call too, {counted}: {figures}.")
    else:
        yield Reason(f"For a single call, {counted}, use {setting(state, best)}: {figures}.")


def _without_gil(state: State, choice: Recommendation) -> Iterator[Reason]:
    """Why threads win here, where they mostly don't."""
    config = choice.config
    python = state.python(config.python) if config is not None and config.kind == "thread" else None
    if python is not None and python.gil is False and waits(state) is False:
        name = python.label if len(state.pythons) > 1 else "This Python"
        yield Reason(f"{name} has no GIL, so its threads compute side by side.")


def _other_kinds(state: State, choice: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """The best of each other kind in the chosen setting's Python, or why it has none."""
    chosen = choice.config if choice.config is not None and not choice.config.serial else choice.best
    here = [config for config in state.pools if config.python == chosen.python]
    rivals = [config for config in counted(state) if config in here]
    named = {family(config) for config in as_good(state, choice)}
    decided = choice.config is not None  # else they could pass for winners
    for name in dict.fromkeys(FAMILIES[kind] for kind in POOL_KINDS):
        measured = [config for config in rivals if family(config) == name]
        given_up = [config for config in here if family(config) == name and state.left_out(config)]
        if measured and name != family(chosen):
            yield Reason(_kind(state, choice, chosen, fastest(measured), usable_cpus), decided and name not in named)
        if not measured and given_up:
            yield Reason(f"{capital(name)}: {state.left_out(given_up[0])}")
        elif given_up:
            yield from (
                Reason(f"{capital(setting(state, config))}: {state.left_out(config)}", False) for config in given_up
            )


def _kind(state: State, choice: Recommendation, chosen: Configuration, config: Configuration, usable_cpus: int) -> str:
    said = f"{capital(setting(state, config))} {against(state, config)}"
    if config.kind == "thread" and gil_held(state, usable_cpus).holds:
        few = ", and more of them are no faster" if config.size == 1 else ""
        return f"{said}{few}: under the GIL threads work one at a time."
    if choice.config is chosen and config.key in choice.maps.tied:
        dearer = bool(config.around and chosen.around) and median(config.around) > median(chosen.around)
        more = f", and take {duration(median(config.around))} to start and end" if waits(state) and dearer else ""
        return f"{said}, not shown to be slower{more}."
    share = _memory_share(config, chosen)
    if share is not None and share < LESS_MEMORY and _gains(state, config):
        return f"{said} with {share:.0%} of the memory a worker."
    return f"{said}."


def _gains(state: State, config: Configuration) -> bool:
    return state.serial is not None and median(state.serial.map) > NO_GAIN * median(config.map)


def _memory_share(config: Configuration, chosen: Configuration) -> float | None:
    """What a worker takes of what one of the chosen setting does; None if unknown, or for kinds that share it all."""
    each = [
        float(median(one.memory.per_worker)) if one.memory and one.memory.per_worker else 0.0
        for one in (config, chosen)
    ]
    return None if config.kind in LIGHT or min(each) <= 0 else each[0] / each[1]


def _beyond(state: State, choice: Recommendation, usable_cpus: int) -> Iterator[Reason]:
    """The sizes of the chosen kind beyond both the chosen one and the usable CPUs, which have nothing to gain."""
    config = choice.config
    if config is None or config.serial or waits(state) is not False:
        return
    enough = max(config.size, usable_cpus)
    alike = [other for other in counted(state) if (other.kind, other.python) == (config.kind, config.python)]
    larger = [other for other in alike if other.size > enough]
    if larger and median(fastest(larger).map) >= median(config.map) / NO_GAIN:
        yield Reason(f"{settings(state, larger)} only add start-up: {cpus_usable(usable_cpus)}.")


def _other_pythons(state: State, choice: Recommendation) -> Iterator[Reason]:
    chosen = choice.config or choice.best
    for python in state.pythons:
        if python.why_not:
            yield Reason(f"{python.label} took no part: {python.why_not}")
        elif python.label != chosen.python:
            rivals = [config for config in counted(state) if config.python == python.label]
            if rivals:
                best = fastest(rivals)
                yield Reason(f"{capital(setting(state, best))} {against(state, best)}.", choice.config is not None)


def _missing(state: State) -> Iterator[Reason]:
    """The settings that the run never came to."""
    missing = [setting(state, config) for config in state.pools if not config.map and not config.skipped]
    if missing:
        few = missing[0] if len(missing) == 1 else f"{len(missing)} settings"
        yield Reason(f"{capital(few)}: not measured.")


def _lacking(state: State) -> Iterator[Reason]:
    """The kinds that a Python has not got, or not for this work; said in the verdict where they were asked for."""
    for python in state.pythons:
        for kind, why in python.kinds.items():
            told = any((config.kind, config.python) == (kind, python.label) for config in state.pools)
            if why and not told and not python.why_not and kind in (state.params.kinds or POOL_KINDS):
                where = f"{python.label}: " if len(state.pythons) > 1 else ""
                yield Reason(f"{where}{why}", bool(state.params.kinds))


def doubtful(state: State, usable_cpus: int) -> Iterator[Reason]:
    """What the figures are to be taken with care for: a noisy machine, results that can't be compared."""
    judged = disturbed(state, usable_cpus)
    if judged and judged.disturbed:
        yield Reason("Something else disturbed the run, so take the figures with care.")
    if not state.comparable:
        yield Reason("Its results change from call to call, so only the times are compared.")
