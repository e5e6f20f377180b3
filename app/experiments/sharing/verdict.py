"""Which tool shares data rightly at the least price, in a sentence that its intervals support."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from app.experiments.sharing.samples import Row, State
from app.experiments.verdicts import Verdict
from app.experiments.wording import interval, listed, time, times
from app.measure.intervals import FEWEST_FOR_RATIO, ratio

# Tools whose operations can be compared: each of them is one addition, or one thing handed over.
ADDS = ("lock", "rlock")
HANDS = ("condition", "queue")
BETWEEN_PROCESSES = ("mp-queue", "pipe", "manager")


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """None until every tool has been shown and timed a few times, or the run is over with less."""
    shown = [row for row in state.rows if row.outcome]
    fewest = min((len(row.rounds) for row in state.rows if not row.missing), default=0)
    if not shown or ((len(shown) < len(state.rows) or fewest < FEWEST_FOR_RATIO) and not state.outcome):
        return None
    wrong = [row for row in shown if row.as_it_should is False]
    if wrong:
        return _unexpected(wrong)
    rest = [_lost(shown), *(_compared(state, names) for names in (ADDS, HANDS, BETWEEN_PROCESSES))]
    gone = [row.tool.title for row in shown if row.missing]
    rest.append(f"{listed(gone)}: not on this Python." if gone else "")
    return Verdict(_headline(shown), " ".join(filter(None, rest)))


def _headline(shown: Sequence[Row]) -> str:
    guarded = [row for row in shown if row.correct and not row.tool.wrong and row.rates]
    unmeasured = [row for row in shown if row.correct]
    parts = []
    for between in ("threads", "processes"):
        rows = [row for row in guarded if row.tool.between == between]
        if len(rows) > 1:
            best = max(rows, key=lambda row: median(row.rates))
            parts.append(f"between {between} {best.tool.title} does most, {_rate(best)}")
    if not parts and guarded:
        parts.append(f"{guarded[0].tool.title} is right and does {_rate(guarded[0])}")
    if not parts:
        parts.append(f"{listed([row.tool.title for row in unmeasured or shown])}: shown, not timed")
    sentence = "; ".join(parts)
    return f"{sentence[0].upper() if sentence.startswith('between') else sentence[0]}{sentence[1:]}."


def _rate(row: Row) -> str:
    return f"{rate(median(row.rates))}"


def rate(per_s: float) -> str:
    """'3.87 million operations/s', '61 thousand operations/s', '850 operations/s'."""
    for least, word in ((1e6, " million"), (1e3, " thousand")):
        if per_s >= least:
            value = per_s / least
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}{word} operations/s"
    return f"{per_s:.0f} operations/s"


def _unexpected(rows: Sequence[Row]) -> Verdict:
    """A tool that must be right was wrong, or a race that usually loses updates lost none."""
    broken = [row for row in rows if not row.tool.wrong]
    if broken:
        one = broken[0]
        return Verdict(
            f"{listed([row.tool.title for row in broken])} gave a wrong result:",
            f"{one.outcome['expected']} expected, {one.outcome['actual']} found.",
        )
    names = listed([row.tool.title for row in rows])
    return Verdict(
        f"{names} lost no update this time.",
        "That is luck and proves nothing: more operations or workers will show it.",
    )


def _lost(shown: Sequence[Row]) -> str:
    said = [f"{row.tool.title} lost {row.lost:.0%}" for row in shown if row.tool.wrong and row.lost]
    return f"{_capital(listed(said))} of the updates." if said else ""


def _compared(state: State, names: Sequence[str]) -> str:
    """The fastest of some tools that do the same, against the next, with the interval of the ratio."""
    rows = [row for name in names if (row := state.row(name)) is not None and row.correct and row.rates]
    if len(rows) < 2:
        return ""
    best, other = sorted(rows, key=lambda row: -median(row.rates))[:2]
    dear, cheap = _seconds(other), _seconds(best)
    gain = ratio(dear, cheap)
    if gain.low is None:
        return ""
    if not gain.shows_difference:
        return f"{best.tool.title} and {other.tool.title}: no difference shown ({interval(gain)})."
    one, another = (f"{_article(row)} {row.tool.operation} by {row.tool.title}" for row in (best, other))
    return f"{_capital(one)} costs {time(median(cheap), 3)}, {another} {times(gain.value)} as much ({interval(gain)})."


def _article(row: Row) -> str:
    return "an" if row.tool.operation[0] in "aeiou" else "a"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _seconds(row: Row) -> list[float]:
    return [seconds / row.outcome["round"] for seconds in row.rounds]
