"""What a sharing run means, from records written here: rows, JSON, verdicts and checks, at every stage of a run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from poolscope.experiments.sharing.charts import chart
from poolscope.experiments.sharing.export import as_json, rows
from poolscope.experiments.sharing.findings import findings
from poolscope.experiments.sharing.params import SharingParams
from poolscope.experiments.sharing.payloads import DemonstrationBegan, LockTotals, StepLine, ToolFailed, ToolOutcome
from poolscope.experiments.sharing.state import SharingState, fold, initial
from poolscope.experiments.sharing.verdict import verdict
from poolscope.protocol.payloads import NoiseReading, Seed
from poolscope.protocol.records import Actor, End, Failure, Printed, Progress, Record, Result, Sample, Span

from tests.openings import opening


def outcome(
    tool: str,
    expected: int | None = 100,
    actual: int | None = 100,
    *,
    correct: bool | None = None,
    lost: int | None = None,
    missing: str | None = None,
    segment_gone: bool | None = None,
) -> Result:
    found = ToolOutcome(
        expected,
        actual,
        correct=expected == actual if correct is None else correct,
        facts=(("seen", "it"),),
        threads=(LockTotals("thread 1", 1, 0.1, 2, 0.2),),
        lost=lost,
        missing=missing,
        segment_gone=segment_gone,
        operations=1000,
    )
    return Result(1, found, tool)


def noise(wall_s: float, busy_s: float | None) -> NoiseReading:
    return NoiseReading(wall_s, busy_s, 1.0, None, None, 2)


def rounds(tool: str, *seconds: float) -> list[Record]:
    return [Sample(2, "round", tool, repetition, took) for repetition, took in enumerate((9.0, *seconds))]


def folded(tools: str, *records: Record, **params: Any) -> SharingState:
    now = initial(SharingParams(tools=[tools], **{"repeats": 3, **params}))
    for record in records:
        now = fold(now, record)
    return now


def test_before_the_first_record_every_tool_is_queued() -> None:
    now = folded("all")
    assert {row.phase for row in now.rows} == {"queued"}
    assert as_json(now)["tools"] == []
    assert len(as_json(now)["waiting"]) == len(now.rows) == 15
    assert verdict(now, 2) is None
    assert findings(now, 2) == ()
    assert rows(now)[1] == []
    assert now.total == 15 * 5


def test_a_tool_is_running_then_timing_then_done() -> None:
    now = folded("lock", Result(1, DemonstrationBegan(), "lock"))
    assert [row.phase for row in now.rows] == ["running"]
    now = fold(now, outcome("lock"))
    assert [(row.phase, row.correct) for row in now.rows] == [("timing", True)]
    for record in rounds("lock", 0.5, 0.25, 0.2):
        now = fold(now, record)
    assert [row.phase for row in now.rows] == ["done"]
    assert list(now.rows[0].rates) == [2000.0, 4000.0, 5000.0]
    assert list(now.order) == [("lock", 1), ("lock", 2), ("lock", 3)]


def test_the_warm_up_counts_for_nothing() -> None:
    assert folded("lock", outcome("lock"), *rounds("lock")).rows[0].rounds == ()


def test_the_json_has_the_contracts_fields() -> None:
    now = folded("lock", opening("sharing"), outcome("lock"), *rounds("lock", 0.5))
    told = as_json(now)
    (tool,) = told["tools"]
    assert (tool["tool"], tool["between"], tool["expected"], tool["actual"]) == ("lock", "threads", 100, 100)
    assert tool["correct"] is True
    assert tool["operations_per_s"] == {"median": 2000, "low": None, "high": None, "samples": [2000]}
    assert tool["threads"] == [{"name": "thread 1", "waits": 1, "wait_s": 0.1, "holds": 2, "hold_s": 0.2}]
    assert tool["explanation"]
    assert told["start_method"] == "fork"


def test_spans_go_to_the_tool_whose_actor_they_name() -> None:
    lanes: list[Record] = [
        Actor(1, "pipe · asks", "started"),
        Span("pipe · asks", "running", 1, 2),
        Span("who · else", "running", 1, 2),
    ]
    now = folded("lock, pipe", *lanes)
    assert now.row("pipe") is not None
    assert [row.lanes.actors for row in now.rows] == [(), ("pipe · asks",)]
    assert [len(row.lanes.spans) for row in now.rows] == [0, 1]


def test_what_says_nothing_here_changes_nothing() -> None:
    now = folded("lock")
    assert fold(now, Printed(1, "stdout", "x")) is now
    assert fold(now, outcome("pipe")) is now
    assert fold(now, Sample(1, "round", "pipe", 1, 1.0)) is now
    assert fold(now, Sample(1, "other", "lock", 1, 1.0)) is now


def test_a_single_right_tool_is_said_with_its_price() -> None:
    now = folded("lock", outcome("lock"), *rounds("lock", 0.5, 0.5, 0.5))
    said = verdict(now, 2)
    assert said is not None
    assert said.headline == "threading.Lock is right (100); an addition under Lock costs 500\N{NO-BREAK SPACE}µs."


def test_lost_updates_are_the_expected_outcome_without_a_guard() -> None:
    now = folded("none", outcome("none", 100, 25, lost=75), *rounds("none", 1, 1, 1))
    assert now.rows[0].as_it_should is True
    assert str(verdict(now, 2)).startswith("No guard: 75% of the updates are lost, 25 counted instead of 100")
    lost = {finding.check: finding for finding in findings(now, 2)}["without a guard updates are lost"]
    assert (lost.holds, dict(lost.numbers)) == (True, {"none": 0.75})


def test_a_few_lost_updates_are_not_said_to_be_none() -> None:
    few = [outcome("none", 6000, 5990, lost=10), *rounds("none", 1, 1, 1)]
    alone = str(verdict(folded("none", *few), 2))
    now = folded("lock, none", outcome("lock"), *rounds("lock", 1, 1, 1), *few)
    lost = {finding.check: finding for finding in findings(now, 2)}["without a guard updates are lost"]
    assert ["<1%" in words for words in (alone, str(verdict(now, 2)), lost.sentence)] == [True] * 3


def test_no_update_lost_without_a_guard_is_called_luck() -> None:
    now = folded("none", outcome("none", lost=0), *rounds("none", 1, 1, 1))
    assert "which is luck" in str(verdict(now, 2))
    lost = {finding.check: finding for finding in findings(now, 2)}["without a guard updates are lost"]
    assert lost.holds is None


def test_one_worker_alone_has_nobody_to_race_with() -> None:
    now = folded("none", outcome("none", lost=0), *rounds("none", 1, 1, 1), workers=1)
    assert "nobody to race with" in str(verdict(now, 2))


def test_all_right_and_all_lost_in_one_sentence() -> None:
    now = folded(
        "lock, value, none, value-unguarded",
        outcome("lock"),
        outcome("value"),
        outcome("none", 100, 25, lost=75),
        outcome("value-unguarded", 100, 40, lost=60),
        *(sample for tool in ("none", "value-unguarded") for sample in rounds(tool, 1, 1, 1)),
        *rounds("lock", 0.1, 0.11, 0.12),
        *rounds("value", 1.0, 1.1, 1.2),
    )
    said = verdict(now, 2)
    assert said is not None
    assert said.headline == (
        "Both guarded tools are right; without a guard threads lose 75% and processes 60% of their updates, "
        "interrupted between reading and writing."
    )
    assert "An addition under Lock costs 110" in said.rest
    assert "under Value 10.0× as much" in said.rest


def test_no_difference_is_said_where_none_is_shown() -> None:
    now = folded(
        "lock, rlock", outcome("lock"), outcome("rlock"), *rounds("lock", 1, 2, 3), *rounds("rlock", 1.1, 2.1, 2.9)
    )
    assert "the data can't separate them" in str(verdict(now, 2))


def test_a_wrong_guarded_tool_comes_first() -> None:
    now = folded("lock, pipe", outcome("lock", 100, 99), outcome("pipe"), End(9, "finished"))
    assert str(verdict(now, 2)).startswith("threading.Lock is wrong: 100 expected, 99 found.")
    right = {finding.check: finding for finding in findings(now, 2)}["every guarded tool is right"]
    assert right.holds is False


def test_a_tool_that_is_not_on_this_python_is_neither_right_nor_wrong() -> None:
    now = folded(
        "lock, interpreters",
        outcome("lock"),
        outcome("interpreters", None, None, correct=False, missing="Not here."),
        *rounds("lock", 1, 1, 1),
    )
    row = now.row("interpreters")
    assert row is not None
    assert (row.phase, row.correct, row.as_it_should) == ("missing", None, None)
    told = as_json(now)
    assert [tool["tool"] for tool in told["tools"]] == ["lock"]
    assert told["missing"] == [{"tool": "interpreters", "reason": "Not here."}]
    assert "concurrent.interpreters: not on this Python." in str(verdict(now, 2))
    assert rows(now)[1][1][2] == "not on this Python"


def test_a_run_of_only_what_is_not_here_still_says_so() -> None:
    now = folded("interpreters", outcome("interpreters", None, None, correct=False, missing="Not here."))
    assert "not on this Python" in str(verdict(now, 2))


def test_a_run_that_was_stopped_says_what_was_not_run() -> None:
    now = folded("lock, pipe", outcome("lock"), End(9, "stopped"))
    assert "multiprocessing.Pipe: not run." in str(verdict(now, 2))
    assert folded("lock, pipe", End(9, "stopped")).outcome == "stopped"
    assert verdict(folded("lock, pipe", End(9, "stopped")), 2) is None


@pytest.mark.parametrize("gone", [True, False])
def test_a_segment_that_is_left_is_a_finding(gone: bool) -> None:
    now = folded("shared-memory", outcome("shared-memory", segment_gone=gone))
    check = {each.check: each for each in findings(now, 2)}["the shared memory segment is gone afterwards"]
    assert check.holds is gone


@pytest.mark.parametrize(("seconds", "holds", "operations"), [(0.01, False, None), (0.0001, True, 20_000)])
def test_rounds_that_are_too_short_have_a_remedy(seconds: float, holds: bool, operations: int | None) -> None:
    now = folded("lock", outcome("lock"), *rounds("lock", seconds, seconds, seconds))
    check = {each.check: each for each in findings(now, 2)}["rounds are too short to be timed well"]
    assert check.holds is holds
    assert check.remedy.get("operations") == operations


@pytest.mark.parametrize(("busy", "disturbed"), [(5.0, True), (1.0, False), (None, None)])
def test_a_run_beside_something_busy_says_so(busy: float | None, disturbed: bool | None) -> None:
    now = folded("lock", outcome("lock"), *rounds("lock", 1, 1, 1), Result(3, noise(10.0, busy)))
    check = findings(now, 2)[-1]
    assert (check.check, check.holds) == ("something else disturbed the run", disturbed)
    assert ("take the figures with care" in str(verdict(now, 2))) is (disturbed is True)


@pytest.mark.parametrize(
    ("tools", "gil", "others", "disturbed", "sentence"),
    [
        (
            "lock, queue",
            True,
            0.36,
            None,
            "Other programs kept 0.36 of 2 CPUs busy: no more than the 1 that our workers",
        ),
        (
            "lock, queue",
            True,
            1.5,
            True,
            "Other programs kept 1.50 of 2 CPUs busy: more than the 1 that our workers left",
        ),
        ("lock, queue", True, 0.1, False, "Other programs kept 0.10 of 2 CPUs busy."),
        (
            "lock, queue",
            False,
            0.36,
            True,
            "Other programs kept 0.36 of 2 CPUs busy: our workers could use all of them.",
        ),
        (
            "lock, value",
            True,
            0.36,
            True,
            "Other programs kept 0.36 of 2 CPUs busy: our workers could use all of them.",
        ),
    ],
)
def test_threads_of_one_gil_leave_the_other_cpus_to_other_programs(
    tools: str, gil: bool, others: float, disturbed: bool | None, sentence: str
) -> None:
    shown = [record for name in tools.split(", ") for record in (outcome(name), *rounds(name, 1, 1, 1))]
    now = folded(tools, opening("sharing", gil=gil), *shown, Result(3, noise(10.0, 1.0 + 10 * others)))
    check = findings(now, 2)[-1]
    assert (check.check, check.holds) == ("something else disturbed the run", disturbed)
    assert sentence in check.sentence


def test_a_tool_that_this_python_has_not_used_no_cpu() -> None:
    shown = (outcome("lock"), *rounds("lock", 1, 1, 1), outcome("interpreters", None, None, missing="Not here."))
    now = folded("lock, interpreters", opening("sharing"), *shown, Result(3, noise(10.0, 4.6)))
    assert findings(now, 2)[-1].holds is None


def test_the_end_and_the_way_there_are_kept() -> None:
    now = folded(
        "lock",
        Progress(1, 2, 5, 3.0, "warm-up"),
        Result(1, Seed(7)),
        Result(1, noise(1.0, None)),
        Result(1, StepLine("depth", ((1, 2),)), "lock"),
        Failure(1, "E", "broke"),
        End(2, "failed", "x"),
    )
    assert (now.done, now.total, now.note, now.seed, now.failure) == (2, 5, "warm-up", 7, "broke")
    assert (now.outcome, now.reason, now.seconds_left) == ("failed", "x", None)
    assert now.rows[0].step_line == StepLine("depth", ((1, 2),))
    assert as_json(now)["noise"]["wall_s"] == 1.0


def test_the_chart_has_a_dot_a_round_and_a_median_with_its_interval() -> None:
    now = folded("lock, pipe", outcome("lock"), *rounds("lock", 1, 2, 4))
    drawn = chart(now, 2)
    assert [row["rate"] for row in drawn["reps"]] == [1000, 500, 250]
    (row,) = drawn["summary"]
    assert (row["tool"], row["rate"], row["lo"], row["hi"]) == ("threading.Lock", 500, 250, 1000)


def test_a_tool_that_raises_fails_alone_and_says_what() -> None:
    failed, died = ToolFailed("ValueError", "No.", "Traceback …"), ToolFailed("WorkerDied", "Worker 2 died.", "", True)
    now = folded(
        "lock, pipe, queue",
        outcome("lock"),
        Result(1, failed, "pipe"),
        outcome("queue"),
        Result(2, died, "queue"),
        *rounds("lock", 0.5, 0.25, 0.2),
    )
    assert [(row.tool.name, row.phase) for row in now.rows] == [
        ("lock", "done"),
        ("pipe", "failed"),
        ("queue", "failed"),
    ]
    told = as_json(now)
    assert [tool["tool"] for tool in told["tools"]] == ["lock", "queue"]
    assert told["failed"] == [{"tool": "pipe", **asdict(failed)}, {"tool": "queue", **asdict(died)}]
    assert told["waiting"] == []
    said = verdict(now, 2)
    assert said is not None
    assert "multiprocessing.Pipe failed: ValueError: No." in said.rest
    assert "queue.Queue failed: Worker 2 died." in said.rest
    finding = findings(now, 2)[0]
    assert (finding.check, finding.holds) == ("every tool did its work", False)
    assert [line[2] for line in rows(now)[1]] == ["right", "ValueError: No.", "Worker 2 died."]
