"""What records of failures mean: outcomes, what surfaced, what was left, matrix and verdict; without processes."""

from __future__ import annotations

from typing import Any, Literal

from poolscope.experiments.failures import messages
from poolscope.experiments.failures.catalogue import SCENARIOS, TASKS
from poolscope.experiments.failures.export import as_json, left, matrix, rows
from poolscope.experiments.failures.messages import endings
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.failures.payloads import (
    CaseBegan,
    CaseBroken,
    CaseEnding,
    CaseExited,
    CaseLeftovers,
    CaseMoment,
    CaseOutcome,
    FaultMade,
    TasksKept,
    TasksLost,
)
from poolscope.experiments.failures.state import FailuresState, fold, initial
from poolscope.experiments.failures.verdict import findings, verdict
from poolscope.protocol.records import Actor, End, Failure, Record, Result, Span

from tests.openings import opening


def told(*scenarios: str, records: list[Record], end: str = "finished") -> FailuresState:
    state = initial(FailuresParams(scenarios=list(scenarios)))
    for record in [opening(python="3.11.7"), *records, *([End(10**10, end)] if end else [])]:
        state = fold(state, record)
    return state


def begins(t: int, scenario: str, case: str = "") -> list[Record]:
    config = f"{scenario}: {case}" if case else scenario
    return [Result(t, CaseBegan(scenario, case), config), Actor(t, "main", "started")]


def ends(t: int, code: int = 0, by_us: bool = False, processes: tuple[str, ...] = ()) -> list[Record]:
    exited = CaseExited(code, f"ended with exit code {code}", ended_by_us=by_us, seconds=0.5)
    return [Result(t, exited), Result(t, CaseLeftovers(processes))]


def outcome(ending: CaseEnding) -> Record:
    return Result(9, CaseOutcome(ending, "So it was."))


def moment(t: int, state: Literal["failed", "running"]) -> Record:
    return Result(t, CaseMoment("something", state, "main"))


def row(state: FailuresState) -> dict[str, Any]:
    first: dict[str, Any] = as_json(state)["scenarios"][0]
    return first


def test_a_scenario_that_did_not_run_yet_says_so() -> None:
    state = told("deadlock", records=[], end="")
    assert row(state)["outcome"] == "not run yet"
    assert row(state)["exception"] is None
    assert verdict(state, 2) is None


def test_a_case_under_way_runs_and_one_that_a_stop_ended_is_stopped() -> None:
    assert (
        row(told("deadlock", records=begins(1, "deadlock", "threads, opposite order"), end=""))["outcome"] == "running"
    )
    cut = [*begins(1, "deadlock", "threads, opposite order"), *ends(9, -9, by_us=True)]
    assert row(told("deadlock", records=cut, end="stopped"))["outcome"] == "stopped"
    assert row(told("deadlock", records=cut))["outcome"] == "ended by us"


def test_a_process_that_died_before_it_could_tell_is_told_by_its_exit() -> None:
    seen = row(told("side-by-side", records=[*begins(1, "side-by-side", "exits / ThreadPoolExecutor"), *ends(9, 7)]))
    assert seen["outcome"] == "process died"
    assert "ended with exit code 7" in seen["cases"][0]["sentence"]
    assert seen["lost"] == ["everything that the process had"]
    assert seen["surfaced_in"] == "nowhere"


def test_of_tasks_in_a_process_that_died_none_is_kept_and_all_are_counted() -> None:
    state = told("side-by-side", records=[*begins(1, "side-by-side", "exits / ThreadPoolExecutor"), *ends(9, 7)])
    (case,) = state.of("side-by-side")
    assert (len(case.kept), case.tasks) == (0, TASKS)
    (cell,) = matrix(state)
    assert (cell["kept"], cell["lost"]) == (0, TASKS)
    flood = [*begins(1, "output-flood", "read with a bound"), Result(2, TasksKept(("the first 16 bytes",))), *ends(9)]
    assert told("output-flood", records=flood).of("output-flood")[0].tasks == 0  # bytes are no tasks


