"""Which setting a run speaks for, as facts: in a pool that lives on, and for one call with start-up counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from app.experiments.which_pool.naming import family
from app.experiments.which_pool.samples import Arm, State
from app.measure.intervals import FEWEST_FOR_RATIO, Ratio, ratio
from app.measure.winner import NEAR, Entrant, Winner, winner

# Of settings that tie, the one that takes least of the machine and of the code around it: threads share memory and take
# any function; interpreters start fastest after them, but few libraries can run in one.
RANK = {"serial": 0, "thread": 1, "asyncio": 2, "process": 3, "pool": 4, "interpreter": 5}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the samples bear out. `judged` is about the map alone, `once` about whole calls (None without one).

    `arm` is the setting to use, the plain loop included, None without a clear winner; `others` are the cheapest ones
    of other kinds that map as fast, as far as is shown. `best` has the least median of the map, whoever is chosen.
    `gain` is the plain loop's map over `arm`'s, or over that of `best` where no pool is chosen.
    """

    judged: Winner
    once: Winner | None
    arm: Arm | None
    others: tuple[Arm, ...]
    best: Arm
    gain: Ratio


def choose(state: State) -> Choice | None:
    """None until every setting has the few repetitions that an interval takes, or the run is over with less."""
    loop = state.serial
    if loop is None or not loop.map or not (state.outcome or _all_measured(state)):
        return None
    rivals = competitors(state)
    judged = winner(loop.map, _entrants(state, rivals, lambda arm: arm.map))
    if judged is None:
        return None
    pools = [arm for arm in rivals if not arm.serial]
    if judged.outcome == "no clear winner" and len(pools) < len(rivals):
        # The loops of two Pythons may be as fast as each other and every pool still slower than them.
        without = winner(loop.map, _entrants(state, pools, lambda arm: arm.map))
        judged = without if without is not None and without.outcome == "loop" else judged
    once = winner(loop.map, _entrants(state, [arm for arm in rivals if arm.total], lambda arm: arm.total))
    best = state.arms[judged.best]
    arm = _recommended(state, judged, loop)
    others = _as_fast(state, judged, arm) if arm is not None and judged.outcome == "pool" else ()
    shown = best if arm is None or arm is loop else arm
    return Choice(judged, once, arm, others, best, ratio(loop.map, shown.map))


def _recommended(state: State, judged: Winner, loop: Arm) -> Arm | None:
    match judged.outcome:
        case "pool":
            return state.arms[judged.recommended or judged.best]
        case "small gain":
            return state.arms[judged.best]
        case "loop":
            return loop
        case _:
            return None


def competitors(state: State) -> list[Arm]:
    """Every setting whose times count: measured, not given up, with the results of the plain loop."""
    return [arm for arm in state.arms.values() if arm is not state.serial and arm.map and not state.left_out(arm)]


def cost(state: State, arm: Arm) -> tuple[int, ...]:
    """What a setting takes, the least first: a plain loop, this Python, a light kind, few workers, the first method."""
    labels = list(dict.fromkeys(other.python for other in state.arms.values()))
    methods = list(dict.fromkeys(other.start_method for other in state.arms.values()))
    return (
        not arm.serial, labels.index(arm.python), RANK.get(arm.kind, len(RANK)), arm.size,
        methods.index(arm.start_method), arm.chunksize,
    )  # fmt: skip


def best_of(arms: Sequence[Arm]) -> Arm:
    """The one with the least median of the map."""
    return min(arms, key=lambda arm: median(arm.map))


def _all_measured(state: State) -> bool:
    wanted = min(FEWEST_FOR_RATIO, state.params.repeats)
    return all(len(arm.total) >= wanted for arm in state.arms.values() if not arm.skipped)


def _entrants(state: State, arms: Sequence[Arm], times: Callable[[Arm], tuple[float, ...]]) -> list[Entrant]:
    return [Entrant(arm.key, times(arm), cost(state, arm)) for arm in arms]


def _as_fast(state: State, judged: Winner, arm: Arm) -> tuple[Arm, ...]:
    """Of each other kind the cheapest setting that is not shown to be slower than the fastest, and beats the loop."""
    found: dict[str, Arm] = {family(arm): arm}
    limit = median(state.arms[judged.best].map) * NEAR
    for key in judged.tied:
        other = state.arms[key]
        if not other.serial and median(other.map) <= limit and _beats(state, other):
            found.setdefault(family(other), other)
    return tuple(found.values())[1:]


def _beats(state: State, arm: Arm) -> bool:
    low = ratio(state.serial.map, arm.map).low if state.serial else None
    return low is not None and low > 1
