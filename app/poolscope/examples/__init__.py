"""Example programs, each a file that runs as it stands: the guide, the runs' pages and the scripts show these.

Nothing imports them: they are read as text. A file may set TASK and LIMIT, the seconds that a task takes and that
somebody waits, which a page sets to those of its run. A name that stands in the standard library is none of theirs,
since a program that is started from this folder would then import its neighbour.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def program(name: str) -> str:
    """The text of a program."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8").strip()


def programs() -> Mapping[str, str]:
    """The texts of all programs, by name."""
    return {name: program(name) for name in sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))}


def program_with(name: str, **constants: float) -> str:
    """The text of a program whose constants have these values, where it has them."""
    text = program(name)
    for constant, value in constants.items():
        text = re.sub(rf"^{constant} = \S+", f"{constant} = {value:g}", text, flags=re.MULTILINE)
    return text


@cache
def part(name: str) -> str:
    """A program without its docstring, constants and call, to stand in a script that has those of its own."""
    text = program(name)
    left_out = [node for node in ast.parse(text).body if isinstance(node, ast.Expr | ast.Assign | ast.If)]
    lines = text.splitlines()
    for node in reversed(left_out):
        del lines[node.lineno - 1 : node.end_lineno]
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip()
