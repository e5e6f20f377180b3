"""The server's log: bounded lines, as text or JSON, with the request's id, and few that are alike."""

from __future__ import annotations

import contextvars
import json
import logging
import sys

from poolscope.cli.logs import ALIKE_A_MINUTE, LONGEST, FewAlike, JsonLines, TextLines
from poolscope.web.requests import request_id


def record(message: str, *args: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("poolscope.web", level, __file__, 1, message, args, None)


def in_request(line: logging.Formatter, what: logging.LogRecord) -> str:
    def write() -> str:
        request_id.set("abc")
        return line.format(what)

    return contextvars.copy_context().run(write)


def test_a_line_of_json_is_an_object_with_the_requests_id() -> None:
    told = json.loads(in_request(JsonLines(), record("It is %s\nand more.", "so")))
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "warning",
        "logger": "poolscope.web",
        "message": "It is so\nand more.",
        "request_id": "abc",
    }
    assert "request_id" not in json.loads(JsonLines().format(record("outside of any")))


def test_a_traceback_is_part_of_its_line_and_bounded() -> None:
    try:
        raise ValueError("x" * 100_000)
    except ValueError:
        failed = logging.LogRecord("poolscope", logging.ERROR, __file__, 1, "It failed", (), sys.exc_info())
    (line,) = JsonLines().format(failed).splitlines()
    error = json.loads(line)["error"]
    assert error.startswith("Traceback")
    assert len(error) < LONGEST + 10
    assert len(TextLines().format(failed)) < LONGEST + 10


def test_a_line_of_text_has_the_requests_id() -> None:
    assert in_request(TextLines(), record("It is so.")).endswith(" WARNING poolscope.web [abc]: It is so.")
    assert TextLines().format(record("It is so.")).endswith(" WARNING poolscope.web: It is so.")


def test_of_many_lines_alike_few_are_written_and_the_rest_is_counted() -> None:
    minutes = [0.0]
    few = FewAlike(lambda: minutes[0])
    passed = [few.filter(record("Broken request %d", number)) for number in range(1000)]
    assert passed.count(True) == ALIKE_A_MINUTE
    assert few.filter(record("Another thing"))
    assert all(few.filter(record("asked for", level=logging.INFO)) for _ in range(1000))
    minutes[0] = 60.0
    next_one = record("Broken request %d", 7)
    assert few.filter(next_one)
    assert next_one.getMessage() == f"Broken request 7 ({1000 - ALIKE_A_MINUTE} lines like this one were left out)"
