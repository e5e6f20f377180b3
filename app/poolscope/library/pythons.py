"""The Pythons that a measurement names, by label or by path, as paths by label."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from poolscope.errors import BadParameters, ParameterError
from poolscope.machine import interpreters
from poolscope.settings import Settings


async def find_pythons(settings: Settings, first: str, others: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """All Pythons at hand, and the labels of `first` ('' for this one) and `others`, which are paths or labels.

    Nothing is asked for, [], where this one is the only one. Raises BadParameters for one that can't be used.
    """
    if not first and not others:
        return interpreters.by_label([interpreters.current()]), []
    named, elsewhere = interpreters.parse_setting(settings.pythons)
    paths = {word: path for word in (first, *others) if word and (path := program_path(word))}
    labelled = [word for word in others if word not in paths]
    found = await interpreters.find([*(("", path) for path in paths.values()), *named], elsewhere and bool(labelled))
    by_label, labels = interpreters.by_label(found), []
    for word in (first or sys.executable, *others):
        label, why_not = word, "no Python has that label, and no program that name"
        if word in paths or word == sys.executable:
            python = interpreters.at_path(found, paths.get(word, word))
            label, why_not = python.label, python.why_not
        if label not in by_label:
            raise BadParameters((ParameterError("pythons", f"{word} can't be used: {why_not}."),))
        labels.append(label)
    return by_label, list(dict.fromkeys(labels))


def program_path(word: str) -> str:
    """The path that a word on the command line means; '' where it is none."""
    return word if os.sep in word else shutil.which(word) or ""
