"""What the records of a shared list mean, told by hand."""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.experiments.parameters import parse
from poolscope.experiments.shared_list.params import SharedListControls, SharedListParams
from poolscope.experiments.shared_list.samples import State, fold, in_words, initial
from poolscope.experiments.shared_list.state import as_json, findings, rows, verdict
from poolscope.experiments.shared_list.verdict import disagreements
from poolscope.protocol.records import Actor, Contents, Count, End, Record, Span

from tests.openings import opening

T0 = 1_000_000_000


def told(*records: Record, **params: Any) -> State:
    return reduce(fold, records, initial(SharedListParams(**params)))


def counted(**values: int) -> Count:
    zero = dict.fromkeys(
        (
            "added",
            "removed",
            "empty_polls",
            "full_polls",
            "length",
            "really_added",
            "really_removed",
            "robbed",
            "in_flight",
            "told",
        ),
        0,
    )
    return Count(T0 + 5, "ledger", {**zero, **values})


AGREED = counted(added=9, removed=6, length=3, really_added=9, really_removed=6, told=15)


def test_the_words_of_the_log_are_those_of_the_program() -> None:
    step = Contents(T0, "producer 1", "added", 47, [72, 90, 47], 3)
    assert in_words(step) == "Added: 47 | Current List: [72, 90, 47]"
    assert in_words(Contents(T0, "c", "removed", 72, [90, 47], 2)) == "Removed: 72 | Current List: [90, 47]"
    assert in_words(Contents(T0, "c", "empty", None, [], 0)) == "List is empty, nothing to remove."
    assert in_words(Contents(T0, "p", "added", 5, [4, 5], 12)) == "Added: 5 | Current List: [… 10 older …, 4, 5]"


def test_numbers_that_agree_hold_the_invariant() -> None:
    state = told(AGREED)
    assert state.ledger.consistent
    assert disagreements(state) == ()
    assert str(verdict(state, 2)).startswith("The invariant holds after 15 steps.")


def test_a_lost_update_is_named_with_both_numbers_even_if_the_sum_comes_out_right() -> None:
    state = told(counted(added=40, removed=35, length=5, really_added=48, really_removed=43), guard="none")
    assert state.ledger.expected_length == state.ledger.length
    assert not state.ledger.consistent
    said = str(verdict(state, 2))
    assert "the counter of numbers added says 40, the threads added 48" in said
    assert "a lost update" in said


def test_a_consumer_that_was_robbed_is_a_loss_of_its_own() -> None:
    state = told(counted(added=3, removed=2, length=1, really_added=3, really_removed=2, robbed=2), guard="none")
    assert not state.ledger.consistent
    assert "2 times a consumer found the list emptied between its check and its pop" in disagreements(state)


def test_steps_in_flight_are_no_disagreement() -> None:
    state = told(counted(added=3, removed=2, length=2, really_added=3, really_removed=2, in_flight=1), guard="none")
    assert state.ledger.consistent


def test_before_the_first_step_there_is_no_verdict() -> None:
    assert verdict(told(), 2) is None


def test_polling_more_often_than_taking_is_found_and_has_a_remedy() -> None:
    state = told(counted(added=2, removed=2, empty_polls=9, really_added=2, really_removed=2))
    (found,) = findings(state, 2)
    assert found.check == "polling"
    assert found.remedy["guard"] == "condition"
    parse(SharedListParams, found.remedy)


def test_an_unguarded_pair_is_told_how_to_see_a_loss() -> None:
    (found,) = findings(told(AGREED, guard="none"), 2)
    assert parse(SharedListParams, found.remedy).producers > 1


@pytest.mark.parametrize("guard", ["lock", "condition", "queue", "none"])
def test_a_list_that_was_held_where_it_is_too_long_says_so_whether_producers_poll_or_wait(guard: str) -> None:
    full = counted(added=1_000_000, length=1_000_000, really_added=1_000_000)
    found = {finding.check: finding for finding in findings(told(full, guard=guard, producers=2), 2)}
    assert "reached 1\u202f000\u202f000 numbers" in found["outgrown"].sentence.replace("\u2009", "\u202f")
    parse(SharedListParams, found["outgrown"].remedy)
    assert not findings(told(AGREED, guard=guard, producers=2), 2)


def test_the_lock_and_its_times_are_told() -> None:
    state = told(
        AGREED,
        Count(T0, "lock", {"owner": "producer 1", "waiting": ["consumer 1"], "acquisitions": 4, "contended": 1}),
        Count(T0, "times", {"wait": [[1000, 3], [2000, 1]], "hold": [[500, 4]]}),
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
        Count(T0, "work", {"producer 1": 7}),
    )
    expected = {"name": "producer 1", "role": "producer", "state": "sleeping", "operations": 7}
    assert as_json(state)["threads"] == [expected]
    assert rows(state)[1] == [("producer 1", "producer", 7)]
    flat_out = told(Actor(T0, "producer 1", "started", "thread", "producer"), delay_min=0, delay_max=0)
    assert as_json(flat_out)["threads"][0]["state"] == "running"
    ended = fold(fold(state, Actor(T0 + 9, "producer 1", "ended")), End(T0 + 9, "finished"))
    assert as_json(ended)["threads"][0]["state"] == "done"


def test_controls_change_what_is_in_force() -> None:
    state = told(Count(T0, "controls", {"delay_min": 0.2, "delay_max": 0.3, "paused": True}))
    assert as_json(state)["controls"] == {"delay_min": 0.2, "delay_max": 0.3, "paused": True}
    assert not fold(state, End(T0, "stopped")).paused


def test_the_state_is_json() -> None:
    json.dumps(as_json(told(AGREED)), allow_nan=False)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"producers": 0}, "producers"),
        ({"producers": 17}, "producers"),
        ({"consumers": "many"}, "consumers"),
        ({"delay_min": -0.1}, "delay_min"),
        ({"delay_max": 11}, "delay_max"),
        ({"delay_min": "nan"}, "delay_min"),
        ({"delay_min": 0.5, "delay_max": 0.1}, "delay_min"),
        ({"guard": "semaphore"}, "guard"),
        ({"capacity": -1}, "capacity"),
        ({"seconds": 601}, "seconds"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(given: dict[str, Any], name: str) -> None:
    with pytest.raises(BadParameters) as refused:
        parse(SharedListParams, given)
    (complaint,) = refused.value.complaints
    assert complaint.name == name
    assert complaint.message.startswith(name)


def test_controls_know_three_names_only() -> None:
    assert parse(SharedListControls, {"paused": "true"}).paused is True
    with pytest.raises(BadParameters):
        parse(SharedListControls, {"producers": 3})
