"""Real threads over one list, under every guard."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from poolscope.experiments.shared_list.params import SharedListParams
from poolscope.experiments.shared_list.state import State, as_json, fold, initial, verdict
from poolscope.protocol.commands import ChangeControls
from poolscope.protocol.records import Actor, Contents, Count, Progress, Record, Span

from tests.children import end_of, perform, runner

BRIEF = {"producers": 2, "consumers": 2, "delay_min": 0.001, "delay_max": 0.01, "seconds": 0.4}
FLAT_OUT = {"producers": 2, "consumers": 2, "delay_min": 0.0, "delay_max": 0.0, "seconds": 0.4}
SAFE = ["lock", "rlock", "condition", "queue"]


def asked(**given: Any) -> SharedListParams:
    return SharedListParams(**given)


def told(params: SharedListParams, records: list[Record]) -> State:
    return reduce(fold, records, initial(params))


def ran(**given: Any) -> State:
    params = asked(**given)
    records = perform("shared-list", params.model_dump(mode="json"))
    assert end_of(records).outcome == "finished"
    return told(params, records)


@pytest.mark.parametrize("guard", SAFE)
@pytest.mark.parametrize("pace", [BRIEF, FLAT_OUT], ids=["paced", "flat out"])
def test_under_a_guard_every_count_is_exact(guard: str, pace: dict[str, Any]) -> None:
    state = ran(guard=guard, **pace)
    ledger = state.ledger
    assert ledger.added - ledger.removed == ledger.length
    assert (ledger.added, ledger.removed) == (ledger.really_added, ledger.really_removed)
    assert ledger.added == sum(state.operations[name] for name, role in state.roles.items() if role == "producer")
    assert ledger.removed == sum(state.operations[name] for name, role in state.roles.items() if role == "consumer")
    assert ledger.consistent
    assert as_json(state)["consistent"] is True
    assert state.lock.acquisitions >= ledger.added + ledger.removed


@pytest.mark.parametrize("guard", ["condition", "queue"])
def test_consumers_that_wait_never_poll(guard: str) -> None:
    state = ran(guard=guard, **BRIEF)
    assert state.ledger.empty_polls == 0
    assert state.ledger.removed > 0


def test_consumers_that_poll_find_the_list_empty() -> None:
    state = ran(guard="lock", producers=1, consumers=4, delay_min=0.001, delay_max=0.005, seconds=0.4)
    assert state.ledger.empty_polls > 0
    assert any(text == "List is empty, nothing to remove." for _, text in state.log)


def test_without_a_guard_updates_get_lost_and_are_counted() -> None:
    state = ran(guard="none", producers=6, consumers=6, delay_min=0.01, delay_max=0.05, seconds=1.0)
    ledger = state.ledger
    assert ledger.lost_updates > 0
    assert not ledger.consistent
    assert ledger.really_added - ledger.really_removed == ledger.length  # the list itself is whole
    said = verdict(state, 2)
    assert said is not None
    assert said.headline == "The numbers disagree:"
    assert "lost update" in said.rest


def test_without_a_guard_one_producer_and_one_consumer_lose_nothing() -> None:
    state = ran(guard="none", producers=1, consumers=1, delay_min=0.001, delay_max=0.005, seconds=0.4)
    assert state.ledger.consistent
    said = verdict(state, 2)
    assert said is not None
    assert said.headline.startswith("Nothing was lost")


@pytest.mark.parametrize("guard", ["lock", "rlock", "condition", "queue", "none"])
def test_the_list_never_outgrows_its_capacity(guard: str) -> None:
    params = asked(guard=guard, producers=4, consumers=1, delay_min=0.0, delay_max=0.002, capacity=3, seconds=0.4)
    records = perform("shared-list", params.model_dump(mode="json"))
    lengths = [record.length for record in records if isinstance(record, Contents)]
    bound = 3 if guard != "none" else 3 + 4  # without a guard each producer may come in between check and append
    assert max(lengths) <= bound


def test_the_log_is_in_the_words_of_the_program() -> None:
    state = ran(guard="lock", **BRIEF)
    text = [line for _, line in state.log]
    assert any(line.startswith("Added: ") and " | Current List: [" in line for line in text)
    assert any(line.startswith("Removed: ") and " | Current List: [" in line for line in text)


def test_numbers_are_whole_from_1_to_100_and_the_oldest_goes_first() -> None:
    params = asked(guard="lock", producers=1, consumers=1, delay_min=0.02, delay_max=0.03, seconds=0.6)
    steps = [
        record for record in perform("shared-list", params.model_dump(mode="json")) if isinstance(record, Contents)
    ]
    added = [step.number for step in steps if step.change == "added"]
    removed = [step.number for step in steps if step.change == "removed"]
    assert removed == added[: len(removed)]
    assert all(number is not None and 1 <= number <= 100 for number in added)


def test_at_a_human_pace_every_step_is_recorded() -> None:
    state = ran(guard="lock", producers=2, consumers=2, delay_min=0.05, delay_max=0.1, seconds=0.6)
    assert state.left_out == 0
    assert state.ledger.told == state.ledger.steps


def test_flat_out_what_is_not_recorded_is_counted() -> None:
    params = asked(guard="lock", **FLAT_OUT)
    records = perform("shared-list", params.model_dump(mode="json"))
    state = told(params, records)
    steps = sum(isinstance(record, Contents) and record.actor != "" for record in records)
    assert state.ledger.steps > 10 * steps
    assert state.left_out == state.ledger.steps - state.ledger.told
    assert steps == state.ledger.told


def test_flat_out_a_thread_is_said_to_be_only_where_it_was_seen() -> None:
    records = perform("shared-list", asked(guard="lock", **FLAT_OUT).model_dump(mode="json"))
    spans = [record for record in records if isinstance(record, Span)]
    assert {span.state for span in spans} <= {"waiting", "holding"}
    seen = [span for span in spans if span.t1 is not None]
    assert all(span.t0 <= (span.t1 or 0) for span in seen)


def test_every_thread_begins_and_ends_and_is_in_known_states() -> None:
    records = perform("shared-list", asked(guard="lock", **BRIEF).model_dump(mode="json"))
    events = [(record.actor, record.event) for record in records if isinstance(record, Actor)]
    names = {"producer 1", "producer 2", "consumer 1", "consumer 2"}
    assert {name for name, event in events if event == "started"} == names
    assert {name for name, event in events if event == "ended"} == names
    states = {record.state for record in records if isinstance(record, Span)}
    assert states <= {"sleeping", "waiting", "holding"}
    assert {"sleeping", "holding"} <= states


def test_a_stop_ends_it_at_once_and_keeps_exact_counts() -> None:
    params = asked(guard="condition", producers=1, consumers=3, seconds=600)
    with runner("shared-list", params.model_dump(mode="json")) as child:
        child.until(lambda record: isinstance(record, Contents))
        child.stop()
        records = child.to_the_end()
    assert end_of(records).outcome == "stopped"
    assert told(params, records).ledger.consistent


def test_delays_change_and_the_run_pauses_and_resumes_while_it_runs() -> None:
    params = asked(guard="queue", producers=1, consumers=1, delay_min=0.01, delay_max=0.02, seconds=600)
    with runner("shared-list", params.model_dump(mode="json")) as child:

        def controls(**wanted: Any) -> None:
            child.say(ChangeControls(**wanted))
            child.until(lambda record: isinstance(record, Count) and wanted.items() <= record.values.items())

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
        assert end_of(child.to_the_end()).outcome == "stopped"
