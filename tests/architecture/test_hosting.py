"""What is written for who hosts a server is true: named tests exist, and so do the settings that are passed."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from poolscope.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@cache
def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_threat_names_tests_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 15
    assert [row for row in rows if not NAMED.search(row)] == []
    assert [
        f"{path}::{name}"
        for path, name in NAMED.findall(text)
        if not (ROOT / path).exists() or (name and name not in functions_of(ROOT / path))
    ] == []


@pytest.mark.parametrize("file", ["compose.yaml", "compose.tls.yaml", "Dockerfile"])
def test_what_is_passed_to_the_container_is_a_setting(file: str) -> None:
    passed = set(re.findall(r"POOLSCOPE_(\w+)", (ROOT / file).read_text(encoding="utf-8")))
    assert passed
    assert passed - {name.upper() for name in Settings.model_fields} == set()


def test_a_stream_is_neither_compressed_nor_held_back_by_the_proxy() -> None:
    caddyfile = (ROOT / ".hosting" / "Caddyfile").read_text(encoding="utf-8")
    compressed = re.findall(r"header Content-Type (\S+)\*", caddyfile)
    assert compressed
    assert not any("text/event-stream".startswith(kind) for kind in compressed)
    assert "flush_interval -1" in caddyfile
