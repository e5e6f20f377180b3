"""The server's log on stderr: lines of text, or a JSON object a line; each is bounded, and so are repetitions."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from poolscope.web.requests import request_id

LogFormat = Literal["text", "json"]

LONGEST = 6_000  # characters of a message, or of a traceback
ALIKE_A_MINUTE = 20  # warnings of one kind; who is attacked needs the number of the others, not their text
MOST_KINDS = 1_000


def set_up(level: str, form: LogFormat) -> None:
    """Log to stderr from now on, in place of what was set up before."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    handler.addFilter(FewAlike())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class TextLines(logging.Formatter):
    """Time, level, logger, the request's id where there is one, and the message; with a traceback below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s%(of_request)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        own = request_id.get()
        record.of_request = f" [{own}]" if own else ""
        return shortened(super().format(record))


class JsonLines(logging.Formatter):
    """An object a line: time, level, logger, message; request_id, request and error where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": shortened(record.getMessage()),
        }
        if own := request_id.get():
            line["request_id"] = own
        if request := getattr(record, "request", None):
            line["request"] = request
        if record.exc_info:
            line["error"] = shortened(self.formatException(record.exc_info))
        return json.dumps(line)


def shortened(text: str) -> str:
    """The beginning and the end of a long one: of a traceback, where it was called from, and what was raised."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n…\n{text[-half:]}"


class FewAlike(logging.Filter):
    """Lets so many warnings of one kind through a minute, and the first of the next minute says how many were not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._minute = 0
        self._counts: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:  # they come on request
            return True
        minute, left_out = int(self._clock() // 60), 0
        kind = record.name, str(record.msg)
        if minute != self._minute:
            left_out = self._counts.get(kind, 0) - ALIKE_A_MINUTE
            self._minute, self._counts = minute, {}
        if len(self._counts) >= MOST_KINDS:
            self._counts = {}
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if left_out > 0:
            record.msg = f"{record.getMessage()} ({left_out} lines like this one were left out)"
            record.args = ()
        return self._counts[kind] <= ALIKE_A_MINUTE
