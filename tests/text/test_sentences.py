"""Templates of sentences: what stands for a fact, what is left out, which word follows a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from poolscope.text import sentences
from poolscope.text.numbers import GAP
from poolscope.text.sentences import Noun, Part, fill

TABLE = {
    "figures": "a map of {seconds:duration}",
    "two": "{first:duration} and {second}",
    "nested": "Slow: {figures}.",
    "chosen": "{which}.",
    "optional": "It took {seconds:duration}[, or about {items:about} items][ ({why})].",
    "verb": "{config} {config:maps/map} in {count} {count:chunk/chunks}.",
    "list": "Names: {names}; {names:it/them}.",
    "either": "Use {names:or}.",
    "part": "{share:percent} of the time",
}


@pytest.mark.parametrize(
    ("name", "facts", "text"),
    [
        ("two", {"first": 0.105, "second": "x"}, "105 ms and x"),
        ("nested", {"seconds": 2.0}, "Slow: a map of 2.00 s."),
        ("chosen", {"which": Part("figures"), "seconds": 2.0}, "a map of 2.00 s."),
        ("optional", {"seconds": 1.0, "items": 5089, "why": "so"}, "It took 1.00 s, or about 5 090 items (so)."),
        ("optional", {"seconds": 1.0, "items": None}, "It took 1.00 s."),
        ("verb", {"config": Noun("2 threads", plural=True), "count": 1}, "2 threads map in 1 chunk."),
        ("verb", {"config": Noun("asyncio"), "count": 3}, "asyncio maps in 3 chunks."),
        ("list", {"names": ["a", "b", "c"]}, "Names: a, b and c; them."),
        ("list", {"names": ("a",)}, "Names: a; it."),
        ("either", {"names": ["a", "b"]}, "Use a or b."),
        ("part", {"share": 0.34}, "34% of the time"),
        ("part", {"share": 0.004}, "<1% of the time"),
    ],
)
def test_a_template_is_filled_in(name: str, facts: dict[str, Any], text: str) -> None:
    filled = fill(TABLE, name, facts)
    assert filled.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ") == text


def test_a_fact_with_brackets_or_braces_is_no_template() -> None:
    assert fill(TABLE, "chosen", {"which": "Item [1, 2] of {x}"}) == "Item [1, 2] of {x}."


def test_a_fact_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill(TABLE, "two", {"first": 0.1})


@pytest.mark.parametrize(
    ("values", "text"),
    [((), ""), (("a",), "a"), ((1, 2), "1 and 2"), ((1, 2, 4), "1, 2 and 4"), ((n for n in "ab"), "a and b")],
)
def test_a_list_ends_with_and(values: Iterable[object], text: str) -> None:
    assert sentences.format_list(values) == text


def test_only_the_first_letter_of_a_sentence_changes() -> None:
    assert sentences.capital("in 2 ProcessPoolExecutor workers") == "In 2 ProcessPoolExecutor workers"
    assert sentences.capital("") == ""


def test_workers_agree_with_their_number() -> None:
    workers = [sentences.workers(*sizes).replace(GAP, " ") for sizes in ((1,), (4,), (2, 4, 6))]
    assert workers == ["1 worker", "4 workers", "2, 4 and 6 workers"]
