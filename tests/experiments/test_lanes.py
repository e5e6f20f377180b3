"""Who was in what state when."""

from __future__ import annotations

from functools import reduce

from poolscope.experiments.timeline import MOST_SPANS, Lanes
from poolscope.protocol.records import Actor, Progress, Record, Span

S = 1_000_000_000


def told(*records: Record, window_s: float | None = None) -> Lanes:
    return reduce(Lanes.fold, records, Lanes(window_s))


def test_actors_stand_in_order_of_appearance_once_each() -> None:
    lanes = told(Actor(1, "b", "started"), Actor(2, "a", "started"), Actor(3, "b", "started"))
    assert lanes.actors == ("b", "a")


def test_an_open_span_is_what_an_actor_does_now_until_a_closed_one_ends_it() -> None:
    open_span, closed = Span("a", "sleeping", 5), Span("a", "sleeping", 5, 9)
    assert told(open_span).now == {"a": open_span}
    lanes = told(open_span, closed)
    assert lanes.now == {}
    assert lanes.spans == (closed,)


def test_a_span_that_closed_before_the_present_one_began_leaves_it() -> None:
    present = Span("a", "waiting", 9)
    assert told(present, Span("a", "sleeping", 5, 9)).now == {"a": present}


def test_the_end_of_an_actor_closes_what_it_was_in() -> None:
    lanes = told(Actor(1, "a", "started"), Span("a", "blocked", 2), Actor(7, "a", "ended"))
    assert lanes.now == {}
    assert lanes.spans == (Span("a", "blocked", 2, 7),)


def test_a_process_that_takes_the_lane_of_another_begins_it_anew() -> None:
    before = (Actor(1, "a", "started", pid=7), Span("a", "running", 1, 2), Span("b", "running", 1, 2))
    again = told(*before, Actor(3, "a", "started", pid=7))
    assert (len(again.spans), again.pids) == (2, {"a": 7})
    other = told(*before, Actor(3, "a", "started", pid=8), Span("a", "killed", 4, 5))
    assert other.pids == {"a": 8}
    assert other.actors == ("a",)
    assert other.spans == (Span("b", "running", 1, 2), Span("a", "killed", 4, 5))


def test_what_says_nothing_here_changes_nothing() -> None:
    lanes = told(Span("a", "sleeping", 1, 2))
    assert lanes.fold(Progress(3, 1, 2)) is lanes
    assert lanes.fold(Actor(3, "nobody", "ended")) is lanes


def test_a_window_forgets_what_is_older_and_a_limit_bounds_the_rest() -> None:
    spans = [Span("a", "sleeping", n * S, n * S + 1) for n in range(2_000)]
    windowed = told(*spans, window_s=10)
    assert len(windowed.spans) < 600
    assert windowed.spans[-1] == spans[-1]
    many = [Span("a", "sleeping", n, n + 1) for n in range(MOST_SPANS + 10)]
    kept = told(*many)
    assert len(kept.spans) <= MOST_SPANS
    assert kept.spans[-1] == many[-1]
