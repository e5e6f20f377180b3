"""Which kind of pool, how large and with what chunks, in a sentence that the intervals support."""

from __future__ import annotations

from statistics import median
from typing import Any

from poolscope.experiments.findings import Verdict
from poolscope.experiments.pool_benchmark import breakeven
from poolscope.experiments.pool_benchmark.naming import setting, several
from poolscope.experiments.pool_benchmark.reasons import against, as_good, base, doubtful, gained, reasons
from poolscope.experiments.pool_benchmark.recommendation import Recommendation, counted, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.stats.comparison import WORTH_IT
from poolscope.text.language import capital
from poolscope.text.numbers import duration, interval_of, times

LONGEST_PROSE = 220  # characters that are read in one go; where they are more, the reasons are a list


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """None until every setting has the few repetitions that an interval takes, or the run is over with less."""
    choice = recommend(state)
    if choice is None:
        return _nothing_to_recommend(state)
    said = _said(state, choice, usable_cpus)
    doubts = [reason.sentence for reason in doubtful(state, usable_cpus)]
    weighty = [reason.sentence for reason in reasons(state, choice, usable_cpus) if reason.weighty]
    why = [sentence for sentence in weighty if sentence not in doubts]
    lead = " ".join(filter(None, (said.rest, *doubts)))
    if len(lead) + sum(map(len, why)) > LONGEST_PROSE:
        return Verdict(said.headline, lead, tuple(why))
    return Verdict(said.headline, " ".join(filter(None, (lead, *why))))


def as_json(state: State, usable_cpus: int) -> dict[str, Any] | None:
    """The contract's verdict: kind, size and chunk size are None without a clear winner; `also` are those as fast."""
    choice, said = recommend(state), verdict(state, usable_cpus)
    if said is None:
        return None
    if choice is None:
        nobody = {"kind": None, "size": None, "chunksize": None, "speedup": None, "outcome": "nothing to choose"}
        return {**nobody, "sentence": str(said), "reasons": []}
    also = [_setting(config) for config in as_good(state, choice)]
    return {
        **(_setting(choice.config) if choice.config else {"kind": None, "size": None, "chunksize": None}),
        "speedup": choice.gain.as_json(),
        "sentence": str(said),
        "reasons": [reason.sentence for reason in reasons(state, choice, usable_cpus)],
        "outcome": choice.maps.outcome,
        "best": _setting(choice.best),
        "also": also,
    }


def _setting(config: Configuration) -> dict[str, Any]:
    return {
        "kind": config.kind,
        "size": config.size,
        "chunksize": config.chunksize,
        "python": config.python,
        "start_method": config.start_method,
        "chunk_used": config.chunk_used,
    }


def _nothing_to_recommend(state: State) -> Verdict | None:
    """A run that is over and has no pool to speak for."""
    if not state.outcome or state.serial is None or not state.serial.map:
        return None
    why = list(dict.fromkeys(filter(None, map(state.left_out, state.pools))))
    took = f"the plain loop took {duration(median(state.serial.map))}."
    ended = any(config.map and not config.skipped for config in state.pools)
    headline = "No pool gave the results of the plain loop:" if ended else "No pool was measured to its end:"
    return Verdict(headline, " ".join([took, *why]))


def _said(state: State, choice: Recommendation, usable_cpus: int) -> Verdict:
    match choice.maps.outcome:
        case "pool":
            return _pool_wins(state, choice)
        case "small gain":
            return _hardly_worth_it(state, choice)
        case "loop":
            return _loop_wins(state, choice, usable_cpus)
        case "too few":
            return _too_few(state, choice)
        case _:
            return _undecided(state, choice)


def _pool_wins(state: State, choice: Recommendation) -> Verdict:
    config = choice.config or choice.best
    if config.serial:
        headline = f"{capital(setting(state, config))} wins: {gained(state, choice.gain)}"
        return Verdict(headline, f"({interval_of(choice.gain)}).")
    also = as_good(state, choice)
    named = " or ".join(setting(state, one) for one in (config, *also))
    tie = "No clear winner between them." if also else ""
    return Verdict(f"Use {named}: {gained(state, choice.gain)}", f"({interval_of(choice.gain)}). {tie}".strip())


def _hardly_worth_it(state: State, choice: Recommendation) -> Verdict:
    named = f"{setting(state, choice.best)}, {_fastest(state, choice)},"
    return Verdict(
        f"Hardly worth a pool: {named} {'gain' if several(choice.best) else 'gains'} less than {WORTH_IT - 1:.0%}",
        f"({times(choice.gain.value)}, {interval_of(choice.gain)}), and a plain loop is simpler.",
    )


def _loop_wins(state: State, choice: Recommendation, usable_cpus: int) -> Verdict:
    near = breakeven.nearest(state, usable_cpus)
    said = breakeven.in_words(state, near) if near else ""
    best = f"{setting(state, choice.best)}, {_fastest(state, choice, 'pool')}, {against(state, choice.best)}"
    if not said:
        why = breakeven.why_not(near) if near else ""
        return Verdict("The plain loop wins:", f"{best}. {why}".strip())
    return Verdict("The plain loop wins: pools cost more than the work,", f"{said}. {capital(best)}.")


def _undecided(state: State, choice: Recommendation) -> Verdict:
    loop = duration(median(state.serial.map)) if state.serial else ""
    named = f"{setting(state, choice.best)}, {_fastest(state, choice)},"
    took = duration(median(choice.best.map))
    loops = (
        f"{named} took {took} against {loop} for {base(state)}; {times(choice.gain.value)} ({interval_of(choice.gain)})"
    )
    if choice.gain.shows_difference:
        return Verdict(
            "No clear winner:", f"{loops} is the best of {choice.maps.compared} settings, which may be chance."
        )
    return Verdict("No clear winner:", f"{loops} shows no difference.")


def _too_few(state: State, choice: Recommendation) -> Verdict:
    loop = state.serial.map if state.serial else ()
    counted = min(len(loop), len(choice.best.map))
    number = "one repetition is" if counted == 1 else f"{counted} repetitions are"
    rest = (
        f"{number} too few for an interval. The plain loop took {duration(median(loop))}, "
        f"{setting(state, choice.best)}, the fastest, {duration(median(choice.best.map))}."
    )
    return Verdict("No clear winner:", rest)


def _fastest(state: State, choice: Recommendation, what: str = "") -> str:
    """What the best setting is called; in a run that was stopped, others may be faster by too few repetitions."""
    best = median(choice.best.map)
    faster = [
        config for config in counted(state) if median(config.map) < best and len(config.map) < len(choice.best.map)
    ]
    return f"the fastest {what}".strip() + (" of those repeated often enough" if faster else "")
