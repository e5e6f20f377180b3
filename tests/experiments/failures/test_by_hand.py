"""The scenario that waits for somebody: a worker that is killed, nobody who kills one, and a stop meanwhile."""

from __future__ import annotations

from poolscope.experiments.failures import messages
from poolscope.experiments.failures.catalogue import BY_HAND
from poolscope.experiments.failures.messages import case_sentence
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.failures.payloads import CaseEnding
from poolscope.experiments.failures.state import Case, FailuresState, fold, initial
from poolscope.experiments.failures.verdict import verdict
from poolscope.machine.processes import members
from poolscope.protocol.commands import KillWorkerProcess
from poolscope.protocol.records import Fault, Progress, Record

from tests.children import end_of, runner
from tests.waiting import until


def asked(wait: float) -> FailuresParams:
    return FailuresParams(scenarios=[BY_HAND], wait=wait)


def waits(record: Record) -> bool:
    return isinstance(record, Progress) and record.seconds_left is not None


def state_of(records: list[Record]) -> FailuresState:
    state = initial(asked(600))
    for record in records:
        state = fold(state, record)
    return state


def case_of(records: list[Record]) -> Case:
    state = state_of(records)
    (case,) = state.of(BY_HAND)
    said = verdict(state, 2)
    assert (said.headline if said else "") == (case_sentence(case) if case.observed.outcome else "")
    return case


def test_a_worker_that_is_killed_breaks_the_pool_and_takes_the_tasks_of_all_with_it() -> None:
    with runner("failures", asked(600).model_dump()) as child:
        first = child.until(waits)
        assert isinstance(first, Progress)
        assert 590 < (first.seconds_left or 0) <= 600
        child.say(KillWorkerProcess(2, 1))
        records = child.to_the_end()
    assert end_of(records).outcome == "finished"
    (fault,) = [record for record in records if isinstance(record, Fault)]
    assert (fault.worker, fault.of, fault.pid is None) == (2, 4, False)
    case = case_of(records)
    assert case.ending is CaseEnding.POOL_BROKEN
    assert (len(case.kept), len(case.lost)) == (4, 4)
    assert "worker 2 of 4" in case_sentence(case)
    assert case.surfaced is not None
    assert case.surfaced.type == "BrokenProcessPool"
    assert case.surfaced.traceback.count("in _collect") == 1  # not once for each task that the same exception came to
    assert case.noticed_s is not None
    (surfaces,) = [moment for moment in case.moments if moment.t == case.surfaced.t]
    assert "BrokenProcessPool" in surfaces.text
    assert [span.t1 for span in case.lanes.spans if span.actor == "main"] == [surfaces.t]  # until then it has waited
    assert case.observed.usable is False
    assert {span.actor for span in case.lanes.spans} == {"main", *(f"worker {number}" for number in range(1, 5))}
    assert case.observed.leftovers is not None
    assert case.left == {}
    until(lambda: not members(child.process.pid), "the end of the run's processes")


def test_nobody_who_kills_one_is_an_outcome_too() -> None:
    with runner("failures", asked(1).model_dump()) as child:
        records = child.to_the_end()
    case = case_of(records)
    assert (end_of(records).outcome, case.ending) == ("finished", CaseEnding.NOTHING_FAILED)
    assert (len(case.kept), case.lost, case.surfaced, case.left) == (8, (), None, {})
    assert case.observed.cleaned is not None
    assert case.observed.cleaned.left == 0
    assert case_sentence(case).startswith("Nobody killed a worker within 1 s")
    assert case.kept[3:5] == ("task 4 = 16", "task 5 = None")
    said = verdict(state_of(records), 2)
    assert said is not None
    assert said.rest == messages.KILL_ONE


def test_a_stop_ends_the_wait() -> None:
    with runner("failures", asked(600).model_dump()) as child:
        child.until(waits)
        child.stop()
        records = child.to_the_end()
    case = case_of(records)
    assert (end_of(records).outcome, case.ending, case.left) == ("stopped", CaseEnding.STOPPED, {})
