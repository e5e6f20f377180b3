"""The wording of what cases and the server say about failures."""

from __future__ import annotations

from poolscope.experiments.failures import endings, messages


def test_a_headline_counts_who_was_not_told() -> None:
    assert messages.headline(1, 2) == "1 of 2\u00a0failures went unreported."
    assert messages.headline(0, 1) == "The failure was reported."
    assert messages.headline(0, 3) == "All 3 failures were reported."
    assert messages.headline(0, 0) == "Nothing failed."


def test_what_is_no_failure_is_named_with_its_reason() -> None:
    assert messages.not_counted(0, 0) == ""
    assert messages.not_counted(0, 1) == "Not counted: 1\u00a0case in which nothing failed."
    said = "Not counted: 3\u00a0cases in which a task was only late and 1\u00a0case in which nothing failed."
    assert messages.not_counted(3, 1) == said


def test_many_scenarios_are_not_all_named() -> None:
    assert messages.untold([]) == ""
    assert messages.untold(["One", "Two"]) == "They are in: One and Two."
    assert messages.untold(list("abcdefg")) == "They are in: a, b, c, d and others."


def test_what_was_left_is_named_by_kind() -> None:
    assert messages.leftovers({"processes": [], "threads": []}) == messages.NOTHING_LEFT
    found = {"processes": ["pid 7: python (thread-queue)"], "threads": []}
    assert messages.leftovers(found) == "Left and then ended: processes: pid 7: python (thread-queue)."


def test_a_pool_that_does_not_answer_names_its_tasks_and_why() -> None:
    had = endings.results_kept(7, 8)
    said = endings.no_answer(had, 0.5, ["task 5"], 3.0, [])
    assert said == "7 of 8 results kept; no answer within 0.5 s for task 5, which takes 3 s."
    assert endings.no_answer(had, 0.5, ["task 5"], 0.0, ["ValueError"]).endswith("for task 5, ValueError for others.")
    assert endings.no_answer(had, 0.5, ["task 5"], 0.0, []).endswith("for task 5.")


def test_closing_a_pool_says_what_it_ended_and_what_it_could_not() -> None:
    assert endings.pool_closed(1, 0) == "Closing ended 1 worker process; 0 left"
    assert endings.pool_closed(2, 1) == "Closing ended 2 worker processes; 1 left"
    assert endings.pool_closed(0, 0) == "No worker process was left to end; 0 left"
    assert "can't end a thread at work: 1 left" in endings.threads_left(1)


def test_an_interrupt_counts_what_was_kept_and_printed() -> None:
    assert endings.interrupted(2, 6, 1).startswith("2 of 6 results kept; ")
    assert endings.interrupted(2, 6, 1).endswith("KeyboardInterrupt once.")
    assert endings.interrupted(2, 6, 2).endswith("KeyboardInterrupt 2 times.")
