"""A run as people read it: the answer first, no column that says nothing, in every width."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pytest
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.library.answer import answer_of, as_text, columns, is_said, wrapped
from poolscope.library.html_answer import as_html
from poolscope.runs.run import Run, Status

from tests.experiments.pool_benchmark.invented_runs import LOUD, about, told

MAPS = {"serial": about(640), "thread 2": about(655), "process 2": about(335), "process 4": about(334)}


def ended(maps: Mapping[str, Sequence[float]] = MAPS, **how: Any) -> Run:
    state, which_pool = told(maps, **how), EXPERIMENTS["which-pool"]
    run = Run("wp-0009", which_pool, state.params, status=Status.FINISHED, state=state)
    run.conditions = {"usable_cpus": 2}
    return run


def text(width: int, **how: Any) -> str:
    return as_text(answer_of(ended(**how), lambda remedy: f"again {remedy}"), width, where_more="--json")


@pytest.mark.parametrize("width", [80, 120, 400])
def test_the_answer_comes_first_then_what_was_found_then_the_table(width: int) -> None:
    shown = text(width, noise=LOUD)
    places = [shown.index(words) for words in ("Use 2", "Findings:", "again {", "wp-0009", "plain loop │")]
    assert places[0] == 0
    assert places == sorted(places)
    assert all(len(line) <= width or "again" in line for line in shown.splitlines())
    assert "\x1b" not in shown
    assert "…" not in shown


def test_what_to_run_again_is_said_with_its_change_and_its_time() -> None:
    answer = answer_of(ended(noise=LOUD), lambda remedy: f"again {remedy}")
    offered = [advice for advice in answer.advice if advice.again]
    assert offered
    for advice in offered:
        assert advice.sentence
        assert re.search(r"\S, which takes about\s\d+", advice.change)
        assert f"Try: {advice.change}:" in as_text(answer, 400, where_more="--json")
        assert escape(advice.change) in as_html(answer)


def test_a_column_without_room_is_named_and_none_is_cut() -> None:
    answer = answer_of(ended())
    assert "No room here for" not in as_text(answer, 120, where_more="--json")
    narrow = as_text(answer, 80, where_more="--json")
    left_out = [name for name in answer.header if name in narrow.partition("No room here for")[2]]
    assert left_out == list(answer.header[-len(left_out) :])
    assert all(answer.header[place] in narrow for place in range(3))


@pytest.mark.parametrize(
    ("rows", "common", "kept"),
    [
        ([("a", 1, None), ("b", 1, "")], (("second", 1),), (0,)),
        ([("a", 1, None)], (), (0, 1)),
        ([("a", 1, None), ("a", 2, 3)], (("first", "a"),), (1, 2)),
        ([], (), ()),
    ],
)
def test_a_column_that_is_empty_or_the_same_is_left_out(rows: Any, common: Any, kept: Any) -> None:
    assert columns(("first", "second", "third"), rows) == (common, kept)


def test_a_finding_that_the_verdict_says_already_is_not_said_twice() -> None:
    told_already = "The plain loop wins: pools cost more, break-even about 12 µs an item. And more."
    assert is_said("Handing over costs more: break-even about 12 µs an item.", told_already)
    assert not is_said("Handing over costs more: break-even about 13 µs an item.", told_already)
    assert not is_said("It printed nothing.", told_already)


def test_a_head_is_as_narrow_as_its_cells() -> None:
    assert wrapped("memory, MiB a worker", 6) == "memory,\nMiB a\nworker"
    assert wrapped("map, ms", 9) == "map, ms"


def test_html_is_escaped_and_stands_for_itself() -> None:
    answer = answer_of(ended(skipped={"process 4": "<script>alert('x')</script> & more"}), lambda _: "<again>")
    html = as_html(answer)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<tr>") == len(answer.rows) + 1
    assert not any(word in html for word in ("http", "href", "src="))
