"""`poolscope.measure` with real processes: what comes back, what is raised, and that nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import poolscope
import psutil
import pytest

from tests.library.defined_in_main import Point, doubled, offset
from tests.waiting import until_gone
from tests.web.answers import fits

BRIEF: dict[str, Any] = {"kinds": ["thread"], "sizes": [2], "repeats": 1}


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder of this test alone, which is not there yet."""
    monkeypatch.setenv("POOLSCOPE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("POOLSCOPE_PYTHONS", "none")
    return tmp_path / "data"


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither a process nor a file is left of the test."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    before = psutil.Process().children(recursive=True)
    yield
    until_gone([child for child in psutil.Process().children(recursive=True) if child not in before])
    assert list((tmp_path / "tmp").iterdir()) == []


def fails_on_three(number: int) -> int:
    return 1 // (3 - number)


@pytest.mark.usefixtures("nothing_left")
async def test_the_result_has_rows_winner_and_findings_within_a_running_loop_too(data: Path) -> None:
    steps: list[poolscope.MeasureProgress] = []
    result = poolscope.measure(doubled, [Point(1), Point(2)], progress=steps.append, **BRIEF)
    assert result.status == "finished"
    assert [(row.kind, row.size) for row in result.rows] == [("serial", 1), ("thread", 2)]
    assert all(row.map_s is not None and len(row.map_s.samples) == 1 for row in result.rows)
    assert (result.winner, result.verdict is not None) == (None, True)
    assert "results_differ: same" in {finding.code for finding in result.findings}
    document = result.to_dict()
    fits(document)
    assert (document["id"], document["params"]["workload"].partition("@")[0]) == (
        result.run_id,
        f"{doubled.__module__}:doubled",
    )
    assert str(result).index(str(result.verdict)[:20]) < str(result).index("plain loop │")
    assert result._repr_html_().count("<tr>") == 3
    assert steps[-1].share == 1.0
    assert not os.access(data, os.F_OK)


def test_from_a_thread_and_saved_it_is_in_the_journal(data: Path) -> None:
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(lambda: poolscope.measure(offset, range(3), save=True, progress=False, **BRIEF)).result()
    assert (result.run_id, result.to_dict()["kept"]) == ("wp-0001", True)
    assert (data / "poolscope.sqlite").exists()


@pytest.mark.usefixtures("nothing_left")
def test_a_function_that_raises_and_wrong_parameters_are_errors_that_say_which() -> None:
    with pytest.raises(poolscope.MeasurementFailed, match="item 3") as failed:
        poolscope.measure(fails_on_three, range(5), **BRIEF)
    assert "ZeroDivisionError" in failed.value.__notes__[0]
    assert isinstance(failed.value.result, poolscope.MeasureResult)
    for wrong, name in (({"size": 2}, "size"), ({"sizes": [0]}, "sizes"), ({"pythons": "./nowhere"}, "pythons")):
        with pytest.raises(poolscope.BadParameters) as bad:
            poolscope.measure(abs, [1], **wrong)
        assert [error.name for error in bad.value.errors] == [name]


@pytest.mark.usefixtures("nothing_left")
def test_ctrl_c_leaves_nothing_and_carries_what_was_measured() -> None:
    def interrupt(step: poolscope.MeasureProgress) -> None:
        if step.share and step.share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        poolscope.measure(abs, range(100), progress=interrupt, **{**BRIEF, "repeats": 50})
    assert isinstance(stopped.value, poolscope.MeasurementInterrupted)
    result = stopped.value.result
    assert result.status == "stopped"
    assert 1 <= len(result.rows[0].map_s.samples if result.rows[0].map_s else ()) < 50


SCRIPT = """
import poolscope
{definition}
how = dict(kinds=["process"], sizes=[1], repeats=1, start_methods=["spawn"])
{guard}result = poolscope.measure({function}, range(4), **how)
{guard}print(result.json)
"""


@pytest.mark.parametrize(
    ("definition", "function", "guard", "without"),
    [
        ("", "lambda n: n + 1", "", False),
        ("def more(n): return n + 1", "more", "if __name__ == '__main__': ", True),
    ],
    ids=["a lambda without a guard", "guarded, without cloudpickle"],
)
def test_a_script_measures_its_own_functions_by_spawned_processes_and_starts_once(
    tmp_path: Path, definition: str, function: str, guard: str, without: bool
) -> None:
    script = SCRIPT.format(definition=definition, function=function, guard=guard)
    if without:
        script = "import sys; sys.modules['cloudpickle'] = None\n" + script
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert [(cell["kind"], cell["skipped"], len(cell["wall_s"]["samples"])) for cell in run["state"]["cells"]] == [
        ("process", None, 1)
    ]


def test_a_script_without_guard_and_cloudpickle_is_told_and_not_started_again(tmp_path: Path) -> None:
    script = "import sys; sys.modules['cloudpickle'] = None\n" + SCRIPT.format(
        definition="def more(n): return n + 1", function="more", guard=""
    )
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert "__name__" in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = "{'pydantic', 'numpy', 'scipy', 'rich', 'poolscope.errors'}"
    program = f"import sys, poolscope; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
    assert set(poolscope.__all__) <= set(dir(poolscope))
    assert all(getattr(poolscope, name) is not None for name in poolscope.__all__)
