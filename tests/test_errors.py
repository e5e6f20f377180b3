"""The tree of errors: it is drawn as it is, and every refusal says what it is."""

from __future__ import annotations

import re
from inspect import getmembers, isclass

import pytest
from poolscope import errors
from poolscope.errors import (
    PoolscopeError,
    QueueFull,
    Refused,
    ServerEnding,
    TooBusy,
    TooManyStarts,
    TooManyStreams,
    TooManyViewers,
    TooManyWaiting,
)

REFUSALS = (
    QueueFull(20),
    TooManyStarts(60, 7),
    TooManyViewers(2000),
    TooManyStreams(500),
    TooManyWaiting(2),
    TooBusy(16),
    ServerEnding(),
)


def drawn() -> dict[str, str]:
    """Each error of the drawing and the one above it."""
    above: list[tuple[int, str]] = []
    parents = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"([│├└─ ]*)([A-Z]\w+)(  |$)", line)
        if not found:
            continue
        depth, name = len(found[1]), found[2]
        above = [each for each in above if each[0] < depth]
        parents[name] = above[-1][1] if above else "Exception"
        above.append((depth, name))
    return parents


def test_the_drawing_holds_every_error_under_the_right_one() -> None:
    defined = {
        name: error.__bases__[0].__name__
        for name, error in getmembers(errors, isclass)
        if issubclass(error, PoolscopeError)
    }
    assert drawn() == defined


@pytest.mark.parametrize("refused", REFUSALS, ids=lambda refused: type(refused).__name__)
def test_a_refusal_has_a_title_of_its_own_and_says_when_to_try_again(refused: Refused) -> None:
    assert "title" in vars(type(refused))
    assert refused.retry_after > 0
    assert str(refused).endswith(".")


def test_no_two_refusals_share_a_title() -> None:
    assert {type(refused) for refused in REFUSALS} == set(Refused.__subclasses__())
    assert len({refused.title for refused in REFUSALS}) == len(REFUSALS)
