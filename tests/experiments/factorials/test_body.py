"""Factorials in real threads and processes, each in a runner of its own: values, order, failures, stops and deaths."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from poolscope.experiments.factorials.attempt import CutShort, attempt, factorial
from poolscope.experiments.factorials.body import ranges
from poolscope.experiments.factorials.params import FactorialsParams
from poolscope.experiments.factorials.payloads import FactorialComputed
from poolscope.protocol.records import Actor, Progress, Record, Result, Span, TaskEvent, TaskFailure, TaskOutcome

from tests.children import Child, end_of, perform, runner
from tests.waiting import until, until_gone

KINDS = pytest.mark.parametrize("kind", ["thread", "process"])
BROKEN_OFF = 4_000  # numbers from here on take long enough to be stopped or killed in the middle


@pytest.fixture(autouse=True)
def long_numbers() -> Iterator[None]:
    """Let numbers of any length become text here, as the body does in the runner."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(before)


def asked(**params: Any) -> dict[str, Any]:
    return FactorialsParams(**params).model_dump()


@cache
def performed(kind: str, workers: int) -> list[Record]:
    """The records of one run of the default numbers, which tests share."""
    return perform("factorials", asked(kind=kind, workers=workers))


def ended(records: list[Record]) -> dict[int, TaskEvent]:
    """The end of each number; there is exactly one."""
    ends = [record for record in records if isinstance(record, TaskEvent) and record.event == "ended"]
    by_n = {int(task.task): task for task in ends}
    assert len(by_n) == len(ends)
    return by_n


def values(records: list[Record]) -> dict[int, str]:
    return {
        record.payload.n: record.payload.digits
        for record in records
        if isinstance(record, Result) and isinstance(record.payload, FactorialComputed)
    }


def outcome(task: TaskEvent) -> TaskOutcome:
    assert task.outcome is not None
    return task.outcome


def with_status(tasks: dict[int, TaskEvent], status: str) -> set[int]:
    return {n for n, task in tasks.items() if outcome(task).status == status}


@KINDS
@pytest.mark.parametrize("workers", [1, 5, 64])
def test_every_number_comes_back_with_its_value(kind: str, workers: int) -> None:
    records = performed(kind=kind, workers=workers)
    assert end_of(records).outcome == "finished"
    assert values(records) == {n: str(math.factorial(n)) for n in range(1, 11)}
    tasks = ended(records)
    assert sorted(tasks) == list(range(1, 11))
    assert sorted(outcome(task).order or 0 for task in tasks.values()) == list(range(1, 11))
    assert with_status(tasks, "done") == set(tasks)
    progress = [record for record in records if isinstance(record, Progress)]
    assert [(one.done, one.total) for one in progress] == [(done, 10) for done in range(1, 11)]


@KINDS
def test_each_number_has_its_times_and_a_span_of_a_worker_that_was_introduced(kind: str) -> None:
    records = perform("factorials", asked(kind=kind, first=0, last=300, workers=4))
    tasks = ended(records)
    submitted = {
        int(record.task): record.t
        for record in records
        if isinstance(record, TaskEvent) and record.event == "submitted"
    }
    introduced: set[str] = set()
    gone: Counter[str] = Counter()
    spans = {}
    for record in records:
        if isinstance(record, Actor) and record.event == "started":
            assert record.actor not in introduced
            assert record.what == kind
            assert (record.pid is None) == (kind == "thread")
            introduced.add(record.actor)
        elif isinstance(record, Actor):
            gone[record.actor] += 1
        elif isinstance(record, Span):
            assert record.actor in introduced
            spans[int(record.item)] = record
    assert introduced <= {f"{kind} {number}" for number in range(1, 5)}
    assert gone == Counter(introduced)
    assert spans.keys() == tasks.keys() == submitted.keys() == set(range(301))
    for n, task in tasks.items():
        span = spans[n]
        assert span.t1 is not None
        assert submitted[n] <= span.t0 <= span.t1 == task.t
        assert span.actor == task.actor
        assert span.state == "running"
        assert outcome(task).seconds == (span.t1 - span.t0) / 1e9
        assert outcome(task).queue_wait == (span.t0 - submitted[n]) / 1e9
        assert (outcome(task).cpu_s or 0) >= 0
    by_actor: dict[str, list[Span]] = {}
    for span in sorted(spans.values(), key=lambda span: span.t0):
        by_actor.setdefault(span.actor, []).append(span)
    for own in by_actor.values():  # a worker does one number at a time
        assert all(one.t1 <= other.t0 for one, other in pairwise(own) if one.t1 is not None)


