"""What a factorials run's records mean, told by hand and by real runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.experiments.factorials import messages
from poolscope.experiments.factorials.export import as_json, rows
from poolscope.experiments.factorials.judgement import TimeUse, overtaken, time_use, times, workers_with_tasks
from poolscope.experiments.factorials.params import FactorialsParams
from poolscope.experiments.factorials.payloads import FactorialComputed
from poolscope.experiments.factorials.state import FactorialsState, Number, fold, initial
from poolscope.experiments.factorials.verdict import findings, verdict
from poolscope.protocol.payloads import Seed
from poolscope.protocol.records import (
    Actor,
    Count,
    End,
    Failure,
    Opening,
    Printed,
    Progress,
    Record,
    Result,
    Sample,
    Span,
    TaskEvent,
    TaskFailure,
    TaskOutcome,
)

from tests.children import perform
from tests.openings import opening

MS = 1_000_000
T0 = 5_000 * MS


def opened(gil: bool = True) -> Opening:
    return opening("factorials", T0 - 20 * MS, gil=gil)


def submitted(n: int) -> TaskEvent:
    return TaskEvent(T0, str(n), "submitted")


NEGATIVE = TaskFailure("negative number")
BROKEN = TaskFailure("exception", message="broken")


def done(
    n: int,
    worker: str,
    end_ms: float,
    took_ms: float,
    *,
    cpu_s: float | None = None,
    order: int | None = None,
    failure: TaskFailure | None = None,
) -> list[Record]:
    """What the body says about one number that comes back at `end_ms`."""
    end, start = T0 + int(end_ms * MS), T0 + int((end_ms - took_ms) * MS)
    outcome = TaskOutcome(
        "failed" if failure else "done",
        seconds=took_ms / 1e3,
        cpu_s=took_ms / 1e3 if cpu_s is None else cpu_s,
        queue_wait=(end_ms - took_ms) / 1e3,
        order=order,
        failure=failure,
    )
    result = [] if failure else [Result(end, FactorialComputed(n, str(math.factorial(n))))]
    return [*result, TaskEvent(end, str(n), "ended", worker, outcome), Span(worker, "running", start, end, str(n))]


def told(params: FactorialsParams, records: Iterable[Record]) -> FactorialsState:
    return reduce(fold, records, initial(params))


def three(*, gil: bool = True, kind: str = "thread", end: bool = True, **third: Any) -> FactorialsState:
    """1, 2 and 3 in two workers; 2 comes back first, as_completed hands 1 over first."""
    records = [
        opened(gil),
        *(submitted(n) for n in (1, 2, 3)),
        *done(1, f"{kind} 1", 4, 3, order=1),
        *done(2, f"{kind} 2", 2, 1, order=2),
        *done(3, f"{kind} 2", 6, 3, order=3, **third),
    ]
    if end:
        records.append(End(T0 + 8 * MS, "finished"))
    return told(FactorialsParams(first=1, last=3, workers=2, kind=kind), records)  # type: ignore[arg-type]


def test_before_its_records_every_number_is_queued() -> None:
    state = initial(FactorialsParams(first=-1, last=2))
    assert state.numbers == (Number(-1), Number(0), Number(1), Number(2))
    assert as_json(state) == {
        "results": [],
        "others": [{"n": n, "status": "queued", "worker": None} for n in (-1, 0, 1, 2)],
        "done": 0,
        "total": 4,
    }
    assert verdict(state, 2) is None
    assert findings(state, 2) == ()


def test_results_stand_in_order_of_completion_with_all_their_figures() -> None:
    results = as_json(three())["results"]
    assert [(row["order"], row["n"], row["value"], row["digits"]) for row in results] == [
        (1, 2, "2", 1),
        (2, 1, "1", 1),
        (3, 3, "6", 1),
    ]
    assert results[0] == {
        "n": 2,
        "value": "2",
        "digits": 1,
        "worker": "thread 2",
        "seconds": 0.001,
        "order": 1,
        "error": None,
        "status": "done",
        "queue_wait": 0.001,
        "at": 0.002,
        "cpu_s": 0.001,
        "collected": 2,
    }


def test_the_time_axis_begins_at_the_first_submission() -> None:
    state = fold(initial(FactorialsParams()), opened())
    assert state.t0 == T0 - 20 * MS
    state = fold(fold(state, submitted(1)), TaskEvent(T0 + 5, "2", "submitted"))
    assert state.t0 == T0


def test_a_number_that_a_thread_begins_is_running_and_stands_before_the_queued_ones() -> None:
    records = [opened(), *(submitted(n) for n in (1, 2, 3)), *done(2, "thread 2", 2, 1)]
    state = told(FactorialsParams(first=1, last=3), [*records, TaskEvent(T0 + 3 * MS, "3", "started", "thread 1")])
    assert [(number.n, number.status, number.worker) for number in state.others] == [
        (3, "running", "thread 1"),
        (1, "queued", ""),
    ]
    assert state.lanes.now["thread 1"] == Span("thread 1", "running", T0 + 3 * MS, None, "3")
    assert (state.done, state.total) == (1, 3)
    assert verdict(state, 2) is None


def test_a_span_that_comes_late_does_not_hide_what_runs_now() -> None:
    records = [
        opened(),
        Actor(T0, "thread 1", "started"),
        TaskEvent(T0, "1", "started", "thread 1"),
        TaskEvent(T0 + 4 * MS, "2", "started", "thread 1"),
        *done(1, "thread 1", 3, 3),
    ]
    state = told(FactorialsParams(), records)
    assert state.lanes.now["thread 1"].item == "2"
    assert [span.item for span in state.lanes.spans] == ["1"]


def test_a_failed_number_has_its_error_and_counts_as_done() -> None:
    state = three(failure=NEGATIVE)
    failed = as_json(state)["results"][2]
    assert (failed["value"], failed["digits"], failed["status"]) == (None, None, "failed")
    assert failed["error"] == messages.failure(3, NEGATIVE, 10)
    assert state.done == state.total == 3


def test_a_value_may_come_after_its_number_is_done() -> None:
    result, task, span = done(3, "thread 1", 2, 1)
    early = told(FactorialsParams(), [opened(), submitted(3), task, span])
    assert (early.completed[0].status, early.completed[0].value) == ("done", None)
    late = fold(early, result)
    assert (late.completed[0].value, late.completed[0].digits) == ("6", 1)


def test_what_was_not_done_when_the_run_ended_is_cancelled() -> None:
    records = [
        opened(),
        *(submitted(n) for n in range(1, 6)),
        *done(1, "thread 1", 1, 1, order=1),
        TaskEvent(T0, "2", "started", "thread 1"),
        TaskEvent(T0, "3", "ended", outcome=TaskOutcome("cancelled")),
    ]
    state = told(FactorialsParams(first=1, last=5), [*records, End(T0 + 9 * MS, "stopped")])
    assert {number.n: number.status for number in state.others} == dict.fromkeys((2, 3, 4, 5), "cancelled")
    said = verdict(state, 2)
    assert said is not None
    assert said.headline == "Stopped after 1 of 5 results."


def test_a_run_that_lost_its_worker_says_how_much_is_left() -> None:
    records = [opened(), submitted(1), submitted(2), *done(1, "process 1", 1, 1, order=1)]
    records.append(End(T0 + 9 * MS, "failed", "A worker process died."))
    state = told(FactorialsParams(first=1, last=2, kind="process"), records)
    said = verdict(state, 2)
    assert said is not None
    assert said.headline == "Ended after 1 of 2 results."
    assert state.reason == "A worker process died."


def test_a_run_without_a_single_result_has_no_verdict() -> None:
    assert verdict(told(FactorialsParams(), [opened(), End(T0, "stopped")]), 2) is None


def test_work_of_one_worker_after_the_other_is_told_apart_from_waiting_for_the_gil() -> None:
    records = [opened(), submitted(1), *done(1, "thread 1", 2, 2), *done(2, "thread 1", 4, 2)]
    state = told(FactorialsParams(first=1, last=2), records)
    assert time_use(state, times(state)) is TimeUse.GIL_BOUND


@pytest.mark.parametrize(
    ("kind", "gil", "expected"),
    [
        ("thread", True, TimeUse.WAITED_FOR_GIL),
        ("thread", False, TimeUse.ONE_AT_A_TIME),
        ("process", True, TimeUse.ONE_AT_A_TIME),
    ],
)
def test_two_workers_that_computed_for_half_of_their_time_blame_the_gil_only_where_it_is(
    kind: str, gil: bool, expected: TimeUse
) -> None:
    """Each is 4 ms inside a number and 2 ms of that on a CPU, in 4 ms together."""
    records = [
        opened(gil),
        submitted(1),
        *done(1, f"{kind} 1", 4, 4, cpu_s=0.002),
        *done(2, f"{kind} 2", 4, 4, cpu_s=0.0019),
    ]
    state = told(FactorialsParams(first=1, last=2, workers=2, kind=kind), records)  # type: ignore[arg-type]
    spent = times(state)
    assert (spent.span, spent.computing, spent.inside) == pytest.approx((0.004, 0.0039, 0.008))
    assert time_use(state, spent) is expected


@pytest.mark.parametrize(("kind", "gil"), [("thread", False), ("process", True)])
def test_workers_that_computed_at_the_same_time_are_no_loss(kind: str, gil: bool) -> None:
    state = three(kind=kind, gil=gil)
    assert time_use(state, times(state)) is TimeUse.PARALLEL


def test_little_work_in_much_time_is_overhead() -> None:
    records = [opened(), submitted(1), *done(1, "thread 1", 10, 0.01), *done(2, "thread 2", 10, 0.01)]
    state = told(FactorialsParams(first=1, last=2), records)
    assert time_use(state, times(state)) is TimeUse.OVERHEAD


def test_numbers_compute_for_no_longer_than_they_took_and_the_verdict_gives_both_sums() -> None:
    records = [opened(), submitted(1), *done(1, "thread 1", 5, 0.01, cpu_s=0.00002), *done(2, "thread 2", 9, 0.03)]
    state = told(FactorialsParams(first=1, last=2), records)
    spent = times(state)
    assert (spent.computing, spent.inside) == pytest.approx((0.00004, 0.00004))
    said = verdict(state, 2)
    assert said is not None
    assert "CPU time of the tasks, which took 40.0\u00a0µs together" in said.rest


def test_the_verdict_and_the_finding_about_the_order_do_not_contradict_each_other() -> None:
    """1 before 2 by `as_completed`, 2 before 1 by the workers."""
    said = verdict(three(), 2)
    assert said is not None
    assert said.headline == messages.order([2, 1, 3], 2)


def test_a_worker_that_got_no_task_is_not_counted_among_those_that_worked() -> None:
    actors = [Actor(T0, f"thread {number}", "started") for number in (1, 2)]
    records: list[Record] = [opened(), *actors, submitted(1)]
    state = told(FactorialsParams(first=1, last=2, workers=2), [*records, *done(1, "thread 2", 2, 1)])
    assert workers_with_tasks(state) == 1


def test_a_finding_tells_that_as_completed_gave_another_order() -> None:
    finding = findings(three(), 2)[0]
    assert finding.holds is False
    assert finding.numbers == {"differ": 2}


def test_a_finding_offers_a_longer_limit_where_one_was_reached() -> None:
    finding = findings(three(failure=TaskFailure("time limit", 1)), 2)[1]
    assert finding.check == "time limit reached"
    assert finding.numbers["late"] == 1
    assert finding.remedy["time_limit"] == 60
    FactorialsParams(**finding.remedy)


def test_the_table_has_a_row_a_number_and_a_column_a_figure() -> None:
    records = [
        opened(),
        submitted(1),
        *done(1, "thread 1", 2, 1, order=1),
        *done(3, "thread 2", 3, 1, failure=TaskFailure("exception", message="broken")),
    ]
    header, table = rows(told(FactorialsParams(first=1, last=3), records))
    assert all(len(row) == len(header) for row in table)
    assert [dict(zip(header, row, strict=True))["n"] for row in table] == [1, 3, 2]
    assert dict(zip(header, table[1], strict=True))["error"] == "broken"
    assert dict(zip(header, table[2], strict=True)) == {
        **dict.fromkeys(header, ""),
        "n": 2,
        "status": "queued",
    }


@pytest.mark.parametrize(
    "record",
    [
        Sample(T0, "map", "2", 1, 0.5),
        Count(T0, "left_out", {"span": 3}),
        Printed(T0, "stdout", "hello"),
        Progress(T0, 1, 2),
        Failure(T0, "ValueError", "broken"),
        Result(T0, Seed(4)),
    ],
)
def test_other_records_leave_the_state_as_it_is(record: Record) -> None:
    state = three(end=False)
    assert fold(state, record) is state


@given(st.lists(st.integers(), unique=True))
def test_overtaken_are_those_that_come_after_a_greater_one(order: list[int]) -> None:
    assert overtaken(order) == sum(any(other > n for other in order[:place]) for place, n in enumerate(order))


@given(st.permutations(range(1, 13)), st.sets(st.integers(1, 12)))
def test_the_order_comes_from_the_stamps_and_not_from_that_of_the_records(order: list[int], failing: set[int]) -> None:
    records: list[Record] = [opened(), submitted(1)]
    for n in range(1, 13):
        records += done(n, "thread 1", 1 + order.index(n), 1, failure=NEGATIVE if n in failing else None)
    state = told(FactorialsParams(first=1, last=12), records)
    shown = as_json(state)
    assert [row["n"] for row in shown["results"]] == order
    assert [row["order"] for row in shown["results"]] == list(range(1, 13))
    assert {row["n"] for row in shown["results"] if row["error"]} == failing
    assert (shown["done"], shown["total"]) == (12, 12)
    json.dumps(shown, allow_nan=False)


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_real_run_folds_to_all_its_results(kind: str) -> None:
    params = FactorialsParams(first=-2, last=200, kind=kind)  # type: ignore[arg-type]
    state = told(params, perform("factorials", params.model_dump()))
    shown = as_json(state)
    assert {row["n"]: row["value"] for row in shown["results"]} == {
        n: str(math.factorial(n)) if n >= 0 else None for n in range(-2, 201)
    }
    assert all(row["digits"] == len(row["value"]) for row in shown["results"] if row["value"])
    assert [row["at"] for row in shown["results"]] == sorted(row["at"] for row in shown["results"])
    assert (shown["done"], shown["total"], shown["others"]) == (203, 203, [])
    assert state.outcome == "finished"
    assert {row["worker"] for row in shown["results"]} <= set(state.lanes.actors)
    assert not state.lanes.now
    assert len(state.lanes.spans) == 203
    assert {number.n for number in state.numbers if number.status == "failed"} == {-2, -1}
