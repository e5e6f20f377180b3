"""Which part of a work can't be sent to a worker, in a sentence that names it."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest
from poolscope.runner.host.pickling import first_unsendable, parcel, short, unsendable


def module_level(value: Any) -> Any:
    return value


def replaced(value: Any) -> Any:
    return value


original, replaced = replaced, module_level
unnamed = lambda value: value  # noqa: E731


class Holder:
    def __init__(self, **held: Any) -> None:
        self.__dict__.update(held)

    def method(self, value: Any) -> Any:
        return value


class Picky(Exception):
    """Its pickle can't be read: pickle calls the class with the message alone."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


class Silent:
    def __repr__(self) -> str:
        raise RuntimeError


def inner() -> Any:
    def nested(value: Any) -> Any:
        return value

    return nested


@pytest.mark.parametrize(
    "value",
    [module_level, partial(module_level, 1), Holder(a=1).method, [1, "a", {2}], len, Holder, None],
    ids=["function", "partial", "method", "list", "built-in", "class", "nothing"],
)
def test_what_can_be_sent_needs_no_sentence(value: Any) -> None:
    assert unsendable(value, "the function") is None


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        (unnamed, "The function is a lambda, which has no name"),
        (inner(), f"The function is {__name__}.inner.<locals>.nested, defined inside another function"),
        (original, f"The function is a function that a worker would not find as {__name__}.replaced: PicklingError:"),
        (partial(module_level, unnamed), "The argument 0 of the function is a lambda"),
        (partial(unnamed, 1), "What the function calls is a lambda"),
        (
            Holder(lock=threading.Lock()).method,
            "The attribute lock of the object of the function is a lock, which can't",
        ),
        (
            {"deep": [1, Holder(io=threading)]},
            "The attribute io of the entry 1 of the entry 'deep' of the function is the module threading, and",
        ),
        ((n for n in "ab"), "The function is a generator, which can't be pickled: TypeError:"),
        (Picky("a", "b"), "The function can be pickled, but not made from its pickle again: TypeError:"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_part_that_can_not_be_sent_is_named(value: Any, begins: str) -> None:
    sentence = unsendable(value, "the function")
    assert sentence is not None
    assert sentence.startswith(begins)
    assert sentence.endswith(".")
    assert " at 0x" not in sentence


def test_the_first_of_many_is_named() -> None:
    assert first_unsendable([1, 2, unnamed, inner()], "item") == unsendable(unnamed, "item 2")
    assert first_unsendable([1, 2], "item") is None


def test_a_parcel_has_the_size_that_is_sent() -> None:
    sent = parcel(b"x" * 100_000)
    assert 100_000 < sent.size < 100_100
    assert sent.seconds > 0


def test_a_value_in_a_sentence_is_short_whatever_its_repr_does() -> None:
    assert short([1, 2]) == "[1, 2]"
    assert len(short("x" * 1000)) == 60
    assert short(Silent()) == "a Silent without a repr"