def test_what_surfaced_comes_with_its_traceback_and_the_time_since_the_fault() -> None:
    records: list[Record] = [
        *begins(1_000, "thread-queue"),
        moment(2_000_000, "failed"),
        Failure(5_000_000, "ValueError", "no", "Traceback …", "the main thread"),
        Result(6, TasksKept(("a",))),
        Result(6, TasksLost(("b", "c"))),
        outcome(CaseEnding.RAISED),
        *ends(9),
    ]
    seen = row(told("thread-queue", records=records))
    assert seen["exception"] == {"type": "ValueError", "message": "no", "traceback": "Traceback …"}
    assert (seen["surfaced_in"], seen["kept"], seen["lost"]) == ("the main thread", ["a"], ["b", "c"])
    assert seen["cases"][0]["noticed_s"] == 0.003
    assert seen["seconds"] == 0.5


def test_records_belong_to_the_case_that_began_last() -> None:
    records = [*begins(1, "time-limit", "process"), outcome(CaseEnding.TIMED_OUT), *ends(2)]
    records += [
        *begins(3, "time-limit", "thread"),
        Span("main", "blocked", 3, 4),
        outcome(CaseEnding.CANT_BE_ENDED),
        *ends(5),
    ]
    state = told("time-limit", records=records)
    assert [case.ending for case in state.of("time-limit")] == ["timed out", "can't be ended"]
    assert [len(case.lanes.spans) for case in state.of("time-limit")] == [0, 1]
    assert row(state)["outcome"] == "timed out"
    assert [line[:3] for line in rows(state)[1]] == [
        ("time-limit", "process", "timed out"),
        ("time-limit", "thread", "can't be ended"),
    ]


def test_the_story_is_in_order_of_time_whoever_wrote_first() -> None:
    records = [*begins(1, "thread-queue"), moment(5, "failed"), moment(3, "running"), *ends(9)]
    assert [one.t for one in told("thread-queue", records=records).of("thread-queue")[0].moments] == [3, 5]


def test_what_the_sentinel_finds_is_named_with_its_case_and_is_a_finding() -> None:
    clean = told("thread-queue", records=[*begins(1, "thread-queue"), outcome(CaseEnding.RAISED), *ends(9)])
    assert not any(left(clean).values())
    assert [finding.holds for finding in findings(clean, 2)] == [True]
    messy = [*begins(1, "thread-queue"), outcome(CaseEnding.RAISED), *ends(9, processes=("pid 7: python",))]
    state = told("thread-queue", records=messy)
    assert left(state)["processes"] == ["pid 7: python (thread-queue)"]
    assert row(state)["orphans"] == ["pid 7: python"]
    (finding,) = findings(state, 2)
    assert finding.holds is False
    assert finding.numbers["processes"] == 1


def test_the_matrix_has_a_cell_for_each_case_that_was_run() -> None:
    records = [*begins(1, "side-by-side", "raises / Pool"), outcome(CaseEnding.RAISED), *ends(9)]
    (cell,) = matrix(told("side-by-side", records=records))
    assert (cell["fault"], cell["tool"], cell["outcome"]) == ("raises", "Pool", "raised")


def test_the_verdict_is_the_scenarios_own_or_counts_who_was_not_told() -> None:
    one = verdict(told("thread-queue", records=[*begins(1, "thread-queue"), outcome(CaseEnding.RAISED), *ends(9)]), 2)
    assert one is not None
    assert one.headline == "So it was."
    records = [*begins(1, "time-limit", "process"), outcome(CaseEnding.TIMED_OUT), *ends(2)]
    records += [*begins(3, "deadlock", "threads, opposite order"), outcome(CaseEnding.DEADLOCK), *ends(5)]
    two = verdict(told("time-limit", "deadlock", records=records), 2)
    assert two is not None
    assert two.headline == "1 of 2\u00a0failures went unreported."
    records = [*begins(1, "worker-killed", "one"), outcome(CaseEnding.RAISED), *ends(2)]
    records += [*begins(3, "worker-killed", "other"), outcome(CaseEnding.DEADLOCK), *ends(5)]
    alone = verdict(told("worker-killed", records=records), 2)
    assert alone is not None
    assert alone.rest.startswith(SCENARIOS["worker-killed"].explanation)


