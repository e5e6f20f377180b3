"""The sentences about the tools that share data: verdicts, prices and findings."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from poolscope.experiments.experiment import CheckTitles
from poolscope.experiments.sharing.catalog import Tool
from poolscope.experiments.sharing.payloads import ToolFailed
from poolscope.experiments.sharing.state import ToolState
from poolscope.stats.intervals import Ratio
from poolscope.text.numbers import count, duration, interval_of, percent, times, whole
from poolscope.text.sentences import capital, format_list

# What each check looks for, and what is so where it is not found.
CHECKS = {
    "raised": CheckTitles("every tool did its work", "not every tool did its work"),
    "all_right": CheckTitles("every guarded tool is right", "not every guarded tool is right"),
    "updates_lost": CheckTitles("without a guard updates are lost", "without a guard no update was lost"),
    "nothing_left": CheckTitles(
        "the shared memory segment is gone afterwards", "the shared memory segment is left behind"
    ),
    "too_short": CheckTitles("rounds are too short to be timed well", "rounds are long enough to be timed well"),
    "disturbed": CheckTitles("something else disturbed the run", "nothing else disturbed the run"),
}

DISTURBED = "The run was disturbed, so take the figures with care."
NOTHING_SHOWN = "Nothing could be shown:"
NOTHING_READ = "Nothing could be read."
NOT_YET_READ = "The machine is looked at again when the last round is over."
NO_ROUND = "No round has been timed."
SEGMENT_GONE = "The segment is gone."
SEGMENT_LEFT = "The segment is still there."
# Of threads the demonstration sees to it that it happens: a plain `+= 1` may do well for a long time.
INTERRUPTED = "interrupted between reading and writing"
PREPOSITION = {"addition": "under"}


def error(failed: ToolFailed) -> str:
    return failed.message if failed.plain else f"{failed.type}: {failed.message}"


def failed(tool: Tool, what: ToolFailed) -> str:
    return f"{tool.title} failed: {error(what)}"


def not_here(titles: Sequence[str]) -> str:
    return f"{format_list(titles)}: not on this Python." if titles else ""


def not_run(titles: Sequence[str]) -> str:
    return f"{format_list(titles)}: not run." if titles else ""


def why_none_lost(workers: int) -> str:
    """Why a tool without a guard lost nothing: never because it is safe."""
    return "for one worker has nobody to race with" if workers == 1 else "which is luck and no proof"


def headline(rows: Sequence[ToolState], workers: int) -> str:
    """Which tools are right, and what was lost without a guard; of one tool also its price."""
    if not rows:
        return NOTHING_SHOWN
    if len(rows) == 1:
        return _of_one(rows[0], workers)
    guarded, bare = [row for row in rows if not row.tool.wrong], [row for row in rows if row.tool.wrong]
    wrong = [row for row in guarded if not row.correct]
    parts = []
    if wrong:
        parts.append(format_list(map(result, wrong)))
    elif len(guarded) == 1:
        parts.append(f"{guarded[0].tool.title} is right")
    elif guarded:
        parts.append(f"{'both' if len(guarded) == 2 else f'all {len(guarded)}'} guarded tools are right")
    losers = [row for row in bare if row.lost]
    if losers:
        shares = [f"{row.tool.between} {percent(row.lost)}%" for row in losers]
        shares[0] = f"{losers[0].tool.between} lose {percent(losers[0].lost)}%"
        parts.append(f"without a guard {format_list(shares)} of their updates, {INTERRUPTED}")
    spared = [row.tool.title for row in bare if not row.lost]
    if spared:
        parts.append(f"{format_list(spared)} lost no update, {why_none_lost(workers)}")
    # A tool's title keeps its spelling: threading.Lock.
    titled = bool(wrong) or len(guarded) == 1 or not (guarded or losers)
    sentence = "; ".join(parts)
    return f"{sentence if titled else capital(sentence)}."


def _of_one(row: ToolState, workers: int) -> str:
    if row.tool.wrong and not row.lost:
        return f"{row.tool.title} lost no update, {why_none_lost(workers)}."
    if row.lost and row.outcome is not None:
        counted = f"{value(row.outcome.actual)} counted instead of {value(row.outcome.expected)}"
        return f"{capital(row.tool.title)}: {percent(row.lost)}% of the updates are lost, {counted}, {INTERRUPTED}."
    price = f"; {operation(row.tool)} costs {duration(median(row.costs))}" if row.rounds else ""
    return f"{result(row)}{price}."


def result(row: ToolState) -> str:
    """'threading.Lock is wrong: 100 expected, 99 found'."""
    assert row.outcome is not None
    expected, actual = value(row.outcome.expected), value(row.outcome.actual)
    if row.correct:
        return f"{row.tool.title} is right ({actual})"
    return f"{row.tool.title} is wrong: {expected} expected, {actual} found"


def value(found: int | str | None) -> str:
    return whole(found) if isinstance(found, int) else str(found)


def prices(best: ToolState, others: Sequence[tuple[ToolState, Ratio]]) -> str:
    """What comparable tools cost an operation, each against the cheapest with the interval of the ratio."""
    against = format_list(_against(best, other, ratio) for other, ratio in others)
    return f"{capital(operation(best.tool))} costs {duration(median(best.costs))}, {against}."


def _against(best: ToolState, other: ToolState, ratio: Ratio) -> str:
    name = operation(other.tool) if other.tool.operation != best.tool.operation else where(other.tool)
    if ratio.low is None:
        return f"{name} {duration(median(other.costs))} (too few rounds for an interval)"
    if not ratio.shows_difference:
        return f"{name} about the same (the data can't separate them, {interval_of(ratio)})"
    return f"{name} {times(ratio.value)} as much ({interval_of(ratio)})"


def operation(tool: Tool) -> str:
    """'an addition under Lock'."""
    article = "an" if tool.operation[0] in "aeiou" else "a"
    return f"{article} {tool.operation} {where(tool)}"


def where(tool: Tool) -> str:
    return f"{PREPOSITION.get(tool.operation, 'by')} {tool.short}"


def raised(tools: Sequence[tuple[Tool, ToolFailed]]) -> str:
    return " ".join(f"{tool.title}: {error(what)}" for tool, what in tools)


def guarded_right(wrong: Sequence[str], of: int) -> str:
    if wrong:
        return f"{format_list(wrong)} did not give what was expected."
    return f"{of} of {count(of, 'tool')} gave exactly what was expected."


def updates_lost(rows: Sequence[ToolState], workers: int) -> str:
    parts = [
        f"{row.tool.title}: {value(row.outcome.lost)} of {value(row.outcome.expected)} ({percent(row.lost or 0)}%)"
        for row in rows
        if row.outcome
    ]
    luck = f" None lost, {why_none_lost(workers)}." if any(not row.lost for row in rows) else ""
    return f"{'; '.join(parts)}.{luck}"


def shortest_round(title: str, seconds: float, short: Sequence[str]) -> str:
    """The shortest round, and which tools' rounds are too short to be timed well."""
    sentence = f"The shortest is {title} with {duration(seconds)}"
    if not short:
        return f"{sentence}."
    return f"{sentence}; under 1 ms start-up and clock weigh too much: {format_list(short)}."
