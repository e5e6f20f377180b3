"""The wording of factorials' verdicts, failures and findings."""

from __future__ import annotations

import pytest
from poolscope.experiments.factorials import messages
from poolscope.experiments.factorials.judgement import TimeSpent, TimeUse
from poolscope.protocol.records import TaskFailure

SPENT = TimeSpent(span=0.004, computing=0.0039, inside=0.008)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ([7], "The result of 7 came back."),
        ([1, 2], "Results came back in order, 1 to 2."),
        ([2, 1, 3], "Results came back as 2, 1, 3."),
        (
            [2, 1, *range(3, 1_001)],
            "Results came back out of order: 1 of 1\u202f000 were overtaken by a later one.",
        ),
    ],
)
def test_a_short_order_is_named_and_a_long_one_summed_up(numbers: list[int], sentence: str) -> None:
    assert messages.order(numbers) == sentence


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ([1, 2, 3], "Tasks were completed in order, 1 to 3; as_completed handed 2 of 3 over in another place."),
        ([2, 1, 3], "Tasks were completed as 2, 1, 3; as_completed handed 2 of 3 over in another place."),
    ],
)
def test_the_order_of_completion_is_told_apart_from_that_of_as_completed(numbers: list[int], sentence: str) -> None:
    assert messages.order(numbers, 2) == sentence


def test_of_a_larger_pool_it_is_told_how_many_workers_got_a_task() -> None:
    said = messages.time_spent(10, 5, 4, "thread", TimeUse.OVERHEAD, SPENT, 4)
    assert "in a pool of 5\u00a0threads, of which 4 got a task, from" in said


def test_a_run_that_ended_early_says_how_much_is_left() -> None:
    assert messages.unfinished(1, 5, stopped=True) == ("Stopped after 1 of 5 results.", "4 were cancelled.")
    assert messages.unfinished(1, 2, stopped=False) == ("Ended after 1 of 2 results.", "1 was lost.")


def test_the_gil_is_named_only_where_it_is_the_cause() -> None:
    said = {use: messages.time_spent(2, 2, 2, "thread", use, SPENT, 4) for use in TimeUse}
    assert all(sentence.startswith("2\u00a0numbers took 4.00\u00a0ms in 2\u00a0threads") for sentence in said.values())
    assert {use for use, sentence in said.items() if "GIL" in sentence} == {TimeUse.WAITED_FOR_GIL, TimeUse.GIL_BOUND}
    assert said[TimeUse.PARALLEL].endswith("on average 1.0 workers computed at a time on 4\u00a0usable CPUs.")


def test_failures_are_named_up_to_a_dozen() -> None:
    assert messages.failures([]) == ""
    assert messages.failures([3, 1]) == "2 failed: 1, 3."
    assert messages.failures(list(range(20))).endswith(", 11, ….")


def test_a_number_that_ran_into_its_limit_says_how_far_it_came() -> None:
    said = messages.failure(3000, TaskFailure("time limit", 512), 0.5)
    assert said == "3000! ran into its limit of 0.5 s after 512 of 2\u202f999 factors."
