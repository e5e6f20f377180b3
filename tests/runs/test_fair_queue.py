"""Turns in the queue: visitors in the order in which they came, however many runs one of them has in it."""

from __future__ import annotations

from collections import Counter
from functools import cache

from hypothesis import given
from hypothesis import strategies as st
from poolscope.experiments.parameters import Params
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.fair_queue import FairQueue, expected_turns, expected_waits
from poolscope.runs.run import Run, Visitor


@cache
def defaults(experiment: str) -> Params:
    """Which nobody changes, and a queue needs for hundreds of runs."""
    return EXPERIMENTS[experiment].params()


def waiting(queue: FairQueue, names: str, experiment: str = "pool-sizes") -> list[Run]:
    """Let a run wait for every letter, which is the name of its visitor."""
    about, params = EXPERIMENTS[experiment], defaults(experiment)
    runs = [Run(f"{name}{place}", about, params, visitor=Visitor(name)) for place, name in enumerate(names)]
    for run in runs:
        queue.add(run, 0.0)
    return runs


def order(queue: FairQueue) -> str:
    return "".join(run.visitor.id for run in queue.in_order(measured=True))


def start_next(queue: FairQueue) -> str:
    run = queue.in_order(measured=True)[0]
    queue.remove(run, started=True)
    return run.visitor.id


def test_visitors_take_turns() -> None:
    queue = FairQueue()
    waiting(queue, "aaabbc")
    assert order(queue) == "abcaba"
    assert start_next(queue) == "a"
    waiting(queue, "d")  # comes last in its first round, and before anybody's third
    assert order(queue) == "bcadba"


def test_who_gives_a_turn_up_does_not_lose_the_next_one() -> None:
    queue = FairQueue()
    first, *_ = waiting(queue, "aab")
    queue.remove(first)
    assert order(queue) == "ab"


def test_live_and_measured_runs_wait_for_different_things() -> None:
    queue = FairQueue()
    waiting(queue, "aa")
    (live,) = waiting(queue, "a", "shared-list")
    assert queue.in_order(measured=False) == [live]
    queue.remove(live, started=True)
    assert (order(queue), len(queue), live in queue) == ("aa", 2, False)


@given(st.lists(st.sampled_from(["start", "a", "b", "c", "d"]), max_size=60))
def test_nobody_is_overtaken_twice_by_one_visitor(steps: list[str]) -> None:
    queue = FairQueue()
    overtaken: dict[str, Counter[str]] = {}  # of each visitor's next run: who has started since it waits as the next
    for step in steps:
        if step != "start":
            waiting(queue, step)
            overtaken.setdefault(step, Counter())
        elif len(queue):
            started = start_next(queue)
            del overtaken[started]
            if started in order(queue):
                overtaken[started] = Counter()
            for others in overtaken.values():
                others[started] += 1
            assert all(count <= 1 for others in overtaken.values() for count in others.values())
    assert sorted(order(queue)) == sorted(run.visitor.id for run in queue)


def test_runs_of_a_visitor_without_a_sign_of_life_are_found() -> None:
    queue = FairQueue()
    a, b = waiting(queue, "ab")
    queue.see("b", 100.0)
    queue.see("nobody", 100.0)
    assert queue.deserted(50.0) == [a]
    queue.remove(a)
    assert queue.deserted(50.0) == []
    assert queue.deserted(200.0) == [b]


def test_the_expected_wait_is_what_runs_before_are_likely_to_take() -> None:
    queue = FairQueue()
    sizes, *_ = waiting(queue, "a")
    (sharing,) = waiting(queue, "b", "sharing")
    assert expected_waits([sizes, sharing], 4.0, {}) == [4.0, 4.0 + sizes.params.seconds]
    assert expected_waits([sizes, sharing, sizes], 0.0, {"pool-sizes": 2.0, "sharing": 7.0}) == [0.0, 2.0, 9.0]


def test_what_waits_in_both_lines_is_told_apart_by_when_it_is_likely_to_start() -> None:
    queue = FairQueue()
    present, sharing = *waiting(queue, "a", "which-pool"), *waiting(queue, "b", "sharing")
    listed, sparing, roomless, last = (waiting(queue, name, "shared-list")[0] for name in "cdef")
    sparing.spares = frozenset({present.id, sharing.id})
    took_s = {"which-pool": 30.0, "sharing": 5.0, "shared-list": 20.0}

    turns = expected_turns([present, listed], [sharing], [sparing, roomless, last], took_s)
    assert [(turn.run, turn.wait_s, turn.known) for turn in turns] == [
        (roomless, 20.0, False),
        (sharing, 30.0, True),
        (sparing, 35.0, True),
        (last, 40.0, False),
    ]
    # What nothing live stands in the way of lacks room beside what is measured; of both, that is the first to start.
    assert [turn.run for turn in expected_turns([present], [sharing], [roomless], took_s)] == [sharing, roomless]
    assert [turn.wait_s for turn in expected_turns([], [], [roomless], took_s)] == [0.0]