def test_the_cure_and_a_task_that_is_only_late_are_no_failures() -> None:
    records = [*begins(1, "deadlock", "threads, opposite order"), outcome(CaseEnding.DEADLOCK), *ends(2)]
    records += [*begins(3, "deadlock", "threads, same order"), outcome(CaseEnding.NO_DEADLOCK), *ends(4)]
    seen = verdict(told("deadlock", records=records), 2)
    assert seen is not None
    assert seen.headline == messages.headline(1, 1)
    assert messages.not_counted(0, 1) in seen.rest
    records = [*begins(1, "side-by-side", "too long / Pool"), outcome(CaseEnding.NO_ANSWER_IN_TIME), *ends(2)]
    records += [*begins(3, "side-by-side", "raises / Pool"), outcome(CaseEnding.RAISED), *ends(4)]
    seen = verdict(told("side-by-side", records=records), 2)
    assert seen is not None
    assert seen.headline == messages.headline(0, 1)
    assert messages.not_counted(1, 0) in seen.rest


def test_a_flood_that_was_contained_is_no_failure_and_a_worker_that_was_is_one() -> None:
    flood = [*begins(1, "output-flood", "read with a bound"), outcome(CaseEnding.CONTAINED), *ends(2)]
    worker = [*begins(1, "memory-limit"), Failure(2, "MemoryError", "", "", "stderr"), *flood[2:]]
    assert [
        told(name, records=seen).of(name)[0].well for name, seen in (("output-flood", flood), ("memory-limit", worker))
    ] == [True, False]


def test_a_case_that_did_not_end_says_which_of_both_ended_it() -> None:
    cut = [*begins(1, "thread-queue"), *ends(9, -9, by_us=True)]
    sentences = {
        end: row(told("thread-queue", records=cut, end=end))["cases"][0]["sentence"] for end in ("stopped", "finished")
    }
    assert "the run was stopped" in sentences["stopped"]
    assert "its time was over" in sentences["finished"]


def test_a_case_that_broke_itself_is_said_to_have() -> None:
    records = [*begins(1, "thread-queue"), Result(3, CaseBroken("Traceback …\nTypeError: oh")), *ends(9)]
    state = told("thread-queue", records=records)
    assert row(state)["outcome"] == "broken"
    assert [finding.holds for finding in findings(state, 2)] == [True, False]
    assert "TypeError: oh" in findings(state, 2)[1].sentence


def test_a_case_that_was_not_tried_is_not_counted() -> None:
    records = [*begins(1, "side-by-side", "raises / Pool"), outcome(CaseEnding.RAISED), *ends(2)]
    records += [
        *begins(3, "side-by-side", "raises / InterpreterPoolExecutor"),
        outcome(CaseEnding.NOT_IN_THIS_PYTHON),
        *ends(4),
    ]
    seen = verdict(told("side-by-side", records=records), 2)
    assert seen is not None
    assert seen.headline == "The failure was reported."
    cut = [*begins(1, "side-by-side", "raises / Pool"), *ends(9, -9, by_us=True)]
    assert verdict(told("side-by-side", records=cut, end="stopped"), 2) is None


def test_a_process_that_died_without_a_word_is_counted_as_unreported_and_stands_for_no_other_case() -> None:
    records = [*begins(1, "side-by-side", "exits / ThreadPoolExecutor"), *ends(2, 7)]
    records += [*begins(3, "side-by-side", "exits / ProcessPoolExecutor"), outcome(CaseEnding.POOL_BROKEN), *ends(4)]
    state = told("side-by-side", records=records)
    seen = verdict(state, 2)
    assert seen is not None
    assert seen.headline.replace("\N{NO-BREAK SPACE}", " ") == "1 of 2 failures went unreported."
    assert endings([case.ending for case in state.cases.values()]) == "process died in 1, pool broken in 1"
    assert endings(["raised", "raised"]) == "raised"


def test_the_time_until_it_was_noticed_counts_from_the_first_fault() -> None:
    records: list[Record] = [
        *begins(1_000, "central-logging"),
        Result(2_000_000, FaultMade("thread 1")),
        Failure(5_000_000, "ZeroDivisionError", "division by zero", "Traceback …", "the log"),
        Result(7_000_000, FaultMade("process 1")),
        outcome(CaseEnding.LOGGED),
        *ends(9),
    ]
    assert row(told("central-logging", records=records))["cases"][0]["noticed_s"] == 0.003
