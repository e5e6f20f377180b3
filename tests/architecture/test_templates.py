"""What every template keeps to: lines that can be read, no arithmetic, and one macro for all tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import nodes
from poolscope.web.app_state import environment
from poolscope.web.assets import folder

LONGEST_LINE = 160
ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg)
TEMPLATES = sorted(folder("templates").rglob("*.html"))


def name_of(path: Path) -> str:
    return str(path.relative_to(folder("templates")))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_has_no_long_line_and_does_not_calculate(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if len(line) > LONGEST_LINE] == []
    tree = environment().parse(text)
    assert [f"{type(node).__name__} in line {node.lineno}" for node in tree.find_all(ARITHMETIC)] == []


def test_all_tables_are_made_by_one_macro() -> None:
    """The histograms of a shared list are a figure in rows: no column of them holds data."""
    assert {name_of(path): path.read_text().count("<table") for path in TEMPLATES if "<table" in path.read_text()} == {
        "partials/_macros.html": 1,
        "experiments/shared_list.html": 1,
    }
