"""The few lines that each tool stands for: they run as they are, and print what their comments say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from poolscope.experiments.sharing.catalog import TOOLS
from poolscope.experiments.sharing.isolated import find

SAID = {
    "rlock": "20\nFalse\n",
    "condition": "data\n",
    "semaphore": "2\n",
    "value": "1000 [4, 8, 12, 16]\n",
    "mp-queue": "0\n1\n2\n3\n4\n",
    "pipe": "Hello from worker! You said ping\n",
    "manager": "['Hello from process'] {'parts': [2]}\n",
    "shared-memory": "b'Hello'\n",
    "interpreters": "42\n",
}


def said_by(name: str, folder: Path) -> str:
    path = folder / "program.py"
    path.write_text(TOOLS[name].code, encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", "-S", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SAID)
def test_a_program_prints_what_its_comment_says(name: str, tmp_path: Path) -> None:
    if name == "interpreters" and find() is None:
        pytest.skip("this Python has none")
    assert said_by(name, tmp_path) == SAID[name]


def test_five_threads_append_their_numbers(tmp_path: Path) -> None:
    assert sorted(eval(said_by("lock", tmp_path))) == list(range(5))


def test_five_items_pass_a_queue(tmp_path: Path) -> None:
    said = said_by("queue", tmp_path).splitlines()
    assert [line for line in said if line.startswith("Consumed")] == [f"Consumed: {n}" for n in range(5)]


def test_threads_that_are_woken_or_meet_say_so(tmp_path: Path) -> None:
    assert said_by("event", tmp_path).count("woke up") == 4
    met = said_by("barrier", tmp_path).splitlines()
    assert all("has prepared" in line for line in met[:4])
    assert all("goes on" in line for line in met[4:])


@pytest.mark.parametrize(("name", "all_of"), [("none", 2000), ("value-unguarded", 200_000)])
def test_without_a_guard_updates_are_lost(name: str, all_of: int, tmp_path: Path) -> None:
    assert int(said_by(name, tmp_path)) < all_of
