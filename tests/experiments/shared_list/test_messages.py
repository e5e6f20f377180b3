"""The wording of a shared list's log and verdicts."""

from __future__ import annotations

from poolscope.experiments.shared_list import messages
from poolscope.experiments.shared_list.judgement import Agreement, Disagreement
from poolscope.experiments.shared_list.params import SharedListParams
from poolscope.experiments.shared_list.payloads import ListCounts
from poolscope.experiments.shared_list.state import fold, initial
from poolscope.protocol.records import Contents, Result

T0 = 1_000_000_000


def test_the_words_of_the_log_are_those_of_the_program() -> None:
    step = Contents(T0, "producer 1", "added", 47, [72, 90, 47], 3)
    assert messages.log_line(step) == "Added: 47 | Current List: [72, 90, 47]"
    assert messages.log_line(Contents(T0, "c", "removed", 72, [90, 47], 2)) == "Removed: 72 | Current List: [90, 47]"
    assert messages.log_line(Contents(T0, "c", "empty", None, [], 0)) == "List is empty, nothing to remove."
    assert (
        messages.log_line(Contents(T0, "p", "added", 5, [4, 5], 12)) == "Added: 5 | Current List: [… 10 older …, 4, 5]"
    )


def test_a_disagreement_names_both_numbers() -> None:
    lost = messages.disagreement(Disagreement("added", 40, 48))
    assert lost == "the counter of numbers added says 40, the threads added 48"
    assert messages.disagreement(Disagreement("length", 3, 4)) == "added − removed is 3, the list holds 4"
    assert messages.disagreement(Disagreement("robbed", 0, 1)).startswith("once a consumer found the list emptied")
    assert messages.disagreement(Disagreement("robbed", 0, 2)).startswith("2 times")


def test_a_verdict_says_first_whether_the_numbers_agree() -> None:
    state = fold(initial(SharedListParams()), Result(T0, ListCounts(1, 0, length=1, really_added=1)))
    headlines = {outcome: messages.verdict(outcome, state).headline for outcome in Agreement}
    assert headlines[Agreement.AGREED] == "The invariant holds"
    assert headlines[Agreement.LOST_UPDATES] == headlines[Agreement.BROKEN_CHECK] == "The numbers disagree."
    assert not any(headline.endswith(":") for headline in headlines.values())  # it also stands alone
    assert headlines[Agreement.LUCKY].startswith("Nothing was lost in 1 steps")
    assert "a lost update" in messages.verdict(Agreement.LOST_UPDATES, state).rest
