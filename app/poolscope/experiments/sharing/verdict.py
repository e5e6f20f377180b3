"""Which tools share data rightly and what one operation costs, in sentences that the intervals support."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from poolscope.experiments.findings import Verdict
from poolscope.experiments.sharing.disturbance import disturbed
from poolscope.experiments.sharing.samples import Row, State
from poolscope.stats.intervals import FEWEST_FOR_RATIO, ratio
from poolscope.text.language import format_list
from poolscope.text.numbers import duration, interval_of, times, whole

# Tools whose operations can be compared, what most people ask first: each is an addition, or a thing handed over.
COMPARABLE = (
    ("lock", "value"),
    ("queue", "mp-queue"),
    ("lock", "rlock"),
    ("queue", "condition"),
    ("mp-queue", "interpreters"),
    ("pipe", "manager"),
)
COMPARED = 2  # sentences of that; the table has all
DISTURBED = "Something else disturbed the run, so take the figures with care."
PREPOSITION = {"addition": "under"}


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """None until every tool has been shown and timed a few times, or the run is over with less."""
    shown = [row for row in state.rows if row.outcome]
    fewest = min(
        (len(row.rounds) for row in state.rows if not row.missing and not row.raised), default=FEWEST_FOR_RATIO
    )
    early = any(row.phase in ("queued", "running") for row in state.rows) or fewest < min(
        FEWEST_FOR_RATIO, state.params.repeats
    )
    if not shown or (early and not state.outcome):
        return None
    rest = list(filter(None, (_prices(state, names) for names in COMPARABLE)))[:COMPARED]
    gone = [row.tool.title for row in shown if row.missing]
    unshown = [row.tool.title for row in state.rows if not row.outcome and not row.raised]
    rest += [f"{row.tool.title} failed by {row.error}" for row in state.rows if row.raised]
    rest.append(f"{format_list(gone)}: not on this Python." if gone else "")
    rest.append(f"{format_list(unshown)}: not run." if unshown else "")
    judged = disturbed(state, usable_cpus)
    rest.append(DISTURBED if judged and judged.disturbed else "")
    here = [row for row in shown if not row.missing]
    return Verdict(_headline(here, state.params.workers), " ".join(filter(None, rest)))


def why_none_lost(workers: int) -> str:
    """Why a tool without a guard lost nothing: never because it is safe."""
    return "for one worker has nobody to race with" if workers == 1 else "which is luck and no proof"


def _headline(shown: Sequence[Row], workers: int) -> str:
    """Who is right and what was lost."""
    if not shown:
        return "Nothing could be shown:"
    if len(shown) == 1:
        return _single(shown[0], workers)
    guarded, bare = [row for row in shown if not row.tool.wrong], [row for row in shown if row.tool.wrong]
    broken = [row for row in guarded if not row.correct]
    said = []
    if broken:
        said.append(f"{format_list([_result(row) for row in broken])}")
    elif guarded:
        all_of = "both" if len(guarded) == 2 else f"all {len(guarded)}" if len(guarded) > 2 else guarded[0].tool.title
        said.append(f"{all_of} {'guarded tools are' if len(guarded) > 1 else 'is'} right")
    losers = [f"{row.tool.between} lose {row.lost:.0%}" for row in bare if row.lost]
    if losers:
        lost = format_list(losers).replace("and processes lose", "and processes")
        said.append(f"without a guard {lost} of their updates")
    spared = [row.tool.title for row in bare if not row.lost]
    if spared:
        said.append(f"{format_list(spared)} lost no update, {why_none_lost(workers)}")
    sentence = "; ".join(said)
    return f"{sentence[:1].upper() if sentence.startswith(('all', 'both', 'without')) else sentence[:1]}{sentence[1:]}."


def _single(row: Row, workers: int) -> str:
    if row.tool.wrong and not row.lost:
        return f"{row.tool.title} lost no update, {why_none_lost(workers)}."
    lost = f", {row.lost:.0%} of the updates are lost" if row.lost else ""
    return f"{_result(row)}{lost}{_costs(row)}."


def _result(row: Row) -> str:
    expected, actual = (_text(row.outcome[name]) for name in ("expected", "actual"))
    if row.correct:
        return f"{row.tool.title} is right ({actual})"
    return f"{row.tool.title} is wrong: {expected} expected, {actual} found"


def _costs(row: Row) -> str:
    return f"; {_one(row)} costs {duration(median(row.costs))}" if row.rounds else ""


def _prices(state: State, names: Sequence[str]) -> str:
    """What comparable tools cost an operation, each against the cheapest with the interval of the ratio."""
    rows = [row for name in names if (row := state.row(name)) is not None and row.correct and row.rounds]
    if len(rows) < 2:
        return ""
    best, *others = sorted(rows, key=lambda row: median(row.costs))
    said = [_against(best, other) for other in others]
    first = _one(best)
    return f"{first[:1].upper()}{first[1:]} costs {duration(median(best.costs))}, {format_list(said)}."


def _against(best: Row, other: Row) -> str:
    dear = ratio(other.costs, best.costs)
    name = _one(other) if other.tool.operation != best.tool.operation else _where(other)
    if dear.low is None:
        return f"{name} {duration(median(other.costs))} (too few rounds for an interval)"
    if not dear.shows_difference:
        return f"{name} about the same (no difference shown, {interval_of(dear)})"
    return f"{name} {times(dear.value)} as much ({interval_of(dear)})"


def _one(row: Row) -> str:
    """'an addition under Lock'."""
    article = "an" if row.tool.operation[0] in "aeiou" else "a"
    return f"{article} {row.tool.operation} {_where(row)}"


def _where(row: Row) -> str:
    return f"{PREPOSITION.get(row.tool.operation, 'by')} {row.tool.short}"


def _text(value: object) -> str:
    return whole(value) if isinstance(value, int) else str(value)
