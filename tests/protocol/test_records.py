"""Every record comes back from its line as it went; a line that is no record says why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.errors import MalformedRecord
from poolscope.protocol.payloads import Seed
from poolscope.protocol.records import (
    CLASSES,
    PROTOCOL,
    Actor,
    End,
    Failure,
    Printed,
    Record,
    Result,
    Sample,
    from_line,
    to_line,
)

from tests.openings import opening
from tests.protocol.strategies import JSON, TEXT, instances


def records() -> st.SearchStrategy[Record]:
    """Any record, with any payload."""
    return st.one_of(*map(instances, CLASSES))


@given(records())
def test_every_record_comes_back_from_its_line(record: Record) -> None:
    line = to_line(record)
    assert b"\n" not in line
    assert from_line(line) == record


@given(records(), TEXT, JSON)
def test_a_field_that_a_newer_runner_adds_is_dropped(record: Record, name: str, value: Any) -> None:
    body = json.loads(to_line(record))
    assert from_line(json.dumps({f"new {name}": value, **body}).encode()) == record


def test_the_kinds_are_the_words_of_the_protocol() -> None:
    kinds = "run actor span list count task sample result error sampler fault print progress end"
    assert [kind.kind for kind in CLASSES] == kinds.split()


def test_a_line_says_its_kind_first_and_its_protocol_in_the_opening() -> None:
    line = to_line(opening("factorials", 1))
    assert line.startswith(b'{"kind":"run","t":1,')
    assert json.loads(line)["protocol"] == PROTOCOL


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"hello",
        b"[1, 2]",
        b"null",
        b"7",
        b'"run"',
        b"{}",
        b'{"kind":"unheard of","t":1}',
        b'{"kind":["run"],"t":1}',
        b'{"kind":null}',
        b'{"kind":"end","t":1}',
        b'{"kind":"end","t":"1","outcome":"finished"}',
        b'{"kind":"end","t":true,"outcome":"finished"}',
        b'{"kind":"list","t":1,"actor":"a","change":"added","number":1,"items":[1,"2"],"length":1}',
        b'{"kind":"result","t":1,"value":{},"config":""}',
        b'{"kind":"result","t":1,"name":"unheard of","value":{},"config":""}',
        b'{"kind":"result","t":1,"name":["seed"],"value":{},"config":""}',
        b'{"kind":"end","t":1,"outcome":"finished"',
        b'{"kind":"end","t":1,"outcome":"finished"}{"kind":"end","t":1,"outcome":"finished"}',
        b'{"kind":"print","t":1,"stream":"stdout","text":"\xff"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_record_is_malformed(line: bytes) -> None:
    with pytest.raises(MalformedRecord, match="no record"):
        from_line(line)


@given(st.binary())
def test_garbage_is_malformed_and_nothing_else(line: bytes) -> None:
    with pytest.raises(MalformedRecord):
        from_line(line)


@given(records(), st.data())
def test_a_record_with_anything_in_a_field_is_a_record_or_malformed(record: Record, data: st.DataObject) -> None:
    body = json.loads(to_line(record))
    body[data.draw(st.sampled_from(sorted(body)))] = data.draw(JSON)
    try:
        read = from_line(json.dumps(body).encode())
    except MalformedRecord:
        return
    assert from_line(to_line(read)) == read


def test_a_missing_field_that_has_a_default_gets_it() -> None:
    assert from_line(b'{"kind":"actor","t":5,"actor":"thread 1","event":"started"}') == Actor(5, "thread 1", "started")
    assert from_line(b'{"kind":"end","t":5,"outcome":"stopped"}') == End(5, "stopped")


def test_text_of_any_script_stays_readable_in_the_line() -> None:
    record = Failure(1, "ValueError", "naïve – 数 🎉 \u2028 \x00")
    assert "naïve – 数 🎉".encode() in to_line(record)
    assert from_line(to_line(record)) == record


def test_a_lone_surrogate_is_shown_escaped_rather_than_lost() -> None:
    printed = from_line(to_line(Printed(1, "stdout", "file\udcff")))
    assert printed in (Printed(1, "stdout", "file\udcff"), Printed(1, "stdout", "file\\udcff"))


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), float("-inf")])
def test_what_json_can_not_hold_never_leaves(seconds: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_line(Sample(1, "map", "2", 1, seconds))


def test_a_result_names_its_payload_by_its_tag() -> None:
    body = json.loads(to_line(Result(1, Seed(7), "pool 2")))
    assert body == {
        "kind": "result",
        "t": 1,
        "name": "seed",
        "value": {"seed": 7},
        "config": "pool 2",
    }
