"""Time left, from the run's own pace and from guesses before there is one."""

from __future__ import annotations

from poolscope.runner.progress import Pace


def test_without_a_ground_nothing_is_said() -> None:
    assert Pace({}).now() == (0, 0, None)
    assert Pace({"a": 2, "b": 1}, {"a": 1.0}).now() == (0, 3, None)


def test_an_arm_that_was_not_passed_yet_takes_as_long_as_guessed() -> None:
    pace = Pace({"a": 3, "b": 1}, {"a": 10.0, "b": 5.0})
    assert pace.now() == (0, 4, 35.0)
    pace.took("a", 1.0)
    assert pace.now() == (1, 4, 2 * 1.0 + 5.0)


def test_the_first_pass_counts_only_until_there_is_another() -> None:
    pace = Pace({"a": 4})
    pace.took("a", 9.0)
    pace.took("a", 1.0)
    assert pace.now() == (2, 4, 2.0)


def test_what_was_passed_of_a_dropped_arm_stays_done() -> None:
    pace = Pace({"a": 3, "b": 2}, {"a": 1.0, "b": 1.0})
    pace.took("b", 1.0)
    pace.drop("b")
    assert pace.now() == (1, 4, 3.0)
