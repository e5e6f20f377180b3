"""How many runs one client may start in a minute: by a moving window, each client for itself."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from poolscope.errors import TooManyStarts
from poolscope.runs.fair_queue import MOST_CLIENTS, RateLimiter


@dataclass
class Clock:
    now: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The monotonic clock, which goes on only when a test says so."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def test_a_start_is_allowed_again_when_the_oldest_is_a_minute_ago(clock: Clock) -> None:
    limiter = RateLimiter(2)
    limiter.count("somebody")
    clock.now += 40
    limiter.count("somebody")
    with pytest.raises(TooManyStarts) as refused:
        limiter.count("somebody")
    assert 20 <= refused.value.retry_after <= 21
    limiter.count("somebody else")
    clock.now += refused.value.retry_after
    limiter.count("somebody")
    with pytest.raises(TooManyStarts):
        limiter.count("somebody")


def test_a_client_without_a_name_is_not_limited(clock: Clock) -> None:
    limiter = RateLimiter(1)
    for _ in range(3):
        limiter.count("")


def test_clients_of_long_ago_are_forgotten(clock: Clock) -> None:
    limiter = RateLimiter(1)
    for number in range(MOST_CLIENTS + 1):
        limiter.count(str(number))
    clock.now += 61
    limiter.count("the next")
    assert list(limiter._starts) == ["the next"]
