"""The verdict on a sharing run: which tools share data rightly, and what one operation costs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from poolscope.experiments.experiment import Verdict
from poolscope.experiments.sharing import messages
from poolscope.experiments.sharing.findings import disturbed
from poolscope.experiments.sharing.state import SharingState, ToolState
from poolscope.stats.intervals import FEWEST_FOR_RATIO, Ratio, ratio

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


def verdict(state: SharingState, usable_cpus: int) -> Verdict | None:
    """None until every tool has been shown and timed a few times, or the run is over with less."""
    shown = [row for row in state.rows if row.outcome]
    if not shown or (is_early(state) and not state.outcome):
        return None
    prices = [messages.prices(best, others) for best, others in comparisons(state)][:COMPARED]
    judged = disturbed(state, usable_cpus)
    rest = [
        *prices,
        *(messages.failed(row.tool, row.failed) for row in state.rows if row.failed),
        messages.not_here([row.tool.title for row in shown if row.missing]),
        messages.not_run([row.tool.title for row in state.rows if not row.outcome and not row.failed]),
        messages.DISTURBED if judged and judged.disturbed else "",
    ]
    here = [row for row in shown if not row.missing]
    return Verdict(messages.headline(here, state.params.workers), " ".join(filter(None, rest)))


def is_early(state: SharingState) -> bool:
    """Whether a tool has yet to be shown, or to be timed often enough for an interval."""
    rounds = [len(row.rounds) for row in state.rows if not row.missing and not row.failed]
    fewest = min(rounds, default=FEWEST_FOR_RATIO)
    unshown = any(row.phase in ("queued", "running") for row in state.rows)
    return unshown or fewest < min(FEWEST_FOR_RATIO, state.params.repeats)


def comparisons(state: SharingState) -> list[tuple[ToolState, Sequence[tuple[ToolState, Ratio]]]]:
    """Comparable tools that were right and timed: the cheapest, and the others with their ratio to it."""
    found: list[tuple[ToolState, Sequence[tuple[ToolState, Ratio]]]] = []
    for names in COMPARABLE:
        rows = [row for name in names if (row := state.row(name)) is not None and row.correct and row.rounds]
        if len(rows) >= 2:
            best, *others = sorted(rows, key=lambda row: median(row.costs))
            found.append((best, [(other, ratio(other.costs, best.costs)) for other in others]))
    return found
