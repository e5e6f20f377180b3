"""The checks that a sharing run goes through; each holds, does not, or can't be told, with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from poolscope.experiments.disturbance import signs_in_words
from poolscope.experiments.findings import Finding
from poolscope.experiments.sharing.disturbance import disturbed
from poolscope.experiments.sharing.params import MOST_OPERATIONS
from poolscope.experiments.sharing.samples import Row, State
from poolscope.experiments.sharing.verdict import why_none_lost
from poolscope.text.language import format_list
from poolscope.text.numbers import duration

SHORT_S = 1e-3  # below it start-up and the clock weigh too much


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """Every check that the tools asked for allow, in the order in which they matter; none before one has been shown."""
    shown = [row for row in state.rows if row.correct is not None]
    if not shown:
        return ()
    checks = (
        _raised(state),
        _all_right(shown),
        _updates_lost(shown, state.params.workers),
        _nothing_left(shown),
        _too_short(state, shown),
        _disturbed(state, usable_cpus),
    )
    return tuple(check for check in checks if check is not None)


def _raised(state: State) -> Finding | None:
    failed = [f"{row.tool.title}: {row.error}" for row in state.rows if row.raised]
    return Finding("every tool did its work", False, " ".join(failed), {"failed": len(failed)}) if failed else None


def _all_right(shown: Sequence[Row]) -> Finding | None:
    check, guarded = "every guarded tool is right", [row for row in shown if not row.tool.wrong]
    if not guarded:
        return None
    wrong = [row.tool.title for row in guarded if not row.correct]
    sentence = (
        f"{format_list(wrong)} did not give what was expected."
        if wrong
        else f"{len(guarded)} of {len(guarded)} gave exactly what was expected."
    )
    return Finding(check, not wrong, sentence, {"right": len(guarded) - len(wrong), "of": len(guarded)})


def _updates_lost(shown: Sequence[Row], workers: int) -> Finding | None:
    check, open_ones = "without a guard updates are lost", [row for row in shown if row.tool.wrong]
    if not open_ones:
        return None
    said = [
        f"{row.tool.title}: {row.outcome['lost']:,} of {row.outcome['expected']:,} ({row.lost or 0:.0%})"
        for row in open_ones
    ]
    none = [row for row in open_ones if not row.outcome["lost"]]
    luck = f" None lost, {why_none_lost(workers)}." if none else ""
    return Finding(
        check, None if none else True, f"{'; '.join(said)}.{luck}", {row.tool.name: row.lost for row in open_ones}
    )


def _nothing_left(shown: Sequence[Row]) -> Finding | None:
    check = "the shared memory segment is gone afterwards"
    row = next((row for row in shown if row.tool.name == "shared-memory"), None)
    if row is None:
        return None
    gone = str(row.outcome["actual"]).endswith("gone")
    sentence = dict(row.outcome["facts"])["afterwards"]
    return Finding(check, gone, f"{sentence[:1].upper()}{sentence[1:]}.")


def _too_short(state: State, shown: Sequence[Row]) -> Finding:
    check, timed = "rounds are too short to be timed well", [row for row in shown if row.rounds]
    if not timed:
        return Finding(check, None, "No round has been timed.")
    least = min(timed, key=lambda row: median(row.rounds))
    short = [row.tool.title for row in timed if median(row.rounds) < SHORT_S]
    sentence = f"The shortest is {least.tool.title} with {duration(median(least.rounds))}"
    if not short:
        return Finding(check, False, f"{sentence}.", {"shortest_s": median(least.rounds)})
    more = min(MOST_OPERATIONS, state.params.operations * 10)
    return Finding(
        check,
        True,
        f"{sentence}; under 1 ms start-up and clock weigh too much: {format_list(short)}.",
        {"shortest_s": median(least.rounds)},
        {"operations": more} if more > state.params.operations else {},
    )


def _disturbed(state: State, usable_cpus: int) -> Finding:
    check, judged = "something else disturbed the run", disturbed(state, usable_cpus)
    if judged is None:
        return Finding(check, None, "The machine is looked at again when the last round is over.")
    numbers = {"others_cpus": judged.others_cpus}
    return Finding(check, judged.disturbed, signs_in_words(judged) or "Nothing could be read.", numbers)
