"""Whether the numbers of a shared list agree, as codes and numbers; `messages` has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from poolscope.experiments.shared_list.state import SharedListState


class Agreement(StrEnum):
    AGREED = "agreed"
    LOST_UPDATES = "lost updates"
    BROKEN_CHECK = "broken check"  # another thread came in between a check and the act that rested on it
    NO_RACE = "no race"  # unguarded, but no two threads write the same counter
    LUCKY = "lucky"  # unguarded, and nothing was lost this time


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two numbers that should be equal. For 'robbed' there is one: how often it happened."""

    about: Literal["added", "removed", "length", "robbed"]
    counted: int
    really: int


def outcome(state: SharedListState) -> Agreement | None:
    """None before the first step."""
    if not state.all_steps:
        return None
    if not state.consistent:
        return Agreement.LOST_UPDATES if state.lost_updates else Agreement.BROKEN_CHECK
    if state.params.guard != "none":
        return Agreement.AGREED
    return Agreement.NO_RACE if state.params.producers == state.params.consumers == 1 else Agreement.LUCKY


def disagreements(state: SharedListState) -> tuple[Disagreement, ...]:
    """The numbers that differ by more than the steps in flight; empty where all is well."""
    counts = state.counts
    pairs = (
        Disagreement("added", counts.added, counts.really_added),
        Disagreement("removed", counts.removed, counts.really_removed),
    )
    found = [pair for pair in pairs if pair.really - pair.counted > counts.in_flight]
    if abs(state.expected_length - counts.length) > counts.in_flight:
        found.append(Disagreement("length", state.expected_length, counts.length))
    if counts.robbed:
        found.append(Disagreement("robbed", 0, counts.robbed))
    return tuple(found)
