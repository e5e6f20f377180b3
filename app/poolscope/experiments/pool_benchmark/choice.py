"""Which setting a run speaks for, as facts: in a pool that lives on, and for one call with start-up counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from poolscope.experiments.pool_benchmark.naming import family
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.stats.intervals import FEWEST_FOR_RATIO, Ratio, ratio
from poolscope.stats.winner import NEAR, Entrant, Winner, winner

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
    config: Configuration | None
    others: tuple[Configuration, ...]
    best: Configuration
    gain: Ratio


def choose(state: State) -> Choice | None:
    """None until every setting has the few repetitions that an interval takes, or the run is over with less."""
    loop = state.serial
    if loop is None or not loop.map or not (state.outcome or _all_measured(state)):
        return None
    rivals = competitors(state)
    judged = winner(loop.map, _entrants(state, rivals, lambda config: config.map))
    if judged is None:
        return None
    pools = [config for config in rivals if not config.serial]
    if judged.outcome == "no clear winner" and len(pools) < len(rivals):
        # The loops of two Pythons may be as fast as each other and every pool still slower than them.
        without = winner(loop.map, _entrants(state, pools, lambda config: config.map))
        judged = without if without is not None and without.outcome == "loop" else judged
    once = winner(
        loop.map, _entrants(state, [config for config in rivals if config.total], lambda config: config.total)
    )
    best = state.configs[judged.best]
    config = _recommended(state, judged, loop)
    others = _as_fast(state, judged, config) if config is not None and judged.outcome == "pool" else ()
    shown = best if config is None or config is loop else config
    return Choice(judged, once, config, others, best, ratio(loop.map, shown.map))


def _recommended(state: State, judged: Winner, loop: Configuration) -> Configuration | None:
    match judged.outcome:
        case "pool":
            return state.configs[judged.recommended or judged.best]
        case "small gain":
            return state.configs[judged.best]
        case "loop":
            return loop
        case _:
            return None


def competitors(state: State) -> list[Configuration]:
    """Every setting whose times count: measured, not given up, with the results of the plain loop."""
    return [
        config
        for config in state.configs.values()
        if config is not state.serial and config.map and not state.left_out(config)
    ]


def cost(state: State, config: Configuration) -> tuple[int, ...]:
    """What a setting takes, the least first: a plain loop, this Python, a light kind, few workers, the first method."""
    labels = list(dict.fromkeys(other.python for other in state.configs.values()))
    methods = list(dict.fromkeys(other.start_method for other in state.configs.values()))
    return (
        not config.serial,
        labels.index(config.python),
        RANK.get(config.kind, len(RANK)),
        config.size,
        methods.index(config.start_method),
        config.chunksize,
    )


def best_of(configs: Sequence[Configuration]) -> Configuration:
    """The one with the least median of the map."""
    return min(configs, key=lambda config: median(config.map))


def _all_measured(state: State) -> bool:
    wanted = min(FEWEST_FOR_RATIO, state.params.repeats)
    return all(len(config.total) >= wanted for config in state.configs.values() if not config.skipped)


def _entrants(
    state: State, configs: Sequence[Configuration], times: Callable[[Configuration], tuple[float, ...]]
) -> list[Entrant]:
    return [Entrant(config.key, times(config), cost(state, config)) for config in configs]


def _as_fast(state: State, judged: Winner, config: Configuration) -> tuple[Configuration, ...]:
    """Of each other kind the cheapest setting that is not shown to be slower than the fastest, and beats the loop."""
    found: dict[str, Configuration] = {family(config): config}
    limit = median(state.configs[judged.best].map) * NEAR
    for key in judged.tied:
        other = state.configs[key]
        if not other.serial and median(other.map) <= limit and _beats(state, other):
            found.setdefault(family(other), other)
    return tuple(found.values())[1:]


def _beats(state: State, config: Configuration) -> bool:
    low = ratio(state.serial.map, config.map).low if state.serial else None
    return low is not None and low > 1
