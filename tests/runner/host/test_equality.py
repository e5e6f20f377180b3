"""Whether results are the same, where == is enough, where it is not, and where it can't be told."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from collections import OrderedDict, namedtuple
from datetime import UTC, datetime
from typing import Any

import pytest
from poolscope.runner.host.equality import MOST_PARTS, digest, same, same_in_any_order

Pair = namedtuple("Pair", "x y")


class Plain:
    """Without an __eq__, so that a copy is not equal to it."""

    def __init__(self, *held: Any) -> None:
        self.held = held


class Ambiguous(Plain):
    """As an array, whose == has no single answer."""

    def __eq__(self, other: object) -> Any:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


class Unseen:
    """As a lock: it can't be taken apart."""

    def __reduce_ex__(self, _: object) -> str:
        raise TypeError("no")


@pytest.mark.parametrize(
    "value",
    [
        [1, "two", 3.0, None, b"4"],
        {"a": {1, 2}, "b": (True,)},
        10**5000,
        math.nan,
        [math.nan],
        Plain([1], {2}),
        Ambiguous(1),
        Pair(1, 2),
        OrderedDict(a=1),
        datetime(2026, 1, 1, tzinfo=UTC),
        Plain,
        len,
        [[]] * 3,
    ],
    ids=[
        "plain",
        "sets",
        "long",
        "nan",
        "nan within",
        "without eq",
        "ambiguous",
        "named",
        "ordered",
        "date",
        "class",
        "builtin",
        "thrice",
    ],
)
def test_a_copy_is_the_same(value: Any) -> None:
    assert same(value, copy.deepcopy(value)) is True
    assert digest(value) == digest(copy.deepcopy(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        ([1, 2], [2, 1]),
        ("1", b"1"),
        ({"a": 1}, {"a": 2}),
        ([[], [1]], [[1], []]),
        (Plain(1), Plain(2)),
        (Ambiguous([1]), Ambiguous([2])),
        (math.nan, 1.0),
        ("ab", "a"),
        (["a", "b"], ["ab"]),
    ],
    ids=["number", "order", "text", "value", "depth", "without eq", "ambiguous", "nan", "length", "split"],
)
def test_another_value_is_not(one: Any, other: Any) -> None:
    assert same(one, other) is False


def test_what_can_not_be_seen_can_not_be_told() -> None:
    assert same([Unseen()], [Unseen()]) is None
    ring: list[Any] = [Ambiguous(1)]
    ring.append(ring)
    assert digest(ring) is None
    assert digest(range(MOST_PARTS)) is not None, "it has three parts only"
    assert digest([0] * (MOST_PARTS + 1)) is None


def test_a_digest_is_another_process_s_too() -> None:
    """Strings have another hash there, so sets come in another order."""
    value = {"numbers": [1.5, 2**70], "words": {"a", "b", "c", "d", "e"}}
    found = digest(value)
    assert found is not None
    assert found.plain
    program = f"from poolscope.runner.host.equality import digest; print(digest({value!r}).text)"
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == found.text


def test_what_is_not_built_in_is_not_plain() -> None:
    found = digest([1, Plain(2)])
    assert found is not None
    assert not found.plain


def test_results_may_come_in_any_order() -> None:
    assert same_in_any_order([1, Plain(2), 1], [Plain(2), 1, 1]) is True
    assert same_in_any_order([1, 2, 1], [1, 2, 2]) is False
    assert same_in_any_order([1], [1, 1]) is False
    assert same_in_any_order([Unseen(), 1], [1, Unseen()]) is None
