"""Real threads over one list, under every guard."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache, reduce
from itertools import pairwise
from typing import Any

import pytest
from poolscope.experiments.shared_list.export import as_json
from poolscope.experiments.shared_list.judgement import Agreement, outcome
from poolscope.experiments.shared_list.params import SharedListParams
from poolscope.experiments.shared_list.payloads import ControlsInForce
from poolscope.experiments.shared_list.state import SharedListState, fold, initial
from poolscope.protocol.commands import ChangeControls
from poolscope.protocol.records import Actor, Contents, Progress, Record, Result, Span

from tests.children import end_of, perform, runner

BRIEF = {"producers": 2, "consumers": 2, "delay_min": 0.001, "delay_max": 0.01, "seconds": 0.4}
FLAT_OUT = {"producers": 2, "consumers": 2, "delay_min": 0.0, "delay_max": 0.0, "seconds": 0.4}
SAFE = ["lock", "rlock", "condition", "queue"]


@cache
def performed(params: SharedListParams) -> list[Record]:
    """The records of one run, which all tests of the same parameters share."""
    records = perform("shared-list", params.model_dump(mode="json"))
    assert end_of(records).outcome == "finished"
    return records


def folded(params: SharedListParams, records: list[Record]) -> SharedListState:
    return reduce(fold, records, initial(params))


def ran(**given: Any) -> SharedListState:
    params = SharedListParams(**given)
    return folded(params, performed(params))


@pytest.mark.parametrize("guard", SAFE)
@pytest.mark.parametrize("pace", [BRIEF, FLAT_OUT], ids=["paced", "flat out"])
def test_under_a_guard_every_count_is_exact(guard: str, pace: dict[str, Any]) -> None:
    state = ran(guard=guard, **pace)
    counts = state.counts
    assert counts.added - counts.removed == counts.length
    assert (counts.added, counts.removed) == (counts.really_added, counts.really_removed)
    assert counts.added == sum(state.operations[name] for name, role in state.roles.items() if role == "producer")
    assert counts.removed == sum(state.operations[name] for name, role in state.roles.items() if role == "consumer")
    assert state.consistent
    assert as_json(state)["consistent"] is True
    assert state.lock.seen.acquisitions >= counts.added + counts.removed


@pytest.mark.parametrize("guard", ["condition", "queue"])
def test_consumers_that_wait_never_poll(guard: str) -> None:
    state = ran(guard=guard, **BRIEF)
    assert state.counts.empty_polls == 0
    assert state.counts.removed > 0


def test_consumers_that_poll_find_the_list_empty() -> None:
    state = ran(guard="lock", producers=1, consumers=4, delay_min=0.001, delay_max=0.005, seconds=0.4)
    assert state.counts.empty_polls > 0
    assert "empty" in {step.change for step in state.steps}


def test_without_a_guard_updates_get_lost_and_are_counted() -> None:
    state = ran(guard="none", producers=6, consumers=6, delay_min=0.01, delay_max=0.05, seconds=1.0)
    counts = state.counts
    assert state.lost_updates > 0
    assert not state.consistent
    assert counts.really_added - counts.really_removed == counts.length  # the list itself is whole
    assert outcome(state) is Agreement.LOST_UPDATES


def test_without_a_guard_one_producer_and_one_consumer_lose_nothing() -> None:
    state = ran(guard="none", producers=1, consumers=1, delay_min=0.001, delay_max=0.005, seconds=0.4)
    assert outcome(state) is Agreement.NO_RACE


@pytest.mark.parametrize("guard", ["lock", "rlock", "condition", "queue", "none"])
def test_the_list_never_outgrows_its_capacity(guard: str) -> None:
    crowded = {"producers": 4, "consumers": 1, "delay_min": 0, "delay_max": 0.002, "capacity": 3, "seconds": 0.4}
    params = SharedListParams.model_validate({"guard": guard, **crowded})
    records = performed(params)
    lengths = [record.length for record in records if isinstance(record, Contents)]
    bound = 3 if guard != "none" else 3 + 4  # without a guard each producer may come in between check and append
    assert max(lengths) <= bound


def test_numbers_are_whole_from_1_to_100_and_the_oldest_goes_first() -> None:
    params = SharedListParams(guard="lock", producers=1, consumers=1, delay_min=0.02, delay_max=0.03, seconds=0.6)
    steps = [record for record in performed(params) if isinstance(record, Contents)]
    added = [step.number for step in steps if step.change == "added"]
    removed = [step.number for step in steps if step.change == "removed"]
    assert removed == added[: len(removed)]
    assert all(number is not None and 1 <= number <= 100 for number in added)


def test_at_a_human_pace_every_step_is_recorded() -> None:
    state = ran(guard="lock", producers=2, consumers=2, delay_min=0.05, delay_max=0.1, seconds=0.6)
    assert state.left_out == 0
    assert state.counts.recorded == state.all_steps


@pytest.mark.parametrize("guard", SAFE)
def test_no_more_waits_are_drawn_than_are_counted(guard: str) -> None:
    params = SharedListParams.model_validate({"guard": guard, **BRIEF})
    records = performed(params)
    waits = {(record.actor, record.t0) for record in records if isinstance(record, Span) and record.state == "waiting"}
    assert len(waits) <= folded(params, records).lock.seen.contended


def test_flat_out_what_is_not_recorded_is_counted() -> None:
    params = SharedListParams.model_validate({"guard": "lock", **FLAT_OUT})
    records = performed(params)
    state = folded(params, records)
    steps = sum(isinstance(record, Contents) and record.actor != "" for record in records)
    assert state.all_steps > 10 * steps
    assert state.left_out == state.all_steps - state.counts.recorded
    assert steps == state.counts.recorded


def test_flat_out_a_thread_is_said_to_be_only_where_it_was_seen() -> None:
    records = performed(SharedListParams.model_validate({"guard": "lock", **FLAT_OUT}))
    spans = [record for record in records if isinstance(record, Span)]
    assert {span.state for span in spans} <= {"waiting", "holding"}
    seen = [span for span in spans if span.t1 is not None]
    assert all(span.t0 <= (span.t1 or 0) for span in seen)


@pytest.mark.parametrize("guard", SAFE)
@pytest.mark.parametrize("pace", [BRIEF, FLAT_OUT], ids=["paced", "flat out"])
def test_no_two_threads_ever_hold_the_lock(guard: str, pace: dict[str, Any]) -> None:
    one_owner_at_a_time(performed(SharedListParams.model_validate({"guard": guard, **pace})))


def one_owner_at_a_time(records: list[Record]) -> None:
    """Every hold has an end when it is told, and none begins before another thread's is over."""
    holds = [record for record in records if isinstance(record, Span) and record.state == "holding"]
    assert holds
    assert all(hold.t1 is not None for hold in holds)
    for earlier, later in pairwise(sorted(holds, key=lambda hold: (hold.t0, hold.t))):
        assert earlier.actor == later.actor or earlier.t <= later.t0


