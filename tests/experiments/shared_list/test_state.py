"""What the records of a shared list fold to, and how that is judged."""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

import pytest
from poolscope.experiments.parameters import parse
from poolscope.experiments.shared_list.export import as_json, rows
from poolscope.experiments.shared_list.judgement import Agreement, Disagreement, disagreements, outcome
from poolscope.experiments.shared_list.params import SharedListParams
from poolscope.experiments.shared_list.payloads import (
    ControlsInForce,
    ListCounts,
    LockStatistics,
    LockTimes,
    OperationCounts,
)
from poolscope.experiments.shared_list.state import SharedListState, fold, initial
from poolscope.experiments.shared_list.verdict import findings, verdict
from poolscope.protocol.records import Actor, End, Record, Result, Span

from tests.openings import opening

T0 = 1_000_000_000


def told(*records: Record, **params: Any) -> SharedListState:
    return reduce(fold, records, initial(SharedListParams(**params)))


def counted(**values: int) -> Result:
    return Result(T0 + 5, ListCounts(**values))


AGREED = counted(added=9, removed=6, length=3, really_added=9, really_removed=6, recorded=15)


def test_numbers_that_agree_hold_the_invariant() -> None:
    state = told(AGREED)
    assert state.consistent
    assert state.all_steps == 15
    assert disagreements(state) == ()
    assert outcome(state) is Agreement.AGREED


def test_a_lost_update_is_named_with_both_numbers_even_if_the_sum_comes_out_right() -> None:
    state = told(counted(added=40, removed=35, length=5, really_added=48, really_removed=43), guard="none")
    assert state.expected_length == state.counts.length
    assert outcome(state) is Agreement.LOST_UPDATES
    assert disagreements(state) == (Disagreement("added", 40, 48), Disagreement("removed", 35, 43))


def test_a_consumer_that_was_robbed_is_a_loss_of_its_own() -> None:
    state = told(counted(added=3, removed=2, length=1, really_added=3, really_removed=2, robbed=2), guard="none")
    assert outcome(state) is Agreement.BROKEN_CHECK
    assert disagreements(state) == (Disagreement("robbed", 0, 2),)


def test_steps_in_flight_are_no_disagreement() -> None:
    state = told(counted(added=3, removed=2, length=2, really_added=3, really_removed=2, in_flight=1))
    assert outcome(state) is Agreement.AGREED


@pytest.mark.parametrize(("threads", "expected"), [(1, Agreement.NO_RACE), (2, Agreement.LUCKY)])
def test_without_a_guard_nothing_lost_is_luck_unless_no_two_threads_write_one_counter(
    threads: int, expected: Agreement
) -> None:
    assert outcome(told(AGREED, guard="none", producers=threads, consumers=threads)) is expected


def test_before_the_first_step_there_is_no_verdict() -> None:
    assert outcome(told()) is None
    assert verdict(told(), 2) is None


def test_polling_more_often_than_taking_is_found_and_has_a_remedy() -> None:
    state = told(counted(added=2, removed=2, empty_polls=9, really_added=2, really_removed=2))
    (found,) = findings(state, 2)
    assert found.check == "polling"
    assert found.remedy["guard"] == "condition"
    parse(SharedListParams, found.remedy)


@pytest.mark.parametrize(("producers", "consumers"), [(1, 1), (2, 1), (6, 2)])
def test_few_unguarded_threads_are_told_how_to_see_a_loss(producers: int, consumers: int) -> None:
    (found,) = findings(told(AGREED, guard="none", producers=producers, consumers=consumers), 2)
    more = parse(SharedListParams, found.remedy)
    assert (more.producers, more.consumers, more.guard) == (max(4, producers), 4, "none")
    assert not found.failure


@pytest.mark.parametrize(("lost", "proposed"), [(1, True), (2, True), (3, False), (19, False)])
def test_who_lost_updates_is_not_told_how_to_lose_some(lost: int, proposed: bool) -> None:
    counts = counted(added=80 - lost, length=80, really_added=80)
    found = findings(told(counts, guard="none", producers=4, consumers=2), 2)
    assert [finding.remedy["guard"] for finding in found] == ["lock", "none"][: 1 + proposed]


def test_lost_updates_are_a_failure_whose_cure_is_a_lock() -> None:
    lost = counted(added=3, length=5, really_added=5)
    (found,) = findings(told(lost, guard="none", producers=4, consumers=4), 2)
    assert found.failure
    assert parse(SharedListParams, found.remedy).guard == "lock"


@pytest.mark.parametrize("guard", ["lock", "condition", "queue", "none"])
def test_a_list_that_was_held_where_it_is_too_long_says_so_whether_producers_poll_or_wait(guard: str) -> None:
    full = counted(added=1_000_000, length=1_000_000, really_added=1_000_000)
    found = {finding.check: finding for finding in findings(told(full, guard=guard, producers=2), 2)}
    parse(SharedListParams, found["outgrown"].remedy)
    assert not findings(told(AGREED, guard=guard, producers=4, consumers=4), 2)


def test_the_lock_and_its_times_are_told() -> None:
    state = told(
        AGREED,
        Result(T0, LockStatistics("producer 1", ("consumer 1",), acquisitions=4, contended=1)),
        Result(T0, LockTimes(wait=((1000, 3), (2000, 1)), hold=((500, 4),))),
    )
    lock = as_json(state)["lock"]
    assert lock["owner"] == "producer 1"
    assert lock["waiting"] == ["consumer 1"]
    assert lock["contended_share"] == 0.25
    assert lock["wait_s"] == {"median": 1e-6, "p99": 2e-6}
    assert lock["hold_s"] == {"median": 5e-7, "p99": 5e-7}


def test_threads_are_told_with_role_state_and_operations() -> None:
    state = told(
        opening("shared-list", T0),
        Actor(T0, "producer 1", "started", "thread", "producer"),
        Span("producer 1", "sleeping", T0),
        Result(T0, OperationCounts({"producer 1": 7})),
    )
    expected = {"name": "producer 1", "role": "producer", "state": "sleeping", "operations": 7}
    assert as_json(state)["threads"] == [expected]
    assert rows(state)[1] == [("producer 1", "producer", 7)]
    flat_out = told(Actor(T0, "producer 1", "started", "thread", "producer"), delay_min=0, delay_max=0)
    assert as_json(flat_out)["threads"][0]["state"] == "running"
    ended = fold(fold(state, Actor(T0 + 9, "producer 1", "ended")), End(T0 + 9, "finished"))
    assert as_json(ended)["threads"][0]["state"] == "done"


def test_controls_change_what_is_in_force() -> None:
    state = told(Result(T0, ControlsInForce(0.2, 0.3, paused=True)))
    assert as_json(state)["controls"] == {"delay_min": 0.2, "delay_max": 0.3, "paused": True}
    assert not fold(state, End(T0, "stopped")).paused


def test_the_state_is_json() -> None:
    json.dumps(as_json(told(AGREED)), allow_nan=False)
