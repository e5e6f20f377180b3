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


def test_what_was_measured_of_a_configuration_is_known_after_it_was_given_up() -> None:
    estimator = ProgressEstimator({"one": 3, "two": 3}, {"one": 0.1, "two": 0.1})
    estimator.record("one", 2.0)
    estimator.drop("one")
    estimator.drop("two")
    assert [estimator.expected_s(config) for config in ("one", "two")] == [2.0, 0.1]
    assert estimator.estimate()[:2] == (1, 1)
