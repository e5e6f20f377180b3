"""`poolscope doctor`: what this machine offers, and what stands in the way."""

from __future__ import annotations

import json
import platform
import re
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Call


def test_the_machine_is_described_and_nothing_is_left_behind(call: Call, data: Path) -> None:
    done = call("doctor", "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert found["cpus"]["usable"] >= 1
    assert found["cpus"]["why"]
    assert found["start_method"] in found["start_methods"]
    assert found["data"] == {"file": str(data / "poolscope.sqlite"), "writable": True, "why": "", "earlier": []}
    assert found["cpus"]["affinity"] >= found["cpus"]["usable"]
    assert all(got > 0 for got in found["cpus"]["effective"].values())
    assert "1" in found["cpus"]["effective"]
    assert found["memory_available"] > 0
    (this,) = found["pythons"]
    assert (this["path"], this["why_not"]) == (found["executable"], "")
    assert not data.exists()


def test_each_python_and_the_data_folder_say_whether_they_can_be_used(
    call: Call, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pythons").mkdir()
    for name, text in (("good", f'exec "{sys.executable}" "$@"'), ("bad", "echo out of order >&2; exit 3")):
        (tmp_path / "pythons" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "pythons" / name).chmod(0o755)
    monkeypatch.setenv("POOLSCOPE_PYTHONS", f"none,mine={tmp_path}/pythons/good,{tmp_path}/pythons/bad")
    data.write_text("a file where the folder should be")
    done = call("doctor")
    assert done.status == 0, done.err
    lines = [re.sub(" +", " ", line).strip() for line in done.out.splitlines()]
    assert f"left out {tmp_path}/pythons/bad: it ended with exit code 3: out of order" in lines
    (mine,) = (line for line in lines if line.startswith("Python mine "))
    assert platform.python_version() in mine
    assert mine.endswith(f"; {tmp_path}/pythons/good")
    assert any(line.startswith("usable CPUs ") for line in lines)
    (kept,) = (line for line in lines if line.startswith("data "))
    assert not kept.endswith("can be written")
