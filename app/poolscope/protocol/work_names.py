"""The name of a user's own work, `place:function@items[+setup]`: how it is written, read and quoted.

A place is a module's dotted name, or the path of a file that ends in .py. What a path holds beside letters, digits and
a few marks is written as %XX, as in an address, so that a name can be split at its marks and put into a program's text.
"""

from __future__ import annotations

import re

from poolscope.protocol.frozen import frozen

PART = r"[^\W\d]\w*"
NAME = rf"{PART}(?:\.{PART})*"
FILE = r"(?:[\w./~ -]|%[0-9A-F]{2})+\.py"
PLACE = rf"(?:{FILE}|{NAME})"
OWN_WORK = re.compile(
    rf"(?P<place>{PLACE}):(?P<function>{NAME})"
    rf"@(?:(?P<items_place>{PLACE}):)?(?P<items>{NAME})"
    rf"(?:\+(?:(?P<setup_place>{PLACE}):)?(?P<setup>{NAME}))?"
)
FACTORY = re.compile(rf"{PLACE}:{NAME}")
UNMARKED = re.compile(r"[^\w./~ -]")


@frozen
class WorkNames:
    """The parts of a work's name, each as (place, name); items and set-up in the function's place unless they name
    another."""

    function: tuple[str, str]
    items: tuple[str, str]
    setup: tuple[str, str] | None

    @classmethod
    def of(cls, text: str) -> WorkNames:
        """Raises ValueError for what is no such name; the message is a sentence."""
        found = OWN_WORK.fullmatch(text)
        if found is None:
            raise ValueError(f"{text} is not of the form module:function@items or module:function@items+setup.")
        place = found["place"]
        setup = (found["setup_place"] or place, found["setup"]) if found["setup"] else None
        return cls((place, found["function"]), (found["items_place"] or place, found["items"]), setup)

    @property
    def places(self) -> tuple[str, ...]:
        """Every place that is named, each once."""
        parts = (self.function, self.items, *([self.setup] if self.setup else []))
        return tuple(dict.fromkeys(place for place, _ in parts))


def is_file(place: str) -> bool:
    """Whether a place is a file's path; `a.py` is one, whatever it could be as a module."""
    return place.endswith(".py")


def quoted_path(path: str) -> str:
    """A path as a name holds it."""
    return UNMARKED.sub(lambda mark: "".join(f"%{byte:02X}" for byte in mark[0].encode()), path)


def path_of(place: str) -> str:
    """The path that a place in a name means."""
    if "%" not in place:
        return place
    from urllib.parse import unquote  # rarely needed, and not light

    return unquote(place)
