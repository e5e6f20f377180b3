"""What a function finds again at its next call is seen wherever it is kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache, partial, wraps
from itertools import count
from typing import Any

import pytest
from poolscope.runner.host.kept_state import cache_misses, kept_data, kept_digests, random_states

seen: dict[int, int] = {}
deck = random.Random(3)


class Reader:
    known: dict[int, int] = {}  # noqa: RUF012  (that is the form)

    def __init__(self) -> None:
        self.found: dict[int, int] = {}
        self.generator = random.Random(5)

    def read(self, number: int) -> int:
        self.found[number] = number
        return number

    def learn(self, number: int) -> int:
        self.known[number] = number
        return number

    @classmethod
    def teach(cls, number: int) -> int:
        cls.known[number] = number
        return number

    def draw(self, number: int) -> float:
        return self.generator.random()

    def __call__(self, number: int) -> int:
        return self.read(number)


reader = Reader()


def by_global(number: int) -> int:
    seen[number] = number
    return number


def by_class(number: int) -> int:
    return Reader.teach(number)


def by_object(number: int) -> int:
    return reader.read(number)


def by_attribute(number: int) -> int:
    memo: dict[int, int] = by_attribute.__dict__.setdefault("memo", {})
    memo[number] = number
    return number


def by_default(number: int, known: dict[int, int] = {}) -> int:  # noqa: B006  (that is the form)
    known[number] = number
    return number


def by_argument(known: dict[int, int], number: int) -> int:
    known[number] = number
    return number


def counting(function: Callable[[int], int]) -> Callable[[int], int]:
    calls: list[int] = []

    @wraps(function)
    def counted(number: int) -> int:
        calls.append(number)
        return function(number)

    return counted


@counting
def by_closure(number: int) -> int:
    return number


@cache
def cached(number: int) -> int:
    return number


def uses_a_cache(number: int) -> int:
    return cached(number)


class Proxy:
    """Stands for what isn't there yet, as those of web frameworks do."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("outside of a request")

    def __call__(self, number: int) -> int:
        return number


proxy = Proxy()


def asks_a_proxy(number: int) -> int:
    seen[number] = number
    return proxy(number)


def shuffles(number: int) -> float:
    return deck.random()


def reads(number: int) -> int:
    return len(seen) + number


by_attribute(0)
numbers = count(1000)
FORMS: dict[str, tuple[Callable[[int], Any], tuple[str, ...]]] = {
    "global": (by_global, ("seen",)),
    "class": (by_class, ("Reader.known",)),
    "class method": (Reader.teach, ("Reader.known",)),
    "class by object": (Reader().learn, ("Reader.known",)),
    "object": (by_object, ("Reader.found",)),
    "method": (Reader().read, ("Reader.found",)),
    "callable object": (Reader(), ("Reader.found",)),
    "function": (by_attribute, ("by_attribute.memo",)),
    "default": (by_default, ("known",)),
    "partial": (partial(by_argument, {}), ("known",)),
    "closure": (by_closure, ("calls",)),
    "nothing": (reads, ()),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_call_changes_is_named(form: str) -> None:
    function, names = FORMS[form]
    before = kept_digests(function)
    function(next(numbers))
    after = kept_digests(function)
    assert tuple(sorted(name for name in after if before.get(name) != after[name])) == names


def test_the_generator_of_an_object_is_known_by_its_attribute() -> None:
    draw = Reader().draw
    for function, name in ((draw, "Reader.generator"), (shuffles, "deck")):
        before = random_states(function)
        function(1)
        after = random_states(function)
        assert [one for one in after if before[one] != after[one]] == [name]


def test_a_cache_of_functools_is_known_by_what_it_computed() -> None:
    assert cache_misses(reads) == {}
    for function in (cached, uses_a_cache):
        before, number = cache_misses(function), next(numbers)
        function(number)
        function(number)
        assert cache_misses(function) == {"cached": before["cached"] + 1}


def test_an_object_that_can_not_be_asked_is_passed_over() -> None:
    assert kept_data(asks_a_proxy) == {"seen": seen}
    assert kept_digests(Proxy()) == {}
    assert cache_misses(asks_a_proxy) == {}


def test_what_a_function_carries_is_left_out_where_asked() -> None:
    assert "Reader.found" not in kept_data(Reader().read, carried=False)
    assert kept_data(by_default, carried=False) == {}
    assert kept_data(by_closure, carried=False) == {}
    assert "Reader.known" in kept_data(Reader().learn, carried=False)
