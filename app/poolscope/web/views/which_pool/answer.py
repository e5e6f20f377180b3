"""The answer of a which-pool run around its verdict: what the time went into, what to try, and the code to copy."""

from __future__ import annotations

from dataclasses import dataclass

from poolscope.experiments.pool_benchmark.charts import WORK, spent
from poolscope.experiments.pool_benchmark.findings.validity import was_disturbed
from poolscope.experiments.pool_benchmark.naming import config_name
from poolscope.experiments.pool_benchmark.recommendation import Recommendation
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.text.sentences import format_list
from poolscope.web.views.which_pool.tables import counting

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
    """Of the pool to use, or of the best one where none is to be used; None before one was traced."""
    config = _explained(state, choice)
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
    name = config_name(state, config)
    care = DISTURBED if was_disturbed(state, usable_cpus) else ""
    return Split(f"{_sentence(name, shares)}{care}", tuple(shares))


def _explained(state: State, choice: Recommendation | None) -> Configuration | None:
    """The recommended pool, or the best, or the fastest of those that were traced."""
    traced = [config for config in counting(state, list(state.pools)) if config.traced and config.total]
    wanted = [config for config in (choice.config, choice.best) if config] if choice else []
    for config in wanted:
        if any(config is each for each in traced):
            return config
    kinds = [config.kind for config in wanted]
    return min(traced, key=lambda config: (config.kind not in kinds, sum(config.map) / len(config.map)), default=None)


def _sentence(name: str, shares: list[Share]) -> str:
    costs = sorted((share for share in shares if share.phase not in WORK), key=lambda share: -share.width)
    wanted = [share for share in shares if share.phase in WORK]
    told = [share for share in wanted if share.width >= 1]
    work = sum(round(share.width) for share in told)  # of what is named, as its words round it
    into = format_list(share.phase for share in told) or "the work itself"
    of = f"the time of {name}"
    if not costs or costs[0].width < 1:
        return f"All but all of {of} went into {into}."
    largest = costs[0]
    if largest.width > work:
        return f"{largest.words} of {of} went into {largest.phase}."
    its = f"{work}% of {of} went into {into}"
    return f"{its}; the largest cost is {largest.phase}, {largest.words}."