def test_a_thread_says_at_once_that_it_begins_a_number() -> None:
    begun: set[int] = set()
    for record in performed(kind="thread", workers=5):
        if isinstance(record, TaskEvent) and record.event == "started":
            begun.add(int(record.task))
            assert record.actor.startswith("thread ")
        elif isinstance(record, TaskEvent) and record.event == "ended":
            assert int(record.task) in begun
    assert begun == set(range(1, 11))


@KINDS
def test_a_negative_number_fails_and_the_others_go_on(kind: str) -> None:
    records = perform("factorials", asked(kind=kind, first=-3, last=3, workers=2))
    assert end_of(records).outcome == "finished"
    assert values(records) == {0: "1", 1: "1", 2: "2", 3: "6"}
    found = {n: outcome(task).failure for n, task in ended(records).items()}
    negative = TaskFailure("negative number")
    assert found == {-3: negative, -2: negative, -1: negative, 0: None, 1: None, 2: None, 3: None}
    failed = {int(record.item) for record in records if isinstance(record, Span) and record.state == "failed"}
    assert failed == {-3, -2, -1}


@KINDS
def test_the_longest_numbers_come_back_digit_by_digit(kind: str) -> None:
    records = perform("factorials", asked(kind=kind, first=4_991, last=5_000))
    told = values(records)
    assert len(told[5_000]) == 16_326
    assert told == {n: str(math.factorial(n)) for n in range(4_991, 5_001)}


@KINDS
def test_a_number_that_runs_into_its_limit_really_ends_and_the_others_go_on(kind: str) -> None:
    # Thousands of multiplications and sixteen workers on any machine: some take longer than a millisecond.
    records = perform("factorials", asked(kind=kind, first=4_901, last=5_000, workers=16, time_limit=0.001))
    assert end_of(records).outcome == "finished"
    tasks = ended(records)
    assert sorted(tasks) == list(range(4_901, 5_001))
    late = {n: outcome(task) for n, task in tasks.items() if outcome(task).status == "failed"}
    assert late
    for n, ended_late in late.items():
        assert ended_late.failure is not None
        assert ended_late.failure.code == "time limit"
        assert 0 <= (ended_late.failure.factors or 0) < n
        assert (ended_late.seconds or 0) > 0.001
    assert values(records).keys() == tasks.keys() - late.keys()


@KINDS
def test_a_stop_keeps_what_is_done_cancels_the_rest_and_leaves_no_process(kind: str) -> None:
    with runner("factorials", asked(kind=kind, first=BROKEN_OFF, last=4_999, workers=2)) as child:
        child.until(lambda record: isinstance(record, TaskEvent) and record.event == "ended")
        workers = psutil.Process(child.process.pid).children(recursive=True)
        child.stop()
        records = child.to_the_end()
        until_gone(workers)
    assert end_of(records).outcome == "stopped"
    tasks = ended(records)
    assert sorted(tasks) == list(range(BROKEN_OFF, 5_000))
    given_up = with_status(tasks, "cancelled")
    assert 0 < len(given_up) < 1_000
    told = values(records)
    assert told.keys() == tasks.keys() - given_up
    assert all(told[n] == str(math.factorial(n)) for n in told)


@KINDS
def test_a_stop_before_anything_was_submitted_cancels_all(kind: str) -> None:
    with runner("factorials", asked(kind=kind, first=BROKEN_OFF, last=4_999, workers=2)) as child:
        child.stop()
        records = child.to_the_end()
    assert end_of(records).outcome == "stopped"
    tasks = ended(records)
    assert sorted(tasks) == list(range(BROKEN_OFF, 5_000))
    assert values(records).keys() == tasks.keys() - with_status(tasks, "cancelled")


