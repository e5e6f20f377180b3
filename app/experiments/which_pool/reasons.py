"""Why the setting that was chosen and not another: one sentence for each other kind, size, Python and doubt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from app.experiments.which_pool.choice import Choice, best_of, competitors
from app.experiments.which_pool.disturbance import disturbed
from app.experiments.which_pool.findings.turns import LIGHT, gil_held
from app.experiments.which_pool.naming import FAMILIES, family, setting, settings, several
from app.experiments.which_pool.params import KINDS
from app.experiments.which_pool.samples import Arm, State
from app.experiments.which_pool.work import waits
from app.experiments.wording import capital, cpus, interval, time, times
from app.measure.intervals import Ratio, ratio

NO_GAIN = 1.05  # up to here a kind 'stays at' its speed-up instead of reaching it
LESS_MEMORY = 0.67


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence; `weighty` ones belong to the verdict itself, the others below it."""

    sentence: str
    weighty: bool = True


def reasons(state: State, choice: Choice, usable_cpus: int) -> list[Reason]:
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


def against(state: State, arm: Arm) -> str:
    """'reach 1.91× (95% CI 1.89–1.92)', or 'stay at' where it is hardly a gain."""
    gain = ratio(state.serial.map, arm.map) if state.serial else Ratio(1.0, None, None)
    verb = "reach" if gain.value > NO_GAIN else "stay at"
    if not several(arm):
        verb = "reaches" if gain.value > NO_GAIN else "stays at"
    shown = interval(gain)
    return f"{verb} {times(gain.value)}{f' ({shown})' if shown else ''}"


def as_good(state: State, choice: Choice) -> tuple[Arm, ...]:
    """The settings of other kinds to be named beside the chosen one. For waiting work only what is as light as it."""
    if waits(state) and choice.arm is not None and choice.arm.kind in LIGHT:
        return tuple(arm for arm in choice.others if arm.kind in LIGHT)
    return choice.others


def _single_call(state: State, choice: Choice) -> Iterator[Reason]:
    """Who finishes first if the pool is made and closed for this one call."""
    once, loop = choice.once, state.serial
    if once is None or loop is None or once.outcome == "too few" or choice.judged.outcome in ("too few", "loop"):
        return
    if choice.arm is not None and choice.arm.serial:
        return
    best = state.arms[once.recommended or once.best]
    took, looped = time(median(best.total)), time(median(loop.map))
    gain = ratio(loop.map, best.total)
    figures = f"{times(gain.value)} ({interval(gain)})"
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
    elif best is choice.arm:
        yield Reason(f"For a single call too, {counted}: {figures}.")
    else:
        yield Reason(f"For a single call, {counted}, use {setting(state, best)}: {figures}.")


def _without_gil(state: State, choice: Choice) -> Iterator[Reason]:
    """Why threads win here, where they mostly don't."""
    arm = choice.arm
    python = state.python(arm.python) if arm is not None and arm.kind == "thread" else None
    if python is not None and python.gil is False and waits(state) is False:
        name = python.label if len(state.pythons) > 1 else "This Python"
        yield Reason(f"{name} has no GIL, so its threads compute side by side.")


def _other_kinds(state: State, choice: Choice, usable_cpus: int) -> Iterator[Reason]:
    """The best of each other kind in the chosen setting's Python, or why it has none."""
    chosen = choice.arm if choice.arm is not None and not choice.arm.serial else choice.best
    here = [arm for arm in state.pools if arm.python == chosen.python]
    rivals = [arm for arm in competitors(state) if arm in here]
    named = {family(arm) for arm in as_good(state, choice)}
    decided = choice.arm is not None  # else they could pass for winners
    for name in dict.fromkeys(FAMILIES[kind] for kind in KINDS):
        measured = [arm for arm in rivals if family(arm) == name]
        given_up = [arm for arm in here if family(arm) == name and state.left_out(arm)]
        if measured and name != family(chosen):
            yield Reason(_kind(state, choice, chosen, best_of(measured), usable_cpus), decided and name not in named)
        if not measured and given_up:
            yield Reason(f"{capital(name)}: {state.left_out(given_up[0])}")
        elif given_up:
            yield from (Reason(f"{capital(setting(state, arm))}: {state.left_out(arm)}", False) for arm in given_up)