def test_every_thread_begins_and_ends_and_is_in_known_states() -> None:
    records = performed(SharedListParams.model_validate({"guard": "lock", **BRIEF}))
    events = [(record.actor, record.event) for record in records if isinstance(record, Actor)]
    names = {"producer 1", "producer 2", "consumer 1", "consumer 2"}
    assert {name for name, event in events if event == "started"} == names
    assert {name for name, event in events if event == "ended"} == names
    states = {record.state for record in records if isinstance(record, Span)}
    assert states <= {"sleeping", "waiting", "holding"}
    assert {"sleeping", "holding"} <= states


def test_a_stop_ends_it_at_once_and_keeps_exact_counts() -> None:
    params = SharedListParams(guard="condition", producers=1, consumers=3, seconds=600)
    with runner("shared-list", params.model_dump(mode="json")) as child:
        child.until(lambda record: isinstance(record, Contents))
        child.stop()
        records = child.to_the_end()
    assert end_of(records).outcome == "stopped"
    assert folded(params, records).consistent


def test_delays_change_and_the_run_pauses_and_resumes_while_it_runs() -> None:
    params = SharedListParams(guard="queue", producers=1, consumers=1, delay_min=0.01, delay_max=0.02, seconds=600)
    with runner("shared-list", params.model_dump(mode="json")) as child:

        def holds(payload: object, wanted: dict[str, Any]) -> bool:
            return isinstance(payload, ControlsInForce) and wanted.items() <= asdict(payload).items()

        def controls(**wanted: Any) -> None:
            child.say(ChangeControls(**wanted))
            child.until(lambda record: isinstance(record, Result) and holds(record.payload, wanted))

        controls(delay_min=0.0, delay_max=0.005)
        controls(paused=True)
        # The clock of a paused run stands: two looks at it show the same.
        first = child.until(lambda record: isinstance(record, Progress))
        second = child.until(lambda record: isinstance(record, Progress))
        third = child.until(lambda record: isinstance(record, Progress))
        assert isinstance(first, Progress)
        assert isinstance(second, Progress)
        assert isinstance(third, Progress)
        assert second.done == third.done
        controls(paused=False)
        child.until(lambda record: isinstance(record, Progress) and record.done > third.done)
        child.until(lambda record: isinstance(record, Contents))
        child.stop()
        records = child.to_the_end()
    assert end_of(records).outcome == "stopped"
    one_owner_at_a_time(records)
