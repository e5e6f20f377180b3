"""The wording of what the server says about failures."""

from __future__ import annotations

from poolscope.experiments.failures import messages


def test_a_headline_counts_who_was_not_told() -> None:
    assert messages.headline(1, 2) == "In 1 of 2\u00a0cases nobody who waited was told."
    assert messages.headline(0, 1) == "Nobody waited in vain."
    assert messages.headline(0, 3) == "Nobody waited in vain in any of 3\u00a0cases."


def test_many_scenarios_are_not_all_named() -> None:
    assert messages.untold([]) == ""
    assert messages.untold(["One", "Two"]) == "These were: One and Two."
    assert messages.untold(list("abcdefg")) == "These were: a, b, c, d and others."


def test_what_was_left_is_named_by_kind() -> None:
    assert messages.leftovers({"processes": [], "threads": []}) == messages.NOTHING_LEFT
    found = {"processes": ["pid 7: python (thread-queue)"], "threads": []}
    assert messages.leftovers(found) == "Left and then ended: processes: pid 7: python (thread-queue)."
