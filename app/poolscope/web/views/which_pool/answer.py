"""The answer of a which-pool run around its verdict: what the time went into, what to try, and the code to copy."""

from __future__ import annotations

from dataclasses import dataclass

from poolscope.experiments.pool_benchmark.charts import WORK, explained, spent
from poolscope.experiments.pool_benchmark.findings.validity import was_disturbed
from poolscope.experiments.pool_benchmark.naming import config_name, noun
from poolscope.experiments.pool_benchmark.recommendation import Recommendation, spoken_of
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.text.sentences import capital, format_list

# Waiting for a CPU that another program has counts as whatever was waited for.
DISTURBED = " The run was disturbed, so these shares may be the doing of what ran beside it."


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole call, in percent of workers × time: where its bar begins, how long it is, and in words."""

    phase: str
    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Split:
    """What the time of one pool went into; `sentence` names the largest cost, and tells of a disturbed run."""

    sentence: str
    shares: tuple[Share, ...]


def split(state: State, choice: Recommendation | None, usable_cpus: int) -> Split | None:
    """Of the pool that the answer is about, or of another that is named then; None before one was traced."""
    config, about = explained(state, choice), spoken_of(choice)
    if config is None:
        return None
    rows = [row for row in spent(state, config, usable_cpus) if row["share"] > 0]
    rows.sort(key=lambda row: row["phase"] not in WORK)  # the work first, then what is around it
    shares, x = [], 0.0
    for row in rows:
        width = float(row["share"])
        words = f"{width:.0f}%" if width >= 1 else "<1%"
        shares.append(Share(row["phase"], round(x, 2), round(width, 2), words))
        x += width
    instead = _why_not(state, about) if about and about is not config and state.outcome else ""
    care = DISTURBED if was_disturbed(state, usable_cpus) else ""
    return Split(f"{instead}{_sentence(config_name(state, config), shares)}{care}", tuple(shares))


def _why_not(state: State, config: Configuration) -> str:
    """Why the time of another pool is split up than that of this one, which the answer is about."""
    if config.traced:  # so it was left for its one worker
        why = "takes one item at a time"
    else:
        why = f"{'were' if noun(state, config).plural else 'was'} not traced"
    return f"{capital(config_name(state, config))} {why}. "


def _sentence(name: str, shares: list[Share]) -> str:
    costs = sorted((share for share in shares if share.phase not in WORK), key=lambda share: -share.width)
    wanted = [share for share in shares if share.phase in WORK]
    told = [share for share in wanted if share.width >= 1]
    work = sum(round(share.width) for share in told)  # of what is named, as its words round it
    into = format_list(share.phase for share in told) or "the work itself"
    of = f"the time of {name}"
    if not costs or costs[0].width < 1:
        return f"Almost all of {of} went into {into}."
    largest = costs[0]
    if largest.width > work:
        return f"{largest.words} of {of} went into {largest.phase}."
    its = f"{work}% of {of} went into {into}"
    return f"{its}; the largest cost is {largest.phase}, {largest.words}."