def _kind(state: State, choice: Choice, chosen: Arm, arm: Arm, usable_cpus: int) -> str:
    said = f"{capital(setting(state, arm))} {against(state, arm)}"
    if arm.kind == "thread" and gil_held(state, usable_cpus).holds:
        few = ", and more of them are no faster" if arm.size == 1 else ""
        return f"{said}{few}: under the GIL threads work one at a time."
    if choice.arm is chosen and arm.key in choice.judged.tied:
        dearer = bool(arm.around and chosen.around) and median(arm.around) > median(chosen.around)
        more = f", and take {time(median(arm.around), 3)} to start and end" if waits(state) and dearer else ""
        return f"{said}, not shown to be slower{more}."
    share = _memory_share(arm, chosen)
    if share is not None and share < LESS_MEMORY and _gains(state, arm):
        return f"{said} with {share:.0%} of the memory a worker."
    return f"{said}."


def _gains(state: State, arm: Arm) -> bool:
    return state.serial is not None and median(state.serial.map) > NO_GAIN * median(arm.map)


def _memory_share(arm: Arm, chosen: Arm) -> float | None:
    """What a worker takes of what one of the chosen setting does; None if unknown, or for kinds that share it all."""
    each = [float(median(one.memory["per_worker"])) if one.memory.get("per_worker") else 0.0 for one in (arm, chosen)]
    return None if arm.kind in LIGHT or min(each) <= 0 else each[0] / each[1]


def _beyond(state: State, choice: Choice, usable_cpus: int) -> Iterator[Reason]:
    """The sizes of the chosen kind beyond both the chosen one and the usable CPUs, which have nothing to gain."""
    arm = choice.arm
    if arm is None or arm.serial or waits(state) is not False:
        return
    enough = max(arm.size, usable_cpus)
    alike = [other for other in competitors(state) if (other.kind, other.python) == (arm.kind, arm.python)]
    larger = [other for other in alike if other.size > enough]
    if larger and median(best_of(larger).map) >= median(arm.map) / NO_GAIN:
        yield Reason(f"{settings(state, larger)} only add start-up: {cpus(usable_cpus)}.")


def _other_pythons(state: State, choice: Choice) -> Iterator[Reason]:
    chosen = choice.arm or choice.best
    for python in state.pythons:
        if python.why_not:
            yield Reason(f"{python.label} took no part: {python.why_not}")
        elif python.label != chosen.python:
            rivals = [arm for arm in competitors(state) if arm.python == python.label]
            if rivals:
                best = best_of(rivals)
                yield Reason(f"{capital(setting(state, best))} {against(state, best)}.", choice.arm is not None)


def _missing(state: State) -> Iterator[Reason]:
    """The settings that the run never came to."""
    missing = [setting(state, arm) for arm in state.pools if not arm.map and not arm.skipped]
    if missing:
        few = missing[0] if len(missing) == 1 else f"{len(missing)} settings"
        yield Reason(f"{capital(few)}: not measured.")


def _lacking(state: State) -> Iterator[Reason]:
    """The kinds that a Python has not got, or not for this work; said in the verdict where they were asked for."""
    for python in state.pythons:
        for kind, why in python.kinds.items():
            told = any((arm.kind, arm.python) == (kind, python.label) for arm in state.pools)
            if why and not told and not python.why_not and kind in (state.params.kinds or KINDS):
                where = f"{python.label}: " if len(state.pythons) > 1 else ""
                yield Reason(f"{where}{why}", bool(state.params.kinds))


def doubtful(state: State, usable_cpus: int) -> Iterator[Reason]:
    """What the figures are to be taken with care for: a noisy machine, results that can't be compared."""
    judged = disturbed(state, usable_cpus)
    if judged and judged.disturbed:
        yield Reason("Something else disturbed the run, so take the figures with care.")
    if not state.comparable:
        yield Reason("Its results change from call to call, so only the times are compared.")