def first_result(child: Child) -> int:
    """Wait for a process's first result; return its pid."""
    actor = child.until(lambda record: isinstance(record, Actor))
    assert isinstance(actor, Actor)
    assert actor.pid is not None
    child.until(lambda record: isinstance(record, TaskEvent) and record.event == "ended")
    return actor.pid


def test_a_killed_worker_fails_the_run_with_a_reason_and_keeps_what_came_back() -> None:
    with runner("factorials", asked(kind="process", first=BROKEN_OFF, last=4_999, workers=2)) as child:
        pid = first_result(child)
        workers = psutil.Process(child.process.pid).children(recursive=True)
        os.kill(pid, signal.SIGKILL)
        records = child.to_the_end()
        until_gone(workers)
    tasks = ended(records)
    assert sorted(tasks) == list(range(BROKEN_OFF, 5_000))
    lost = with_status(tasks, "cancelled")
    told = values(records)
    assert told.keys() == tasks.keys() - lost
    assert 0 < len(told) < 1_000
    end = end_of(records)
    assert end.outcome == "failed"
    assert end.reason.startswith("A worker process died (")
    assert end.reason.endswith(
        f"and its pool with it: {len(told)} of 1000 results are kept, lost are those of {ranges(sorted(lost))}."
    )


def writes(process: psutil.Process) -> bool:
    """Whether a process is in the system call write, by its number on x86 or ARM."""
    return Path(f"/proc/{process.pid}/syscall").read_text().split()[0] in ("1", "64")


@pytest.mark.skipif(not os.access("/proc/self/syscall", os.R_OK), reason="needs /proc to see that a worker writes")
def test_workers_killed_in_the_middle_of_a_result_do_not_hang_the_run() -> None:
    with runner("factorials", asked(kind="process", first=BROKEN_OFF, last=4_999, workers=16)) as child:
        first_result(child)
        workers = [
            process
            for process in psutil.Process(child.process.pid).children(recursive=True)
            if "resource_tracker" not in " ".join(process.cmdline())
        ]
        # With the reader held up the pipe fills, and each worker waits: one to write on, the others for their turn.
        # Where they had too little to do for that, they get the next numbers first.
        try:
            for _ in range(20):
                os.kill(child.process.pid, signal.SIGSTOP)
                until(lambda: all(process.status() == psutil.STATUS_SLEEPING for process in workers), "a pause of all")
                if any(writes(process) for process in workers):
                    break
                os.kill(child.process.pid, signal.SIGCONT)
                child.until(lambda record: isinstance(record, TaskEvent) and record.event == "ended")
            for process in workers:
                process.kill()
        finally:
            os.kill(child.process.pid, signal.SIGCONT)
        records = child.to_the_end()
    assert end_of(records).outcome == "failed"
    assert "lost are those of" in end_of(records).reason
    tasks = ended(records)
    assert sorted(tasks) == list(range(BROKEN_OFF, 5_000))
    assert values(records).keys() == tasks.keys() - with_status(tasks, "cancelled")


def test_the_user_s_loop_gives_the_factorial_and_looks_up_every_few_hundred_factors() -> None:
    looks: list[int] = []
    for n in (0, 1, 2, 3, 255, 256, 257, 258, 259, 512, 513, 514, 1_000):
        looks.clear()
        assert factorial(n, looks.append) == math.factorial(n)
        assert looks == [done for done in (256, 512, 768) if done < n - 1]


def test_a_look_can_end_the_loop() -> None:
    def late(factors: int) -> None:
        raise TimeoutError(factors)

    with pytest.raises(TimeoutError, match="256"):
        factorial(5_000, late)
    assert factorial(200, late) == math.factorial(200)


def test_an_attempt_is_cut_short_by_a_stop_and_then_has_neither_value_nor_error() -> None:
    cut = attempt(5_000, 60, lambda: True)
    assert (cut.value, cut.failure, cut.pid) == (None, None, os.getpid())
    assert cut.started <= cut.ended
    assert issubclass(CutShort, Exception)


def test_numbers_are_named_in_few_words() -> None:
    assert ranges([]) == ""
    assert ranges([4]) == "4"
    assert ranges([-1, 0, 1, 5, 7, 8]) == "-1 to 1, 5, 7 to 8"
