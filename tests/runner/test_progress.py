"""Time left, from the run's own repetitions and from guesses before there are any."""

from __future__ import annotations

from poolscope.runner.progress import ProgressEstimator


def test_without_a_ground_no_time_is_estimated() -> None:
    assert ProgressEstimator({}).estimate() == (0, 0, None)
    assert ProgressEstimator({"a": 2, "b": 1}, {"a": 1.0}).estimate() == (0, 3, None)


def test_a_configuration_that_was_not_executed_yet_takes_as_long_as_guessed() -> None:
    progress = ProgressEstimator({"a": 3, "b": 1}, {"a": 10.0, "b": 5.0})
    assert progress.estimate() == (0, 4, 35.0)
    progress.record("a", 1.0)
    assert progress.estimate() == (1, 4, 2 * 1.0 + 5.0)


def test_the_first_repetition_counts_only_until_there_is_another() -> None:
    progress = ProgressEstimator({"a": 4})
    progress.record("a", 9.0)
    progress.record("a", 1.0)
    assert progress.estimate() == (2, 4, 2.0)


def test_repetitions_of_a_dropped_configuration_stay_done() -> None:
    progress = ProgressEstimator({"a": 3, "b": 2}, {"a": 1.0, "b": 1.0})
    progress.record("b", 1.0)
    progress.drop("b")
    assert progress.estimate() == (1, 4, 3.0)
